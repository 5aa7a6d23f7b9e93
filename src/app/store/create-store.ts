import type { FastifyPluginCallback } from 'fastify';
import type { Clock } from '../../core/ports/clock.ts';
import { type Logger, silentLogger } from '../../core/ports/logger.ts';
import type { PurchaseCounts, PurchaseEffect, PurchaseRecord, PurchaseRefund } from '../../core/ports/purchases.ts';
import type { Random } from '../../core/ports/random.ts';
import type { ItemSource } from '../../core/store/items.ts';
import { Store } from '../../core/store/store.ts';
import { DEFAULT_LIMITS, type TickerplantLimits } from '../../core/tickerplant/limits.ts';
import type { SellerBackend } from '../../core/tickerplant/seller-node.ts';
import { l402Credentials } from '../../credentials/l402.ts';
import { openSqlitePurchases, type SqlitePurchases } from '../../storage/purchases/sqlite-purchases.ts';
import type { AddressList } from '../../transport/shared/access/address-list.ts';
import { storePlugin } from '../../transport/store/fastify.ts';
import { storeHandler } from '../../transport/store/handler.ts';
import { type StoreMiddleware, storeMiddleware } from '../../transport/store/middleware.ts';
import type { BackendConfig } from '../config/backend.ts';
import { parseDuration } from '../config/duration.ts';
import { isPlainObject } from '../config/environment.ts';
import { ConfigError } from '../config/errors.ts';
import { parseWalletConfig } from '../config/parse.ts';
import { Disposal } from '../disposal.ts';
import type { BackendInput } from '../embed.ts';
import { systemClock, systemRandom } from '../system.ts';
import { serveOwner } from './purchases-control.ts';

/** What {@link createStore} is made of. */
export interface CreateStoreOptions {
  /** The seller's node: a config, or an object of your own (`node` and `invoices` of a `LightningBackend` are enough), which stays yours to close. */
  readonly backend: SellerBackend | BackendInput;
  /** What is for sale: `folder(…)`, `file(…)`, `computed(…)`, `rows(…)`, or a source of your own. The first that knows an item sells it. */
  readonly items: readonly ItemSource[];
  /** A SQLite file of the store's own, `data/store.db` unless given; `memory`: who bought what is forgotten when the process ends. */
  readonly path?: string;
  /** Stands at the top of every page; `Store` unless given. */
  readonly title?: string;
  /** How often each purchase may be delivered; 3 unless given. */
  readonly deliveries?: number;
  /** How long a purchase can be paid; `1h` unless given. */
  readonly expiry?: string;
  /** Where buyers reach the store, for links in answers to programs: `https://cats.example`. Left out: the request's `Host`. */
  readonly publicUrl?: string;
  /** Believe `X-Forwarded-For` and `X-Forwarded-Proto` of a proxy: `true` one on this machine, or a list of addresses. */
  readonly trustProxy?: boolean | readonly string[];
  readonly limits?: Partial<TickerplantLimits>;
  /** Pino's shape; says nothing unless given. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Sell beyond this machine for play money (`backend.kind: simulated`). */
  readonly forcePublic?: boolean;
}

/** A store of single items inside your program. */
export interface EmbeddedStore extends AsyncDisposable {
  /** For Express, Connect and Node's own HTTP server: `app.use('/cats', store.middleware)`. */
  readonly middleware: StoreMiddleware;
  /** For Fastify: `app.register(store.plugin, { prefix: '/cats' })`. */
  readonly plugin: FastifyPluginCallback;
  /** Calls back after each settlement whose effect is durable. */
  onSettlement(listener: (effect: PurchaseEffect) => void): Disposable;
  /** Purchases, newest first, before a time. */
  purchases(request?: {
    readonly before?: number;
    readonly limit?: number;
    readonly state?: PurchaseRecord['state'];
  }): Promise<readonly PurchaseRecord[]>;
  counts(): Promise<PurchaseCounts>;
  /** What is to be given back to buyers, oldest first. */
  refunds(): Promise<readonly PurchaseRefund[]>;
  /** Notes that it was given back; false where there is no such open note. */
  refundDone(id: string): Promise<boolean>;
  /** Takes no more orders and closes what it opened; your server and your backend object stay open. */
  stop(): Promise<void>;
}

