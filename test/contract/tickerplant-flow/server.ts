import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import type { SettlementPolicy } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { TickerplantLimits } from '../../../src/core/tickerplant/limits.ts';
import type { TableDefinition } from '../../../src/core/tickerplant/schema.ts';
import { openTickerplant, type Tickerplant } from '../../../src/core/tickerplant/tickerplant.ts';
import { l402Credentials } from '../../../src/credentials/l402.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { websocketConfigSchema } from '../../../src/transport/websocket/config.ts';
import { websocketTransport } from '../../../src/transport/websocket/transport.ts';

/** The whitepaper's table, with a timestamp for its time. */
export const TRADE: TableDefinition = {
  name: 'trade',
  columns: [
    { name: 'time', type: 'timestamp' },
    { name: 'sym', type: 'symbol' },
    { name: 'price', type: 'float' },
    { name: 'size', type: 'long' },
  ],
  symbols: ['AAPL', 'GOOGL', 'MSFT'],
  pricing: { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 },
};

/** What a case may set. */
export interface FlowOptions {
  readonly tables?: readonly TableDefinition[];
  readonly quoteExpirySeconds?: number;
  readonly limits?: Partial<TickerplantLimits>;
  readonly settlements?: Partial<SettlementPolicy>;
  /** Puts something between the server and its node. */
  readonly seller?: (backend: LightningBackend) => LightningBackend;
}

/** A seller's server: the real core, stores and WebSocket transport around the payee's backend. */
export interface FlowServer extends AsyncDisposable {
  readonly url: string;
  readonly tickerplant: Tickerplant;
  /** Publishes one row a symbol at the given price. */
  tick(price: number, ...syms: readonly string[]): void;
  /** Stops it, and starts it again on the same files and port. */
  restart(whileDown?: () => Promise<void>): Promise<void>;
}

interface Running {
  readonly url: string;
  readonly tickerplant: Tickerplant;
  readonly stop: () => Promise<void>;
}

/** Starts a server that sells over a backend, on files of its own. */
export async function startFlowServer(backend: LightningBackend, options: FlowOptions = {}): Promise<FlowServer> {
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-flow-'));
  let running = await start(backend, dir, 0, options);
  return {
    get url() {
      return running.url;
    },
    get tickerplant() {
      return running.tickerplant;
    },
    tick(price, ...syms) {
      const time = new Date(systemClock.now()).toISOString();
      running.tickerplant.publish(
        'trade',
        syms.map((sym) => [time, sym, price, 100]),
      );
    },
    async restart(whileDown) {
      const port = Number(new URL(running.url).port);
      await running.stop();
      await whileDown?.();
      running = await start(backend, dir, port, options);
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function start(backend: LightningBackend, dir: string, port: number, options: FlowOptions): Promise<Running> {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openSqliteLedger({ path: path.join(dir, 'ledger.db'), logger: silentLogger });
  const journal = await openJournal({ dir: path.join(dir, 'journal'), clock: systemClock, logger: silentLogger });
  const { tables = [TRADE], seller: _seller, ...rest } = options;
  const tickerplant = await openTickerplant({
    ...shared,
    ...rest,
    tables,
    backend,
    ledger: store.ledger,
    journal,
    credentials: l402Credentials,
  });
  const transport = websocketTransport(websocketConfigSchema.parse({ host: '127.0.0.1', port }), shared);
  const url = await transport.start(tickerplant);
  const stop = async () => {
    await transport.stop(1_000);
    await tickerplant.stop();
    await journal[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { url, tickerplant, stop };
}
