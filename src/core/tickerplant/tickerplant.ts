import { DeviceDesk } from '../devices/desk.ts';
import type { DevicesOptions } from '../devices/items.ts';
import type { StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials, DeviceCredentials } from '../ports/credentials.ts';
import type { DeviceRevocation } from '../ports/device-ledger.ts';
import type { Feed } from '../ports/feed.ts';
import type { Journal } from '../ports/journal.ts';
import type { Ledger, SettlementEffect, SettlementPolicy } from '../ports/ledger.ts';
import type { Revocation, SubscriptionName } from '../ports/ledger-upkeep.ts';
import type { Logger } from '../ports/logger.ts';
import type { Random } from '../ports/random.ts';
import type { SettlementSource } from '../ports/settlement-source.ts';
import { AddressCount } from './address-count.ts';
import { Catalog } from './catalog.ts';
import { Connection } from './connection.ts';
import { DayKeeper } from './day-keeper.ts';
import { revokedError, TickerplantError } from './errors.ts';
import { FeedRunner } from './feed-runner.ts';
import { DEFAULT_LIMITS, type TickerplantLimits } from './limits.ts';
import { Meters } from './meters.ts';
import { Publisher } from './publisher.ts';
import { QuoteDesk } from './quote-desk.ts';
import { RateLimiter } from './rate-limiter.ts';
import { retainForGrants } from './retention.ts';
import type { Row, TableDefinition } from './schema.ts';
import { type SellerBackend, SellerNode } from './seller-node.ts';
import type { BuyerConnection, SlowConsumerPolicy, TickerplantService } from './service.ts';
import { Sessions } from './sessions.ts';
import { DEFAULT_SETTLEMENT_POLICY } from './settlement-policy.ts';
import { SettlementProcessor } from './settlement-processor.ts';
import { TokenAccess } from './token-access.ts';
import { type EndOfDayTime, MIDNIGHT_UTC, tradingCalendar } from './trading-calendar.ts';
import { untilReached } from './until-reached.ts';
import { coerceRow } from './values.ts';

/** What a tickerplant is made of. It owns none of it: whoever opened a store closes it, after {@link Tickerplant.stop}. */
export interface TickerplantOptions {
  readonly tables: readonly TableDefinition[];
  readonly backend: SellerBackend;
  /** Where settlements are learnt from; the backend unless given. Handed the node that the invoices are made at. */
  readonly settlementSource?: ((node: SellerNode) => SettlementSource) | undefined;
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits?: Partial<TickerplantLimits>;
  /** What becomes of a buyer who reads too slowly and asked for nothing else; `catch-up` unless given. */
  readonly slowConsumer?: SlowConsumerPolicy | undefined;
  /** How long a quote can be paid, in seconds; an hour unless given, as in the whitepaper. */
  readonly quoteExpirySeconds?: number;
  /** What becomes of money that did not come as it was asked for; see `DEFAULT_SETTLEMENT_POLICY` for what is not given. */
  readonly settlements?: Partial<SettlementPolicy>;
  /** When the day ends; midnight UTC unless given. */
  readonly endOfDay?: EndOfDayTime | undefined;
  /** What devices sell; left out, there are none. */
  readonly devices?: (DevicesOptions & { readonly credentials: DeviceCredentials }) | undefined;
}

/** Totals since the start. Rows are counted, not messages. */
export interface TickerplantCounters {
  readonly published: number;
  readonly quotes: number;
  /** Quotes whose payment took effect. */
  readonly settled: number;
  /** Rows handed to sessions, live or from the journal, each session counted. */
  readonly delivered: number;
  /** Subscriptions that are live on a connection. */
  readonly sessions: number;
}

/**
 * Opens a tickerplant: gives back what an earlier process had lent and not used, then begins to follow settlements at once, whether the
 * node is there yet or not. @throws LedgerError.
 */
export async function openTickerplant(options: TickerplantOptions): Promise<Tickerplant> {
  const { ledger, clock, logger } = options;
  const { leases, msat } = await ledger.reclaimLeases(clock.now());
  if (leases > 0) logger.info({ leases, msat: String(msat) }, 'balances that were lent when the process ended are whole again');
  const tickerplant = new Tickerplant(options);
  // What has ended while nobody ran ends before the first row of today.
  await tickerplant.daysCaughtUp;
  return tickerplant;
}

/** The paid tickerplant: quotes, settlements, grants, publishing. Transports and embedders talk to it as {@link TickerplantService}. */
export class Tickerplant implements TickerplantService, AsyncDisposable {
  /** What buyers may do with a token alone, without a connection. */
  readonly access: TokenAccess;
  /** Devices that share the seller's node; undefined where there are none. */
  readonly devices: DeviceDesk | undefined;
  readonly #options: TickerplantOptions;
  readonly #limits: TickerplantLimits;
  readonly #catalog: Catalog;
  readonly #publisher: Publisher;
  readonly #feeds: FeedRunner;
  readonly #sessions: Sessions;
  readonly #desk: QuoteDesk;
  readonly #processor: SettlementProcessor;
  readonly #limiter: RateLimiter;
  readonly #connections: AddressCount;
  readonly #node: SellerNode;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #days: DayKeeper;
  /** Resolves when an end of day that was missed has happened, or could not. */
  readonly daysCaughtUp: Promise<void>;
  readonly #retention: Disposable;
  readonly #meters: Meters;
  readonly #listeners = new Set<(effect: SettlementEffect) => void>();
  #settled = 0;

