import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openSimulatedNetwork } from '../../../../src/app/simulated-network.ts';
import { systemClock, systemRandom } from '../../../../src/app/system.ts';
import type { Clock } from '../../../../src/core/ports/clock.ts';
import type { Journal } from '../../../../src/core/ports/journal.ts';
import type { Ledger, SettlementPolicy, SubscriptionRecord } from '../../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer } from '../../../../src/core/tickerplant/messages.ts';
import type { PublishedRows } from '../../../../src/core/tickerplant/published-rows.ts';
import type { Pricing, TableDefinition } from '../../../../src/core/tickerplant/schema.ts';
import type { SellerBackend } from '../../../../src/core/tickerplant/seller-node.ts';
import type { BuyerConnection, Resumed, SubscribeRequest } from '../../../../src/core/tickerplant/service.ts';
import { openTickerplant, type Tickerplant } from '../../../../src/core/tickerplant/tickerplant.ts';
import { l402Credentials } from '../../../../src/credentials/l402.ts';
import { openJournal } from '../../../../src/storage/journal/open-journal.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../../src/storage/ledger/sqlite-ledger.ts';
import { payNow } from '../../../contract/support.ts';
import { TRADE } from '../../../contract/tickerplant-flow/server.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { QuietSink } from './session-parts.ts';

/** Everything that a buyer's outlet was told, in order. */
export type Told =
  | { readonly op: 'active'; readonly event: ActiveEvent }
  | { readonly op: 'rows'; readonly rows: PublishedRows }
  | { readonly op: 'snapshot'; readonly rows: PublishedRows }
  | { readonly op: 'gap'; readonly event: GapEvent }
  | { readonly op: 'offer'; readonly offer: QuoteOffer }
  | { readonly op: 'balance'; readonly event: BalanceEvent }
  | { readonly op: 'credit'; readonly event: CreditEvent }
  | { readonly op: 'expired'; readonly quote: string; readonly reason: 'unpaid' | 'ended' };

/** A buyer's connection whose rows leave when the test says so (at once unless `isStuck`). */
export class Outlet extends QuietSink {
  readonly told: Told[] = [];
  /** Rows that have left: symbol → numbers, in order. */
  readonly left: Map<string, number[]> = new Map();
  /** The same, as records. */
  readonly departed: PublishedRows[] = [];
  /** Quotes that the test has paid. */
  readonly paid: Set<string> = new Set();
  isStuck = false;
  full = false;
  isSuperseded = false;
  #waiting: { rows: PublishedRows[]; readonly callbacks: (() => void)[] } = { rows: [], callbacks: [] };
  #over = false;

  override get isFull(): boolean {
    return this.full;
  }

  override active(event: ActiveEvent): void {
    this.told.push({ op: 'active', event });
  }

