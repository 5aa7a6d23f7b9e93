import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBaseConfig } from '../../../../src/app/config/parse.ts';
import { type RunningServer, startServer } from '../../../../src/app/server.ts';
import { openSimulatedNetwork, type SimulatedNetwork } from '../../../../src/app/simulated-network.ts';
import { msat } from '../../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../../src/core/lightning/backend.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import type { Row } from '../../../../src/core/tickerplant/schema.ts';
import { KdbClient } from './client.ts';

/** What differs from the usual. */
export interface PlantOptions {
  readonly tables?: Record<string, unknown>;
  readonly kdb?: Record<string, unknown>;
  readonly feed?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
  readonly slowConsumer?: string;
  readonly folder?: string;
  readonly network?: SimulatedNetwork;
}

export const TABLES: Readonly<Record<'trade' | 'every', { readonly columns: Record<string, string>; readonly symbols: string[] }>> = {
  trade: {
    columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' },
    symbols: ['AAPL', 'GOOGL', 'MSFT'],
  },
  every: {
    columns: {
      time: 'timespan',
      sym: 'symbol',
      ts: 'timestamp',
      span: 'timespan',
      day: 'date',
      name: 'symbol',
      text: 'string',
      f: 'float',
      e: 'real',
      j: 'long',
      i: 'int',
      h: 'short',
      b: 'boolean',
    },
    symbols: ['AAPL', 'X'],
  },
};

/** A seller with a kdb+ port, on one node of a simulated network, and a buyer's node beside it. */
export class Plant implements AsyncDisposable {
  readonly server: RunningServer;
  readonly port: number;
  readonly network: SimulatedNetwork;
  readonly #buyer: LightningBackend;
  readonly #open: AsyncDisposable[];
  #days = 0;

  private constructor(server: RunningServer, network: SimulatedNetwork, buyer: LightningBackend, open: AsyncDisposable[]) {
    this.server = server;
    this.network = network;
    this.port = Number(new URL((server.urls['kdb'] as string).replace('kdb:', 'http:')).port);
    this.#buyer = buyer;
    this.#open = open;
  }

  static async start(options: PlantOptions = {}): Promise<Plant> {
    const open: AsyncDisposable[] = [];
    const network = options.network ?? (await openSimulatedNetwork());
    if (options.network === undefined) open.push(network);
    let folder = options.folder;
    if (folder === undefined) {
      const made = await mkdtemp(join(tmpdir(), 'tp-kdb-'));
      folder = made;
      open.push({ [Symbol.asyncDispose]: () => rm(made, { recursive: true, force: true }) });
    }
    const raw = {
      tables: options.tables ?? TABLES,
      transports: { kdb: { port: 0, ...options.kdb } },
      ledger: { path: join(folder, 'ledger.db') },
      journal: { dir: join(folder, 'journal') },
      ...(options.feed !== undefined && { feed: options.feed }),
      ...(options.limits !== undefined && { limits: options.limits }),
      ...(options.slowConsumer !== undefined && { slowConsumer: options.slowConsumer }),
    };
    const config = await parseBaseConfig({ name: 'test', raw, locate: () => undefined }, { base: folder, environment: {} });
    const [seller, buyer] = [await network.backend('seller'), await network.backend('buyer')];
    const server = await startServer(config, { backend: seller, logger: silentLogger, stopDeadlineMs: 200 });
    open.push(server);
    return new Plant(server, network, buyer, open);
  }

  async client(login?: string, capability?: number | 'none'): Promise<KdbClient> {
    const client = await KdbClient.connect(this.port, login, capability);
    this.#open.push(client);
    return client;
  }

  /** Takes what is to be closed with it. */
  keep<T extends AsyncDisposable>(thing: T): T {
    this.#open.push(thing);
    return thing;
  }

  /** Pays from the buyer's node. */
  async pay(paymentRequest: string): Promise<void> {
    const outcome = await this.#buyer.payments.pay({ paymentRequest, maxFeeMsat: msat(10_000n) });
    if (outcome.status !== 'settled') throw new Error(`the payment is ${outcome.status}`);
  }

  /** Ends a day, each time a later one; answers which. */
  async endDay(): Promise<string> {
    this.#days += 1;
    const date = new Date(Date.UTC(2030, 0, this.#days)).toISOString().slice(0, 10);
    await this.server.tickerplant.endOfDay(date);
    return date;
  }

  publish(table: string, ...rows: Row[]): void {
    this.server.tickerplant.publish(table, rows);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  }
}
