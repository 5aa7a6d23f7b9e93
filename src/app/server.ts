import type { Container } from 'inversify';
import type { Feed, FeedCounts } from '../core/ports/feed.ts';
import type { SubscriptionName } from '../core/ports/ledger-upkeep.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { SellerBackend } from '../core/tickerplant/seller-node.ts';
import type { Transport } from '../core/tickerplant/service.ts';
import type { Tickerplant } from '../core/tickerplant/tickerplant.ts';
import type { SqliteLedger } from '../storage/ledger/sqlite-ledger.ts';
import type { BackendConfig } from './config/backend.ts';
import type { BaseConfig } from './config/parse.ts';
import { type ContainerOptions, createContainer, parts } from './container.ts';
import { Disposal } from './disposal.ts';
import { tablesWithFeed } from './feed-tables.ts';
import { serveControl } from './maintenance/control-server.ts';
import { systemClock, systemRandom } from './system.ts';

/** How a server is started, beside its config. */
export interface StartServerOptions extends Partial<Omit<ContainerOptions, 'config' | 'logger'>> {
  readonly logger: Logger;
  /** `auto` (unless given): rows are published from the start. `manual`: when {@link RunningServer.runFeed} is called. */
  readonly feedStart?: 'auto' | 'manual';
  /** How long {@link RunningServer.stop} lets buyers take what is on its way to them; the config's unless given. */
  readonly stopDeadlineMs?: number;
}

/** A server that is listening. */
export interface RunningServer extends AsyncDisposable {
  /** Transport → the URL that buyers use: `{ websocket: 'ws://127.0.0.1:5010' }`. */
  readonly urls: Readonly<Record<string, string>>;
  readonly tickerplant: Tickerplant;
  readonly backend: SellerBackend;
  readonly store: SqliteLedger;
  /** The configured feed; undefined where there is none. */
  readonly feed: Feed | undefined;
  /** Publishes what the feed brings, until it has ended or the server stops. Called again, it is the same run. @throws FeedError. */
  runFeed(): Promise<FeedCounts>;
  /** Ends the feed's run where it is; the server goes on. */
  stopFeed(): Promise<void>;
  /** Says good-bye to the buyers, lets what is under way end, closes everything. Called again, it is the same stop. */
  stop(): Promise<void>;
}

/**
 * Starts everything of a config: ledger, journal, backend, tickerplant, transports, feed, in this order. A node that is away
 * is no error: until it is there quotes are refused as temporarily unavailable.
 * @throws LedgerError, JournalError, ListenError, FeedError (its config), with nothing left open.
 */
export async function startServer(
  config: BaseConfig & { readonly backend?: BackendConfig },
  options: StartServerOptions,
): Promise<RunningServer> {
  const disposal = new Disposal();
  try {
    return await open(config, options, disposal);
  } catch (error) {
    await disposal[Symbol.asyncDispose]().catch((second: unknown) =>
      options.logger.warn({ err: second }, 'closing again what had been opened failed'),
    );
    throw error;
  }
}

async function open(
  config: BaseConfig & { readonly backend?: BackendConfig },
  options: StartServerOptions,
  disposal: Disposal,
): Promise<RunningServer> {
  const { logger, clock = systemClock, random = systemRandom, stopDeadlineMs = config.stopDeadlineMs } = options;
  const container = createContainer({ ...options, config: { ...config, tables: await tablesWithFeed(config) }, clock, random });
  const operators = await container.getAsync(parts.operators);
  disposal.add(() => operators[Symbol.asyncDispose]());
  const feed = container.isBound(parts.feed) ? await container.getAsync(parts.feed) : undefined;
  if (feed !== undefined && options.feed === undefined) disposal.add(() => feed[Symbol.asyncDispose]());
  const store = await container.getAsync(parts.store);
  let selling: Tickerplant | undefined;
  disposal.add(() => store[Symbol.asyncDispose]());
  if (store.path !== ':memory:') {
    const revoke = (name: SubscriptionName) => (selling === undefined ? store.ledger.revoke(name, clock.now()) : selling.revoke(name));
    const revokeDevice = (idOrName: string) => selling?.revokeDevice(idOrName) ?? store.ledger.revokeDevice(idOrName, clock.now());
    const control = await serveControl({ store, clock, revoke, revokeDevice }, logger);
    disposal.add(() => control[Symbol.asyncDispose]());
  }
  const journal = await container.getAsync(parts.journal);
  disposal.add(() => journal[Symbol.asyncDispose]());
  logger.info({ epoch: journal.epoch, ...journal.recovery }, 'journal open');
  const backend = await container.getAsync(parts.backend);
  if (options.backend === undefined) disposal.add(() => (backend as SellerBackend & AsyncDisposable)[Symbol.asyncDispose]());
  const tickerplant = await container.getAsync(parts.tickerplant);
  selling = tickerplant;
  disposal.add(() => tickerplant.stop());
  if (feed !== undefined) await tickerplant.declareSymbolsOf(feed);
  const urls = await listen(container, tickerplant, disposal, stopDeadlineMs, logger);

  const feeding = new AbortController();
  let run: Promise<FeedCounts> | undefined;
  const stopFeed = async () => {
    feeding.abort();
    await run?.catch(() => undefined);
  };
  disposal.add(stopFeed);
  const runFeed = () => {
    run ??= runTo(feed, tickerplant, feeding.signal, logger);
    return run;
  };
  const stop = () => disposal[Symbol.asyncDispose]();
  if (feed !== undefined && options.feedStart !== 'manual') runFeed().catch(() => undefined);
  return { urls, tickerplant, backend, store, feed, runFeed, stopFeed, stop, [Symbol.asyncDispose]: stop };
}

async function listen(
  container: Container,
  tickerplant: Tickerplant,
  disposal: Disposal,
  stopDeadlineMs: number,
  logger: Logger,
): Promise<Record<string, string>> {
  const transports: Transport[] = container.isBound(parts.transport) ? await container.getAllAsync(parts.transport) : [];
  const urls: Record<string, string> = {};
  for (const transport of transports) {
    urls[transport.name] = await transport.start(tickerplant);
    disposal.add(() => transport.stop(stopDeadlineMs));
    logger.info({ url: urls[transport.name] }, `${transport.name}: listening`);
  }
  return urls;
}

/** A feed that fails ends; the server goes on, since buyers may still take what they have paid for. */
async function runTo(feed: Feed | undefined, tickerplant: Tickerplant, signal: AbortSignal, logger: Logger): Promise<FeedCounts> {
  if (feed === undefined) return { rows: 0, badRows: 0 };
  try {
    await tickerplant.run(feed, signal);
  } catch (error) {
    if (signal.aborted) return feed.counts;
    logger.error({ err: error, ...feed.counts }, 'the feed has failed; what was published stays, nothing more comes');
    throw error;
  }
  logger.info({ ...feed.counts }, signal.aborted ? 'feed stopped' : 'the feed has ended');
  return feed.counts;
}