  override rows(rows: PublishedRows): void {
    this.told.push({ op: 'rows', rows });
    this.#waiting.rows.push(rows);
    if (!this.isStuck && this.#waiting.rows.length === 1) setImmediate(() => this.isStuck || this.leave());
  }

  override snapshot(rows: PublishedRows): void {
    this.told.push({ op: 'snapshot', rows });
  }

  override gap(event: GapEvent): void {
    this.told.push({ op: 'gap', event });
  }

  override offer(offer: QuoteOffer): void {
    this.told.push({ op: 'offer', offer });
  }

  override balance(event: BalanceEvent): void {
    this.told.push({ op: 'balance', event });
  }

  override credit(event: CreditEvent): void {
    this.told.push({ op: 'credit', event });
  }

  override expired({ quote, reason }: { readonly quote: string; readonly reason: 'unpaid' | 'ended' }): void {
    this.told.push({ op: 'expired', quote, reason });
  }

  override superseded(): void {
    this.isSuperseded = true;
  }

  override whenLeft(callback: () => void): void {
    if (this.#over) return;
    if (this.#waiting.rows.length === 0) {
      callback();
      return;
    }
    this.#waiting.callbacks.push(callback);
    if (!this.isStuck) setImmediate(() => this.isStuck || this.leave());
  }

  /** What was handed over leaves for the buyer's machine. */
  leave(): void {
    if (this.#over) return;
    const { rows, callbacks } = this.#waiting;
    this.#waiting = { rows: [], callbacks: [] };
    for (const record of rows) {
      this.departed.push(record);
      const numbers = this.left.get(record.sym) ?? [];
      for (let at = 0; at < record.count; at += 1) numbers.push(record.seq + at);
      this.left.set(record.sym, numbers);
    }
    for (const callback of callbacks) callback();
  }

  /** The connection ends; what has not left never does. */
  end(): void {
    this.#over = true;
  }

  numbers(sym: string): readonly number[] {
    return this.left.get(sym) ?? [];
  }

  of<Op extends Told['op']>(op: Op): readonly Extract<Told, { op: Op }>[] {
    return this.told.filter((each): each is Extract<Told, { op: Op }> => each.op === op);
  }

  /** States of the balance as they were told. */
  get balances(): readonly string[] {
    return this.of('balance').map(({ event }) => `${event.state} ${event.balanceMsat}`);
  }
}

/** A connection of a buyer's with its outlet. */
export class Buyer {
  readonly outlet: Outlet = new Outlet();
  readonly connection: BuyerConnection;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.connection = world.tickerplant.connect({ address: '127.0.0.1', sink: this.outlet });
  }

  async quote(request: Partial<SubscribeRequest> = {}): Promise<QuoteOffer> {
    const result = await this.connection.subscribe({ table: 'trade', syms: ['AAPL'], ...request });
    if (result.kind !== 'quote') throw new Error('nothing is left to pay');
    return result.offer;
  }

  /** Asks, pays, and waits until it has taken effect. */
  async buy(request: Partial<SubscribeRequest> = {}): Promise<QuoteOffer> {
    const offer = await this.quote(request);
    await this.#world.pay(offer);
    return offer;
  }

  async resume(offer: QuoteOffer, seqs: Readonly<Record<string, number>> = {}): Promise<Resumed> {
    let resumed: Resumed | undefined;
    await this.connection.resume(offer.token, { trade: { epoch: this.#world.tickerplant.epoch, seqs } }, (said) => {
      resumed = said;
    });
    if (resumed === undefined) throw new Error('not resumed');
    return resumed;
  }

  /** The last offer that came unasked. */
  get offered(): QuoteOffer | undefined {
    return this.outlet.of('offer').at(-1)?.offer;
  }

  /** Dropped: what has not left is lost. */
  drop(): void {
    this.outlet.end();
    this.connection.close();
  }
}

/** A tickerplant on real stores over the simulated network, whose time a test moves. */
export class World implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly #open: Opened;
  readonly #tables: readonly TableDefinition[];
  readonly #options: WorldOptions;
  readonly #published = new Map<string, number>();

  constructor(open: Opened, tables: readonly TableDefinition[], clock: ManualClock, options: WorldOptions) {
    this.#open = open;
    this.#tables = tables;
    this.clock = clock;
    this.#options = options;
  }

  get tickerplant(): Tickerplant {
    return this.#open.tickerplant;
  }

  get ledger(): Ledger {
    return this.#open.store.ledger;
  }

  connect(): Buyer {
    return new Buyer(this);
  }

  /** Pays, and waits for the effect. */
  async pay(offer: QuoteOffer): Promise<void> {
    const effect = Promise.withResolvers<void>();
    const listening = this.tickerplant.onSettlement((settled) => {
      if ('quote' in settled && settled.quote.id === offer.quote) effect.resolve();
    });
    await payNow(this.#open.payer, offer.invoice);
    await effect.promise;
    listening[Symbol.dispose]();
  }

  /** Publishes so many rows of a symbol, in one record or in as many. */
  publish(sym: string, count: number, table = 'trade'): void {
    const rows = Array.from({ length: count }, (_each, at) => ['2026-11-20T14:30:00.000Z', sym, at, 1]);
    this.tickerplant.publish(table, rows);
    this.#published.set(`${table} ${sym}`, (this.published(table, sym) ?? 0) + count);
  }

  /** How many rows of a symbol were published. */
  published(table: string, sym: string): number | undefined {
    return this.#published.get(`${table} ${sym}`);
  }

  async subscription(offer: QuoteOffer): Promise<SubscriptionRecord> {
    const record = await this.ledger.subscription(offer.subscription);
    if (record === undefined) throw new Error('no such subscription');
    return record;
  }

  /** Ends the process and starts it again: in order, or with what was lent still lent. */
  async restart(how: 'in order' | 'killed', whileDown: () => void = () => undefined): Promise<void> {
    if (how === 'in order') await this.tickerplant.stop();
    await this.#open.close(how);
    whileDown();
    Object.assign(this.#open, await openParts(this.#open.dir, this.#open.seller, this.#tables, this.clock, this.#options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tickerplant.stop();
    await this.#open.close('in order');
    await this.#open.network[Symbol.asyncDispose]();
    await rm(this.#open.dir, { recursive: true, force: true });
  }
}

/** What a world is made with. */
export interface WorldOptions {
  readonly quoteExpirySeconds?: number;
  readonly settlements?: Partial<SettlementPolicy>;
  /** In front of the seller's node. */
  readonly around?: (backend: SellerBackend) => SellerBackend;
}

interface Parts {
  readonly store: SqliteLedger;
  readonly journal: Journal;
  readonly tickerplant: Tickerplant;
  readonly close: (how: 'in order' | 'killed') => Promise<void>;
}

type Opened = Parts & {
  readonly dir: string;
  readonly seller: SellerBackend;
  readonly payer: Parameters<typeof payNow>[0];
  readonly network: Awaited<ReturnType<typeof openSimulatedNetwork>>;
};

/** Opens a world that sells `trade` (and other tables of the same columns) by these pricings. */
export async function openWorld(
  pricing: Pricing | readonly [Pricing, ...Pricing[]] | Readonly<Record<string, Pricing>>,
  options: WorldOptions = {},
): Promise<World> {
  const isTables = !('kind' in pricing) && !Array.isArray(pricing);
  const tables = isTables
    ? Object.entries(pricing as Readonly<Record<string, Pricing>>).map(([name, each]) => ({ ...TRADE, name, pricing: each }))
    : [{ ...TRADE, pricing: pricing as TableDefinition['pricing'] }];
  const clock = new ManualClock(Math.floor(systemClock.now()));
  // The network knows the same time, but does not wait for it to be moved.
  const networkClock: Clock = {
    now: () => clock.now(),
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs, callback),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
  };
  const network = await openSimulatedNetwork({ clock: networkClock });
  const [real, payer] = [await network.backend('seller'), await network.backend('buyer')];
  const seller = options.around?.(real) ?? real;
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-pricing-'));
  const opened = Object.assign(await openParts(dir, seller, tables, clock, options), { dir, seller, payer, network });
  return new World(opened, tables, clock, options);
}

async function openParts(
  dir: string,
  seller: SellerBackend,
  tables: readonly TableDefinition[],
  clock: ManualClock,
  options: WorldOptions,
): Promise<Parts> {
  const store = await openSqliteLedger({ path: path.join(dir, 'ledger.db'), logger: silentLogger });
  const journal = await openJournal({ dir: path.join(dir, 'journal'), clock: systemClock, logger: silentLogger });
  const { around: _, ...more } = options;
  // A killed process writes nothing more: then its ledger refuses.
  const life = { isOver: false };
  const ledger = new Proxy(store.ledger, {
    get(real, name: keyof Ledger) {
      const method = real[name] as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => (life.isOver ? Promise.reject(new Error('killed')) : method.apply(real, given));
    },
  });
  const tickerplant = await openTickerplant({
    ...more,
    tables,
    backend: seller,
    ledger,
    journal,
    credentials: l402Credentials,
    clock,
    random: systemRandom,
    logger: silentLogger,
  });
  const close = async (how: 'in order' | 'killed') => {
    if (how === 'killed') {
      life.isOver = true;
      await tickerplant.stop();
    }
    await journal[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { store, journal, tickerplant, close };
}

/** Lets promises and the ledger's thread come to an answer. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Numbers from–to. */
export function run(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_each, index) => from + index);
}