  constructor(options: TickerplantOptions) {
    const { backend, ledger, journal, credentials, clock, random, logger } = options;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#catalog = new Catalog(options.tables);
    for (const [table, seqs] of journal.lastSeqs) this.#declareAgain(table, seqs.keys());
    this.#publisher = new Publisher(journal, this.#catalog);
    this.#feeds = new FeedRunner({ catalog: this.#catalog, publisher: this.#publisher, clock, logger });
    this.#node = new SellerNode(backend, ledger, logger);
    this.#limiter = new RateLimiter(clock, this.#limits.quoteBurstPerAddress, this.#limits.quotesPerSecondPerAddress);
    this.#connections = new AddressCount(this.#limits.connectionsPerAddress);
    const calendar = tradingCalendar(options.endOfDay ?? MIDNIGHT_UTC);
    const dayEnds = () => calendar.nextEnd(clock.now()).at;
    this.#desk = new QuoteDesk({
      catalog: this.#catalog,
      node: this.#node,
      backend,
      ledger,
      credentials,
      clock,
      random,
      logger,
      expirySeconds: options.quoteExpirySeconds ?? 3600,
      dayEnds,
      limits: this.#limits,
      isCaughtUp: () => this.#processor.isCaughtUp,
      onExpired: (quote) => this.#sessions.expired(quote),
    });
    this.#meters = new Meters({ ledger, clock, logger, epoch: journal.epoch });
    this.#sessions = new Sessions({
      publisher: this.#publisher,
      journal,
      ledger,
      catalog: this.#catalog,
      meters: this.#meters,
      desk: this.#desk,
      clock,
      logger,
      slowConsumer: options.slowConsumer ?? 'catch-up',
    });
    this.#processor = new SettlementProcessor({
      node: this.#node,
      backend,
      source: options.settlementSource?.(this.#node),
      ledger,
      journal,
      publisher: this.#publisher,
      desk: this.#desk,
      catalog: this.#catalog,
      policy: { ...DEFAULT_SETTLEMENT_POLICY, ...options.settlements },
      dayEnds,
      clock,
      logger,
      onEffect: (effect) => this.#onEffect(effect),
    });
    this.access = new TokenAccess({
      catalog: this.#catalog,
      publisher: this.#publisher,
      sessions: this.#sessions,
      ledger,
      journal,
      credentials,
      clock,
      symbolsPerRequest: this.#limits.symbolsPerRequest,
      openQuote: (hash) => this.#desk.open(hash),
      onSettlement: (listener) => this.onSettlement(listener),
    });
    this.devices =
      options.devices &&
      new DeviceDesk({
        options: options.devices,
        credentials: options.devices.credentials,
        node: this.#node,
        backend,
        ledger,
        clock,
        random,
        logger,
        isCaughtUp: () => this.#processor.isCaughtUp,
      });
    this.#retention = retainForGrants(journal, ledger, clock, logger);
    this.#days = new DayKeeper({
      calendar,
      clock,
      ledger,
      logger,
      ready: () => this.#sessions.ready(),
      onEnd: (date, told) => this.#endDay(date, told),
      onFound: (date) => {
        // Segments are named after the day that they are of: an earlier run died before it began the next one.
        if (journal.day <= date) this.#roll(date);
      },
    });
    this.daysCaughtUp = this.#days.start();
    this.#running = this.#run();
  }

  get epoch(): number {
    return this.#options.journal.epoch;
  }

  get counters(): TickerplantCounters {
    const { published, delivered } = this.#publisher;
    return { published, quotes: this.#desk.made, settled: this.#settled, delivered, sessions: this.#sessions.size };
  }

  /** What the stream of settlements from the node is doing. */
  get settlementStatus(): StreamStatus {
    return this.#processor.status;
  }

  /** Whether the journal took what was last published: rows are recorded or not published at all. */
  get isRecording(): boolean {
    return this.#publisher.isRecording;
  }

  tables(): readonly TableDefinition[] {
    return this.#catalog.tables();
  }

  symbols(table: string): readonly string[] {
    return this.#catalog.symbols(table);
  }

  /** Puts symbols of a table on sale before their first row. @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL` (fixed list). */
  declareSymbols(table: string, syms: Iterable<string>): void {
    this.#catalog.declare(table, syms);
  }

  connect({ address, sink, quotesOnly = false }: Parameters<TickerplantService['connect']>[0]): BuyerConnection {
    const { ledger, credentials, clock, random } = this.#options;
    return new Connection(address, sink, {
      catalog: this.#catalog,
      desk: this.#desk,
      sessions: this.#sessions,
      ledger,
      credentials,
      clock,
      random,
      limits: this.#limits,
      limiter: this.#limiter,
      isStopping: () => this.#stopping.signal.aborted,
      quotesOnly,
      place: this.#connections.take(address),
    });
  }

  publish(table: string, rows: readonly Row[]): void {
    if (this.#stopping.signal.aborted) throw new TickerplantError('STOPPING', 'the tickerplant is going down; nothing was published');
    const schema = this.#catalog.table(table);
    const now = this.#options.clock.now();
    const coerced = rows.map((row, index) => {
      try {
        return coerceRow(schema, row, now);
      } catch (error) {
        throw new TickerplantError('BAD_REQUEST', `row ${index} of ${table}: ${(error as Error).message}`, { cause: error });
      }
    });
    this.#publisher.publish(table, coerced);
  }

  /**
   * Publishes what a feed brings until it ends or the signal is aborted. While the journal can't be written the feed
   * waits, so that nothing of it is lost and nothing is published that is not recorded.
   * @throws FeedError, and TickerplantError for rows of an unknown table or symbol.
   */
  async run(feed: Feed, signal: AbortSignal): Promise<void> {
    await this.#feeds.run(feed, AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Puts on sale the symbols that a feed knows beforehand, for the tables that take theirs from it. */
  async declareSymbolsOf(feed: Feed, signal?: AbortSignal): Promise<void> {
    await this.#feeds.declareSymbols(feed, signal);
  }

  /**
   * Ends a day before its time: rolls the journal and tells everybody who has something live. `date`: the day that ends, `2026-11-20`.
   * False, and nothing happens, where that day or a later one has ended. @throws RangeError for what is no date, LedgerError.
   */
  endOfDay(date: string): Promise<boolean> {
    return this.#days.end(date);
  }

  /**
   * Ends a subscription's token for good: it is refused with `BAD_TOKEN`, a live session ends, open quotes are withdrawn.
   * Undefined where there is no such subscription. @throws LedgerError, and then nothing was revoked.
   */
  async revoke(name: string | SubscriptionName): Promise<Revocation | undefined> {
    const { ledger, clock, logger } = this.#options;
    const revocation = await ledger.revoke(typeof name === 'string' ? { subscription: name } : name, clock.now());
    if (revocation === undefined) return undefined;
    const { subscription, withdrawn } = revocation;
    this.#sessions.revoke(subscription, revokedError(subscription));
    logger.info({ subscription, withdrawn: withdrawn.length }, 'a token was revoked');
    if (withdrawn.length > 0) this.#desk.withdrawn(withdrawn);
    return revocation;
  }

  /** Ends a device's token for good, by its id or name; undefined where there is no such device. @throws LedgerError, and then nothing was revoked. */
  async revokeDevice(idOrName: string): Promise<DeviceRevocation | undefined> {
    const { ledger, clock, logger } = this.#options;
    const revocation = await ledger.revokeDevice(idOrName, clock.now());
    if (revocation === undefined) return undefined;
    const { device, withdrawn } = revocation;
    logger.info({ device, withdrawn: withdrawn.length }, "a device's token was revoked");
    this.devices?.revoked(revocation);
    return revocation;
  }

  /** Calls back after every settlement's effect is durable. Disposing of it ends that. */
  onSettlement(listener: (effect: SettlementEffect) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Takes no more requests, stops following settlements and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#retention[Symbol.dispose]();
    this.#desk.stop();
    this.devices?.stop();
    this.#sessions.stop();
    await this.#days.stop();
    await this.#running;
    await this.#meters.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.all([this.#restoreQuotes(signal), this.#processor.run(signal)]);
  }

  async #restoreQuotes(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    const restore = async (): Promise<void> => {
      await this.#desk.restore();
      await this.devices?.restore();
    };
    await untilReached(restore, 'the Lightning node is not reached yet; no quotes until it is', { clock, logger, signal });
  }

  /** Symbols that the feed declared in an earlier run stay on sale: somebody may hold a grant for them. */
  #declareAgain(table: string, syms: Iterable<string>): void {
    const definition = this.#options.tables.find((each) => each.name === table);
    if (definition !== undefined && definition.symbols === undefined) this.#catalog.declare(table, syms);
  }

  #endDay(date: string, told: ReadonlySet<string>): void {
    this.#options.logger.info({ date }, 'end of day');
    this.#roll(date);
    this.#sessions.endOfDay(date, told);
  }

  /** Begins the next day's segment. */
  #roll(date: string): void {
    const { journal, logger } = this.#options;
    try {
      journal.roll(date);
    } catch (error) {
      // The day goes on in the old segment; subscribers are told all the same, their day has ended.
      logger.error({ err: error, date }, 'the journal could not begin a new segment');
    }
  }

  #onEffect(effect: SettlementEffect): void {
    if (effect.kind === 'granted') {
      this.#settled += 1;
      this.#sessions.activate(effect.quote, effect.grants);
    } else if (effect.kind === 'set-aside') this.#sessions.settled(effect.quote);
    else if (effect.kind === 'device' && effect.fresh) this.devices?.settled(effect.settlement);
    if ('credits' in effect) for (const credit of effect.credits) this.#sessions.credit(credit);
    for (const listener of this.#listeners) listener(effect);
  }
}
