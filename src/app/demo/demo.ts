import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSimnet } from '../../adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../adapters/simulated/simnet-config.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { parseConfig } from '../config/parse.ts';
import { Disposal } from '../disposal.ts';
import { type RunningServer, startServer } from '../server.ts';
import { systemClock, systemRandom } from '../system.ts';
import { newTally, type Tally, type Visitor, type VisitorEvent, visit } from './audience.ts';

/** What the demo shows. */
export interface DemoOptions {
  readonly logger: Logger;
  /** Ends it in order. */
  readonly signal: AbortSignal;
  /** Seconds after which it ends by itself; a replay ends with its file. */
  readonly exitAfterSeconds?: number | undefined;
  /** A file to publish instead of random trades; begins when both buyers have paid. */
  readonly replay?: { readonly file: string; readonly columns: string } | undefined;
  readonly rowsPerSecond?: number | undefined;
  readonly seed?: number | undefined;
  /** WebSocket's port; 0: any that is free. */
  readonly port?: number | undefined;
  readonly onEvent: (event: DemoEvent) => void;
}

/** What happens, for whoever shows it. */
export type DemoEvent =
  | { readonly type: 'listening'; readonly url: string; readonly symbols: readonly string[] }
  | { readonly type: 'visitor'; readonly event: VisitorEvent }
  | { readonly type: 'publishing'; readonly replay: boolean }
  | { readonly type: 'counts'; readonly published: number; readonly tallies: readonly Tally[] };

/** What it came to; counted at the visitors' sockets, but `published`, `quotes` and `settled`, which are the server's. Rows, not messages. */
export interface DemoResult {
  readonly published: number;
  readonly quotes: number;
  readonly settled: number;
  /** By all buyers. */
  readonly delivered: number;
  /** By the buyer of everything. */
  readonly bySymbol: Readonly<Record<string, number>>;
  readonly unpaidDelivered: number;
  /** From the settlement's effect in the ledger to a buyer's first row; nearest rank over the buyers. Undefined without any. */
  readonly settleToFirstTickMs: { readonly p50: number; readonly p99: number } | undefined;
}

const COUNTS_EVERY_MS = 1_000;
const SETTLED_DOWN_POLL_MS = 20;
const SETTLED_DOWN_DEADLINE_MS = 10_000;

/**
 * The whole thing on one machine: a simulated Lightning network, a server and three visitors, each connected through real
 * sockets: one buys every symbol, one (over a third node) two of them, one pays nothing. Leaves no file behind.
 * @throws SubscriberError, FeedError, ConfigError for a replay that can't be meant.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const disposal = new Disposal();
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-demo-'));
  disposal.add(() => rm(dir, { recursive: true, force: true }));
  try {
    return await run(options, dir, disposal);
  } finally {
    await disposal[Symbol.asyncDispose]();
  }
}

async function run(options: DemoOptions, dir: string, disposal: Disposal): Promise<DemoResult> {
  const { logger, onEvent, replay } = options;
  const simnetConfig = simnetConfigSchema.parse({ socket: path.join(dir, 'simnet.sock'), dir: path.join(dir, 'simnet') });
  const simnet = await startSimnet(simnetConfig, { clock: systemClock, random: systemRandom, logger });
  disposal.add(() => simnet[Symbol.asyncDispose]());
  const server = await startServer(await serverConfig(options, dir, simnet.socket), { logger, feedStart: 'manual' });
  disposal.add(() => server.stop());
  const url = server.urls['websocket'] ?? '';
  const symbols = server.tickerplant.symbols('trade');
  onEvent({ type: 'listening', url, symbols });

  const visitors = await invite(dir, simnet.socket, symbols);
  const tallies = visitors.map(newTally);
  const settledAt = watchSettlements(server, disposal);
  const leaving = new AbortController();
  const ended = timeIsUp(options);
  const visits = visitors.map((visitor, index) =>
    visit(visitor, tallies[index] as Tally, {
      url,
      stateDir: path.join(dir, visitor.name.replaceAll(' ', '-')),
      clock: systemClock,
      random: systemRandom,
      logger,
      signal: leaving.signal,
      monotonic: () => performance.now(),
      onEvent: (event) => onEvent({ type: 'visitor', event }),
    }),
  );
  disposal.add(async () => {
    leaving.abort();
    await Promise.allSettled(visits);
  });
  const failed = Promise.race(visits).then(() => Promise.reject(new Error('a visitor left before the end')));
  failed.catch(() => undefined);

  const counting = setInterval(
    () => onEvent({ type: 'counts', published: server.tickerplant.counters.published, tallies }),
    COUNTS_EVERY_MS,
  );
  disposal.add(async () => clearInterval(counting));
  await Promise.race([publish(server, tallies, replay !== undefined, onEvent, ended.signal), ended.promise, failed]);
  if (replay === undefined) await Promise.race([ended.promise, failed]);
  await settleDown(server, tallies);
  return resultOf(server, tallies, settledAt);
}

async function serverConfig({ replay, rowsPerSecond, seed, port }: DemoOptions, dir: string, socket: string) {
  const feed =
    replay === undefined
      ? { kind: 'random', rowsPerSecond: rowsPerSecond ?? 50, seed: seed ?? 1 }
      : { kind: 'replay', file: path.resolve(replay.file), columns: replay.columns, table: 'trade' };
  const raw = {
    backend: { kind: 'simulated', socket, node: 'seller' },
    feed,
    transports: { websocket: { host: '127.0.0.1', port: port ?? 0 } },
    ledger: { kind: 'sqlite', path: path.join(dir, 'ledger.db') },
    journal: { dir: path.join(dir, 'journal') },
  };
  return await parseConfig({ name: 'the demo', raw, locate: () => undefined });
}

/** One for everything, next to the seller; one for two symbols, a node further away; one who only asks. */
async function invite(dir: string, socket: string, symbols: readonly string[]): Promise<readonly Visitor[]> {
  await mkdir(path.join(dir, 'wallets'));
  const wallet = async (node: string) => {
    const file = path.join(dir, 'wallets', `${node}.yaml`);
    await writeFile(file, JSON.stringify({ backend: { kind: 'simulated', socket, node } }));
    return file;
  };
  const google = ['GOOG', 'GOOGL'].find((sym) => symbols.includes(sym));
  const two = [...new Set(['AAPL', google ?? '', ...symbols])].filter((sym) => symbols.includes(sym)).slice(0, 2);
  return [
    { name: 'buyer of all', syms: '*', wallet: await wallet('buyer') },
    { name: 'buyer of two', syms: two, wallet: await wallet('buyer2') },
    { name: 'pays nothing', syms: '*', wallet: undefined },
  ];
}

