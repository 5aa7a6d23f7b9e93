import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBaseConfig } from '../../../../src/app/config/parse.ts';
import { type RunningServer, startServer } from '../../../../src/app/server.ts';
import { openSimulatedNetwork } from '../../../../src/app/simulated-network.ts';
import { sat } from '../../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../../src/core/lightning/backend.ts';
import { type Logger, silentLogger } from '../../../../src/core/ports/logger.ts';

/** What differs from the usual. */
export interface PlantOptions {
  readonly transports?:
    | (Readonly<Record<'websocket' | 'http' | 'kdb', Readonly<Record<string, unknown>> | undefined>> & {
        readonly mqtt?: Readonly<Record<string, unknown>>;
      })
    | undefined;
  readonly access?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly logger?: Logger;
}

/** A whole server with every door, on a config as it stands in a file, and a buyer's node beside it. */
export class Plant implements AsyncDisposable {
  readonly server: RunningServer;
  readonly folder: string;
  readonly seller: LightningBackend;
  readonly buyer: LightningBackend;
  /** Token → its quote. */
  readonly quotes: Map<string, string> = new Map();
  readonly #open: AsyncDisposable[];

  private constructor(server: RunningServer, folder: string, seller: LightningBackend, buyer: LightningBackend, open: AsyncDisposable[]) {
    this.server = server;
    this.folder = folder;
    this.seller = seller;
    this.buyer = buyer;
    this.#open = open;
  }

  static async start(options: PlantOptions | ((folder: string) => PlantOptions | Promise<PlantOptions>) = {}): Promise<Plant> {
    const folder = await mkdtemp(join(tmpdir(), 'tp-access-'));
    const open: AsyncDisposable[] = [{ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }];
    const { transports, access, limits, logger = silentLogger } = typeof options === 'function' ? await options(folder) : options;
    const network = await openSimulatedNetwork();
    const [seller, buyer] = [await network.backend('seller'), await network.backend('buyer')];
    open.push(network, seller, buyer);
    const raw = {
      tables: {
        trade: { columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' }, symbols: ['AAPL', 'GOOG'] },
        halt: { columns: { time: 'timestamp', sym: 'symbol', reason: 'string' }, symbols: ['AAPL'] },
      },
      transports: {
        websocket: { port: 0, ...transports?.websocket },
        http: { port: 0, ...transports?.http },
        kdb: { port: 0, ...transports?.kdb },
        ...(transports?.mqtt !== undefined && { mqtt: { port: 0, ...transports.mqtt } }),
      },
      devices: { items: { water: { msat: 5_000 } } },
      ...(access !== undefined && { access }),
      ...(limits !== undefined && { limits }),
    };
    const config = await parseBaseConfig({ name: 'test', raw, locate: () => undefined }, { base: folder, environment: {} });
    const server = await startServer(config, { backend: seller, logger, stopDeadlineMs: 200 });
    open.push(server);
    return new Plant(server, folder, seller, buyer, open);
  }

  get websocket(): string {
    return this.server.urls['websocket'] as string;
  }

  get http(): string {
    return this.server.urls['http'] as string;
  }

  get kdbPort(): number {
    return Number(/:(\d+)$/.exec(this.server.urls['kdb'] as string)?.[1]);
  }

  /** Pays from the buyer's node; answers the preimage. */
  async pay(paymentRequest: string): Promise<string> {
    const settled = this.server.tickerplant.counters.settled;
    const outcome = await this.buyer.payments.pay({ paymentRequest, maxFeeMsat: sat(100) });
    if (outcome.status !== 'settled') throw new Error(`the payment is ${outcome.status}`);
    while (this.server.tickerplant.counters.settled === settled) await new Promise((resolve) => setTimeout(resolve, 3));
    return outcome.preimage;
  }

  publish(price: number): void {
    this.server.tickerplant.publish('trade', [['2026-11-20T14:30:00.000Z', 'AAPL', price, 100]]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  }
}
