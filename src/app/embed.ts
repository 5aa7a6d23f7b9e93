import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/ports/clock.ts';
import type { Feed, FeedCounts } from '../core/ports/feed.ts';
import type { SettlementEffect, SettlementPolicy } from '../core/ports/ledger.ts';
import { type Logger, silentLogger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import type { TickerplantLimits } from '../core/tickerplant/limits.ts';
import type { Row } from '../core/tickerplant/schema.ts';
import type { SellerBackend } from '../core/tickerplant/seller-node.ts';
import type { TickerplantService } from '../core/tickerplant/service.ts';
import type { TickerplantCounters } from '../core/tickerplant/tickerplant.ts';
import type { EndOfDayTime } from '../core/tickerplant/trading-calendar.ts';
import type { ListenerClientInput } from '../listener/config.ts';
import type { HttpConfigInput } from '../transport/http/config.ts';
import type { MqttConfigInput } from '../transport/mqtt/config.ts';
import type { WebsocketConfigInput } from '../transport/websocket/config.ts';
import type { AccessInput } from './config/access.ts';
import { isPlainObject } from './config/environment.ts';
import { ConfigError } from './config/errors.ts';
import { checkListening } from './config/listening.ts';
import { type BaseConfig, type Config, parseBaseConfig, parseConfig } from './config/parse.ts';
import type { TableInput } from './config/tables.ts';
import { type RunningServer, startServer } from './server.ts';
import { systemClock, systemRandom } from './system.ts';

/** A backend as it would stand in a config: `{ kind: 'lnd', … }`. */
export type BackendInput = { readonly kind: string } & Readonly<Record<string, unknown>>;

/** What {@link createTickerplant} is made of. The names are those of a config file; see docs/configuration.md. */
export interface CreateTickerplantOptions {
  /** The seller's node: a config, or an object of your own (`node` and `invoices` of a `LightningBackend` are enough), which stays yours to close. */
  readonly backend: SellerBackend | BackendInput;
  /** Left out: the whitepaper's `trade`. */
  readonly tables?: Readonly<Record<string, TableInput>>;
  /** A config, or an object of your own, which stays yours to close. Left out: rows come by {@link EmbeddedTickerplant.publish}. */
  readonly feed?: Feed | ({ readonly kind: string } & Readonly<Record<string, unknown>>);
  /** `auto` (unless given): the feed begins at once. `manual`: when {@link EmbeddedTickerplant.runFeed} is called. */
  readonly feedStart?: 'auto' | 'manual';
  /** A SQLite file, `data/ledger.db` unless given; `memory`: who paid is forgotten when the process ends. */
  readonly ledger?: 'memory' | { readonly path: string };
  /** A folder, `data/journal` unless given; `memory`: a temporary one, removed at the end. */
  readonly journal?: 'memory' | ({ readonly dir: string } & Readonly<Record<string, unknown>>);
  /** An HTTP server of your own: buyers' WebSockets are taken at `path`, everything else is yours. */
  readonly server?: Server;
  /** The path on your server, `/` unless given. */
  readonly path?: string;
  /** How the WebSocket transport behaves, and where it listens if it has no server of yours; `false`: no WebSocket at all. */
  readonly websocket?: WebsocketConfigInput | false;
  /** The HTTP transport; left out, there is none. */
  readonly http?: HttpConfigInput;
  /** Who may publish, read metrics and look after it over the transports; nobody unless given. The names are those of a config's `access`. */
  readonly access?: AccessInput;
  /** What devices sell, as in a config; left out, there are none. */
  readonly devices?: Readonly<Record<string, unknown>>;
  /** Devices over MQTT; left out, not. */
  readonly mqtt?: MqttConfigInput;
  readonly limits?: Partial<TickerplantLimits>;
  /** `expiry`: how long a quote can be paid, `1h` unless given. */
  readonly quotes?: { readonly expiry?: string };
  /** A listener (`tickerplant listener`) that tells what was paid; left out, the backend does. */
  readonly listener?: ListenerClientInput;
  /** When the day ends: `{ at: '17:00', zone: 'America/New_York' }`; midnight UTC unless given. */
  readonly endOfDay?: Partial<EndOfDayTime>;
  /** What becomes of money that did not come as it was asked for: a late payment is honoured, the rest is put to the buyer's credit, unless given. */
  readonly settlements?: Partial<SettlementPolicy>;
  /** Pino's shape; says nothing unless given. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Serve beyond this machine for play money (`backend.kind: simulated`). */
  readonly forcePublic?: boolean;
  /** How long {@link EmbeddedTickerplant.stop} lets buyers take what is on its way to them, milliseconds; 5000 unless given. */
  readonly stopDeadlineMs?: number;
}

/** A tickerplant inside your program. */
export interface EmbeddedTickerplant extends AsyncDisposable {
  /** What buyers connect to; on a server of yours that does not listen yet, the path alone. Undefined without WebSocket. */
  readonly url: string | undefined;
  /** Where HTTP is served; undefined without it. */
  readonly httpUrl: string | undefined;
  /** Where devices connect over MQTT; undefined without it. */
  readonly mqttUrl: string | undefined;
  /** What transports are given: for one of your own. */
  readonly service: TickerplantService;
  readonly counters: TickerplantCounters;
  /**
   * Numbers rows, records them, and hands them to all who have paid for them. A row one value short gets the time of now in front.
   * @throws TickerplantError; then none of them was published.
   */
  publish(table: string, rows: readonly Row[]): void;
  /** Puts symbols on sale before their first row. */
  declareSymbols(table: string, syms: Iterable<string>): void;
  /**
   * Ends the day, `2026-11-20`, before its time: rolls the journal and tells the buyers. False where it had ended already. At its time
   * (`endOfDay` of the options) it ends by itself. @throws RangeError for what is no date, LedgerError.
   */
  endOfDay(date: string): Promise<boolean>;
  /** Ends a subscription's token for good; false where there is no such subscription. @throws LedgerError. */
  revoke(subscription: string): Promise<boolean>;
  /** Calls back after each settlement whose effect is durable. */
  onSettlement(listener: (effect: SettlementEffect) => void): Disposable;
  /** Begins the feed where `feedStart` is `manual`; resolves when it has ended. @throws FeedError. */
  runFeed(): Promise<FeedCounts>;
  /** Says good-bye to buyers and closes what it opened; your server, backend object and feed object stay open. */
  stop(): Promise<void>;
}

/**
 * Starts a tickerplant in your own program. A node that is away is no error: until it is there, quotes are refused as
 * temporarily unavailable.
 * @throws ConfigError, LedgerError, JournalError, ListenError, FeedError, with nothing left open.
 */
export async function createTickerplant(options: CreateTickerplantOptions): Promise<EmbeddedTickerplant> {
  const { logger = silentLogger, clock = systemClock, random = systemRandom } = options;
  const temporary = options.journal === 'memory' ? await mkdtemp(join(tmpdir(), 'tickerplant-')) : undefined;
  const removeTemporary = async () => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  try {
    const config = await configOf(options, temporary);
    if ('backend' in config) checkServer(config, options);
    const server = await startServer(config, {
      logger,
      clock,
      random,
      backend: isBackend(options.backend) ? options.backend : undefined,
      feed: isFeed(options.feed) ? options.feed : undefined,
      server: options.server,
      path: options.path,
      ...(options.feedStart === undefined ? {} : { feedStart: options.feedStart }),
      ...(options.stopDeadlineMs === undefined ? {} : { stopDeadlineMs: options.stopDeadlineMs }),
    });
    const tickerplant = embedded(server, removeTemporary);
    if ('backend' in config) checkServerLater(config, options, () => tickerplant.stop());
    return tickerplant;
  } catch (error) {
    await removeTemporary();
    throw error;
  }
}

function embedded(server: RunningServer, afterwards: () => Promise<void>): EmbeddedTickerplant {
  const { tickerplant } = server;
  const stop = async () => {
    await server.stop();
    await afterwards();
  };
  return {
    url: server.urls['websocket'],
    httpUrl: server.urls['http'],
    mqttUrl: server.urls['mqtt'],
    service: tickerplant,
    get counters() {
      return tickerplant.counters;
    },
    publish: (table, rows) => tickerplant.publish(table, rows),
    declareSymbols: (table, syms) => tickerplant.declareSymbols(table, syms),
    endOfDay: (date) => tickerplant.endOfDay(date),
    revoke: async (subscription) => (await tickerplant.revoke(subscription)) !== undefined,
    onSettlement: (listener) => tickerplant.onSettlement(listener),
    runFeed: () => server.runFeed(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The options as a config would have them, parsed by the same schemas. */
async function configOf(options: CreateTickerplantOptions, temporary: string | undefined): Promise<Config | BaseConfig> {
  const {
    backend,
    tables,
    feed,
    ledger,
    journal,
    websocket,
    http,
    access,
    listener,
    devices,
    mqtt,
    limits,
    quotes,
    settlements,
    endOfDay,
    forcePublic = false,
  } = options;
  const raw = {
    ...(isBackend(backend) ? {} : { backend }),
    tables,
    feed: isFeed(feed) ? undefined : feed,
    ledger: ledger === 'memory' ? { path: ':memory:' } : ledger,
    journal: temporary === undefined ? journal : { dir: temporary },
    transports: {
      ...(websocket === false ? {} : { websocket: { ...websocket } }),
      ...(http === undefined ? {} : { http }),
      ...(mqtt === undefined ? {} : { mqtt }),
    },
    devices,
    // A file of tokens in the working folder is nothing of the embedder's unless they say so.
    access: { tokensFile: false, ...access },
    listener,
    limits,
    quotes,
    settlements,
    endOfDay,
  };
  const source = { name: 'createTickerplant', raw: withoutUndefined(raw), locate: () => undefined };
  const parsing = { base: process.cwd(), environment: {}, forcePublic: forcePublic || options.server !== undefined };
  return isBackend(backend) ? await parseBaseConfig(source, parsing) : await parseConfig(source, parsing);
}

/** As for a config: play money on loopback only. */
function checkServer({ backend }: Config, { server, forcePublic = false }: CreateTickerplantOptions): void {
  const address = server?.address();
  if (typeof address !== 'object' || checkListening(backend.kind, address?.address, forcePublic).length === 0) return;
  const message = 'backend.kind is simulated, so buyers pay with play money: let your server listen on 127.0.0.1, or set forcePublic: true';
  throw new ConfigError('createTickerplant', [{ path: 'server', at: undefined, message }]);
}

/** Where the embedder's server begins to listen later, it is looked at then. */
function checkServerLater(config: Config, options: CreateTickerplantOptions, stop: () => Promise<void>): void {
  const { server, logger = silentLogger } = options;
  if (server === undefined || server.listening) return;
  server.once('listening', () => {
    try {
      checkServer(config, options);
    } catch (error) {
      logger.error({}, (error as Error).message);
      stop().catch((second: unknown) => logger.error({ err: second }, 'the tickerplant could not be stopped in order'));
    }
  });
}

function isBackend(backend: CreateTickerplantOptions['backend']): backend is SellerBackend {
  return !isPlainObject(backend) || ('invoices' in backend && 'node' in backend);
}

function isFeed(feed: CreateTickerplantOptions['feed']): feed is Feed {
  return typeof feed === 'object' && 'batches' in feed;
}

function withoutUndefined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