/** Subscription → when its settlement took effect, on the monotonic clock. */
function watchSettlements(server: RunningServer, disposal: Disposal): ReadonlyMap<string, number> {
  const settledAt = new Map<string, number>();
  const watching = server.tickerplant.onSettlement((effect) => {
    if (effect.kind === 'granted') settledAt.set(effect.quote.subscription, performance.now());
  });
  disposal.add(async () => watching[Symbol.dispose]());
  return settledAt;
}

function timeIsUp({ signal, exitAfterSeconds }: DemoOptions): { readonly promise: Promise<void>; readonly signal: AbortSignal } {
  const either = exitAfterSeconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(exitAfterSeconds * 1000)]);
  const { promise, resolve } = Promise.withResolvers<void>();
  if (either.aborted) resolve();
  either.addEventListener('abort', () => resolve(), { once: true });
  return { promise, signal: either };
}

async function publish(
  server: RunningServer,
  tallies: readonly Tally[],
  isReplay: boolean,
  onEvent: DemoOptions['onEvent'],
  ended: AbortSignal,
): Promise<void> {
  const haveAllPaid = () => tallies.every((tally) => !tally.pays || tally.active);
  // A replay is over in a moment: it waits for its audience. Random trades go on for ever, and wait for nobody.
  while (isReplay && !haveAllPaid()) await systemClock.sleep(SETTLED_DOWN_POLL_MS, ended);
  onEvent({ type: 'publishing', replay: isReplay });
  await server.runFeed();
}

/** Waits until what was published has reached everybody who has paid for it. */
async function settleDown(server: RunningServer, tallies: readonly Tally[]): Promise<void> {
  const deadline = performance.now() + SETTLED_DOWN_DEADLINE_MS;
  await server.stopFeed();
  let before = -1;
  for (;;) {
    const now = tallies.reduce((sum, tally) => sum + tally.rows, 0);
    if ((now === before && now >= server.tickerplant.counters.delivered) || performance.now() > deadline) return;
    before = now;
    await systemClock.sleep(SETTLED_DOWN_POLL_MS);
  }
}

function resultOf(server: RunningServer, tallies: readonly Tally[], settledAt: ReadonlyMap<string, number>): DemoResult {
  const { published, quotes, settled } = server.tickerplant.counters;
  const rows = (some: readonly Tally[]) => some.reduce((sum, tally) => sum + tally.rows, 0);
  const everything = tallies[0]?.bySymbol ?? new Map<string, number>();
  const waits = tallies.flatMap(({ subscription, firstRowAt }) => {
    const from = subscription === undefined ? undefined : settledAt.get(subscription);
    return from === undefined || firstRowAt === undefined ? [] : [Math.max(0, firstRowAt - from)];
  });
  return {
    published,
    quotes,
    settled,
    delivered: rows(tallies.filter((tally) => tally.pays)),
    bySymbol: Object.fromEntries([...everything].sort(([a], [b]) => (a < b ? -1 : 1))),
    unpaidDelivered: rows(tallies.filter((tally) => !tally.pays)),
    settleToFirstTickMs: waits.length === 0 ? undefined : { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) },
  };
}

/** Nearest rank, to a hundredth of a millisecond. */
function percentile(values: readonly number[], rank: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}