/**
 * Opens a store of single items in your own program. A node that is away is no error: until it is there, orders are refused as temporarily
 * unavailable, and what is paid is delivered.
 * @throws ConfigError, LedgerError, with nothing left open.
 */
export async function createStore(options: CreateStoreOptions): Promise<EmbeddedStore> {
  const { backend } = options;
  if (isBackend(backend)) return await openStore({ ...options, backend });
  const source = { name: 'createStore', raw: { backend }, locate: () => undefined };
  return await openStore({ ...options, backend: await parseWalletConfig(source, { base: process.cwd(), environment: {} }) });
}

/** The same with a backend's config that was parsed. */
export async function openStore(
  options: Omit<CreateStoreOptions, 'backend'> & {
    readonly backend: SellerBackend | BackendConfig;
    /** Addresses that may ask, where not everybody may. */
    readonly allowed?: AddressList | undefined;
  },
): Promise<EmbeddedStore> {
  const {
    logger = silentLogger,
    clock = systemClock,
    random = systemRandom,
    path = 'data/store.db',
    deliveries = 3,
    items,
    limits,
  } = options;
  const expirySeconds = expiryOf(options.expiry ?? '1h');
  if (!Number.isSafeInteger(deliveries) || deliveries < 1) throw wrong('deliveries', 'must be a whole number, 1 or more');
  const disposal = new Disposal();
  try {
    const opened = await openSqlitePurchases({ path: path === 'memory' ? ':memory:' : path, logger });
    disposal.add(() => opened[Symbol.asyncDispose]());
    if (opened.path !== ':memory:') {
      const owner = await serveOwner(opened, clock, logger);
      disposal.add(() => owner[Symbol.asyncDispose]());
    }
    const isOwn = isParsed(options.backend);
    const backend = isParsed(options.backend) ? await createBackend(options.backend, opened, { logger, clock, random }) : options.backend;
    if (isOwn) disposal.add(() => (backend as SellerBackend & AsyncDisposable)[Symbol.asyncDispose]());
    const { purchases } = opened;
    const credentials = l402Credentials;
    const made = { sources: items, purchases, backend, credentials, clock, random, logger, deliveries, expirySeconds };
    const store = new Store({ ...made, ...(limits !== undefined && { limits }) });
    disposal.add(() => store[Symbol.asyncDispose]());
    const handler = storeHandler({
      store,
      clock,
      logger,
      title: options.title ?? 'Store',
      publicUrl: options.publicUrl,
      trustProxy: options.trustProxy ?? false,
      allow: options.allowed,
      loopbackOnly: isParsed(options.backend) && options.backend.kind === 'simulated' && options.forcePublic !== true,
      waitsPerAddress: limits?.connectionsPerAddress ?? DEFAULT_LIMITS.connectionsPerAddress,
    });
    const stop = () => disposal[Symbol.asyncDispose]();
    return {
      middleware: storeMiddleware(handler),
      plugin: storePlugin(handler),
      onSettlement: (listener) => store.onSettlement(listener),
      purchases: ({ limit = 100, ...request } = {}) => purchases.list({ limit, ...request }),
      counts: () => purchases.counts(),
      refunds: () => purchases.refunds(),
      refundDone: (id) => purchases.refundDone(id, clock.now()),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await disposal[Symbol.asyncDispose]();
    throw error;
  }
}

async function createBackend(
  { definition, config, kind }: BackendConfig,
  { intents, settlementLog }: SqlitePurchases,
  { logger, clock, random }: { readonly logger: Logger; readonly clock: Clock; readonly random: Random },
): Promise<SellerBackend> {
  return await definition.create(config, { clock, random, intents, settlementLog, logger: logger.child({ part: kind }) });
}

function expiryOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1_000 || ms > 604_800_000) throw wrong('expiry', 'a purchase can be paid for 1s to 7d, such as 1h');
  return Math.floor(ms / 1000);
}

function wrong(path: string, message: string): ConfigError {
  return new ConfigError('createStore', [{ path, at: undefined, message }]);
}

function isBackend(backend: CreateStoreOptions['backend']): backend is SellerBackend {
  return !isPlainObject(backend) || ('invoices' in backend && 'node' in backend);
}

function isParsed(backend: SellerBackend | BackendConfig): backend is BackendConfig {
  return 'definition' in backend;
}
