import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBaseConfig } from '../../src/app/config/parse.ts';
import { type RunningServer, startServer } from '../../src/app/server.ts';
import { openSimulatedNetwork } from '../../src/app/simulated-network.ts';
import { sat } from '../../src/core/lightning/amount.ts';
import type { Payments } from '../../src/core/lightning/payment.ts';
import { silentLogger } from '../../src/core/ports/logger.ts';
import type { SellerBackend } from '../../src/core/tickerplant/seller-node.ts';

/** Heartbeats would be rows' company on the wire: none in a measurement. */
const HEARTBEAT_SECONDS = 3_600;
const HTTP_LIMITS = {
  requestBurstPerAddress: 1_000_000,
  requestsPerSecondPerAddress: 1_000_000,
  maxStreams: 100_000,
  maxStreamsPerAddress: 100_000,
};
const CHANNEL_SAT = 10_000_000_000;
const MAX_FEE_MSAT = sat(1_000);

/** What a seller of a benchmark has besides its tables. */
export interface SellerOptions {
  readonly tables: Readonly<Record<string, unknown>>;
  readonly backend: SellerBackend;
  /** Where ledger and journal are kept. */
  readonly dir: string;
  /** Besides WebSocket. */
  readonly doors?: readonly ('http' | 'kdb')[];
}

/** The product as it is started from a config: ledger and journal in files, every limit on buyers out of the way. */
export async function startSeller({ tables, backend, dir, doors = [] }: SellerOptions): Promise<RunningServer> {
  const local = { host: '127.0.0.1', port: 0 };
  const raw = {
    tables,
    ledger: { kind: 'sqlite', path: join(dir, 'ledger.db') },
    journal: { dir: join(dir, 'journal') },
    transports: {
      websocket: { ...local, heartbeatSeconds: HEARTBEAT_SECONDS, maxRequestsInFlight: 1_000_000 },
      ...(doors.includes('http') ? { http: { ...local, ...HTTP_LIMITS, heartbeatSeconds: HEARTBEAT_SECONDS } } : {}),
      ...(doors.includes('kdb') ? { kdb: local } : {}),
    },
    access: { tokensFile: false },
    limits: {
      subscriptionsPerConnection: 1_000_000,
      openQuotesPerConnection: 1_000_000,
      openQuotes: 1_000_000,
      quoteBurstPerAddress: 10_000_000,
      quotesPerSecondPerAddress: 10_000_000,
    },
  };
  const config = await parseBaseConfig({ name: 'benchmark', raw, locate: () => undefined }, { base: dir, environment: {} });
  return await startServer(config, { logger: silentLogger, backend });
}

/** A network of play money with a seller's node and a buyer's, who has enough for everything. */
export async function playMoney(): Promise<{ readonly seller: SellerBackend; readonly pay: (invoice: string) => Promise<void> }> {
  const network = await openSimulatedNetwork({
    network: { nodes: ['seller', 'buyer'], channels: [{ from: 'buyer', to: 'seller', sat: CHANNEL_SAT, pushSat: 1_000_000 }] },
  });
  const [seller, buyer] = [await network.backend('seller'), await network.backend('buyer')];
  return { seller, pay: (invoice) => payWith(buyer.payments, invoice) };
}

/** Pays, whatever it costs. @throws Error where it is not settled. */
export async function payWith(payments: Payments, invoice: string): Promise<void> {
  const outcome = await payments.pay({ paymentRequest: invoice, maxFeeMsat: MAX_FEE_MSAT });
  if (outcome.status !== 'settled')
    throw new Error(
      `an invoice was not paid: ${JSON.stringify(outcome, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
}

/** A folder that is gone with the process. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
