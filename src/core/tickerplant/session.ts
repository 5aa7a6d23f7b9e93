import type { Clock } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { Grant, QuoteRecord, SubscriptionRecord } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Catalog } from './catalog.ts';
import { Delivery } from './delivery.ts';
import { covered, isLive, isMetered } from './entitlement.ts';
import { Holdings } from './holdings.ts';
import type { ActiveEvent, CreditEvent, ResumePosition } from './messages.ts';
import { MeteredDelivery } from './metered-delivery.ts';
import type { MeteredReceiver } from './metered-receiver.ts';
import type { Meters } from './meters.ts';
import type { Marks, Publisher } from './publisher.ts';
import { onSale, Renewals } from './renewals.ts';
import { resumePoint } from './resume-point.ts';
import type { Resumed, SlowConsumerPolicy, SubscriberSink } from './service.ts';
import { type OfferHost, StandingOffer } from './standing-offer.ts';
import { LONGEST_TIMER_MS } from './timers.ts';

/** What every session leans on. */
export interface SessionDependencies {
  readonly publisher: Publisher;
  readonly journal: Journal;
  readonly catalog: Catalog;
  readonly meters: Meters;
  readonly desk: OfferHost['desk'];
  readonly clock: Clock;
  readonly logger: Logger;
  /** For whoever asks for nothing else. */
  readonly slowConsumer: SlowConsumerPolicy;
  /** A quote that can be paid belongs to a connection. */
  readonly noteOpen: (quote: QuoteRecord, sink: SubscriberSink) => void;
}

/**
 * One subscription on one connection: what it has ({@link Holdings}), the rows that it is given ({@link Delivery}), those of them that
 * are paid one by one ({@link MeteredDelivery}), and what it is offered. At most one is live per subscription; a newer one ends it.
 */
export class Session {
  readonly subscription: string;
  readonly sink: SubscriberSink;
  readonly #dependencies: SessionDependencies;
  readonly #holdings: Holdings;
  readonly #delivery: Delivery;
  readonly #renewals: Renewals;
  readonly #topUps: StandingOffer;
  readonly #withoutSnapshot = new Set<string>();
  /** Grants that took effect here. */
  readonly #activated = new Set<string>();
  /** Table → symbol → what a row costs, of the symbols whose rows are paid one by one. */
  #prices: ReadonlyMap<string, ReadonlyMap<string, bigint>> = new Map();
  #metered: MeteredDelivery | undefined;
  #needsTopUp = false;
  #ending: Disposable | undefined;
  /** Grants that were seen to be good, and whose end is still to be told. */
  #running: ReadonlySet<string> = new Set();
  #closed = false;
  #slow: SlowConsumerPolicy;

  /** `mayBuy`: false for who came by a narrowed token. */
  constructor(record: SubscriptionRecord, sink: SubscriberSink, dependencies: SessionDependencies, mayBuy = true) {
    this.subscription = record.id;
    this.sink = sink;
    this.#dependencies = dependencies;
    this.#slow = dependencies.slowConsumer;
    this.#holdings = new Holdings(record);
    const { catalog } = dependencies;
    this.#delivery = new Delivery({
      ...dependencies,
      subscription: record.id,
      sink,
      slow: () => this.#slow,
      metered: (table, sym) => this.#meteredReceiver(table, sym),
    });
    const offers: OfferHost = {
      ...dependencies,
      sink,
      credential: { id: record.id, tokenId: record.tokenId, rootKey: record.rootKey },
      grants: () => this.#holdings.grants,
      mayBuy,
      noteOpen: (quote) => dependencies.noteOpen(quote, sink),
    };
    this.#renewals = new Renewals({ ...offers, catalog, wanted: () => this.#holdings.wanted(this.#now()) });
    this.#topUps = new StandingOffer(offers, 'top-up', () =>
      this.#needsTopUp ? onSale(this.#holdings.metered(this.#now()), 'tick', catalog) : [],
    );
  }

  /** Grants of this subscription, ended ones too. */
  get grants(): readonly Grant[] {
    return this.#holdings.grants;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether something was handed over here that will be billed when it has left. */
  get isDraining(): boolean {
    return this.#metered?.isWaiting ?? false;
  }

  /** Whether rows of a symbol are being delivered. */
  takes(table: string, sym: string): boolean {
    return this.#delivery.takes(table, sym);
  }

  /** Whether anything is being delivered. */
  get isActive(): boolean {
    return this.#delivery.isActive;
  }

  /** Whether all that is being delivered is live. */
  get isCaughtUp(): boolean {
    return this.#delivery.isCaughtUp;
  }

  /** Calls back once when all rows below the marks have been handed over (where there are none: below where numbering stands), or the session has ended. */
  whenPast(marks: Marks | undefined, callback: () => void): void {
    this.#delivery.whenPast(marks, callback);
  }

  /** What is covered now, without what the buyer does not want for now. */
  wanted(): Resumed['tables'] {
    return this.#holdings.told(this.#now(), this.#dependencies.journal.epoch);
  }

  /** What becomes of this buyer when it reads too slowly. */
  set slow(policy: SlowConsumerPolicy) {
    this.#slow = policy;
  }

  /** No last rows when this quote takes effect. */
  skipSnapshot(quote: string): void {
    this.#withoutSnapshot.add(quote);
  }

  /** A payment took effect: says so and delivers from where each grant begins. */
  activate(grants: readonly Grant[], quote?: Pick<QuoteRecord, 'id' | 'reason'>): void {
    if (this.#closed) return;
    const withSnapshot = quote?.reason === 'asked' && !this.#withoutSnapshot.delete(quote.id);
    const fresh = this.#holdings.add(grants);
    for (const { table, syms } of fresh) this.#holdings.want(table, syms);
    this.#reckon();
    for (const grant of fresh) {
      this.#activated.add(grant.id);
      this.sink.active(this.#activeEvent(grant));
      const added = grant.syms.filter((sym) => !this.takes(grant.table, sym));
      const after = new Map(added.map((sym) => [sym, (grant.next[sym] ?? 1) - 1]));
      if (withSnapshot) this.#delivery.deliverWithSnapshot(grant.table, after);
      else this.#delivery.deliver(grant.table, after);
      this.#goOnUnmetered(grant);
    }
    if (fresh.some(isMetered)) this.#metered?.paid((table, sym) => nextOf(fresh, table, sym));
    this.#watchEnds();
    this.#renewals.check();
  }

  /** Money of this subscription's bought nothing. */
  credit(event: CreditEvent): void {
    if (!this.#closed) this.sink.credit(event);
  }

  /** Takes symbols again that are paid for and had been unsubscribed from; delivery goes on with the next row. */
  takeAgain(table: string, syms: readonly string[]): readonly ActiveEvent[] {
    if (this.#closed) return [];
    this.#holdings.want(table, syms);
    this.#reckon();
    const { publisher, journal } = this.#dependencies;
    const grants = covered(this.grants, this.#now()).get(table);
    const byGrant = new Map<Grant, string[]>();
    for (const sym of syms) {
      const grant = grants?.get(sym);
      if (grant !== undefined) byGrant.set(grant, [...(byGrant.get(grant) ?? []), sym]);
    }
    const events: ActiveEvent[] = [];
    for (const [grant, granted] of byGrant) {
      const next = Object.fromEntries(granted.map((sym) => [sym, publisher.next(table, sym)]));
      events.push(this.#activeEvent({ ...grant, syms: granted, next, epoch: journal.epoch }));
      for (const sym of granted.filter((each) => !this.takes(table, each))) this.#delivery.goLive(table, sym);
    }
    this.#watchEnds();
    this.#renewals.check();
    return events;
  }

  /** Says what is granted already, and delivers it from where it began. */
  announce(): void {
    if (this.#closed) return;
    const now = this.#now();
    for (const grant of this.#holdings.live(now)) if (!this.#activated.has(grant.id)) this.sink.active(this.#activeEvent(grant));
    this.resume({});
  }

  /** Goes on after the numbers that the buyer has; says first what it will not get. */
  resume(after: Readonly<Record<string, ResumePosition>>): void {
    if (this.#closed) return;
    this.#reckon();
    for (const { table, syms } of this.wanted()) {
      const position = Object.hasOwn(after, table) ? after[table] : undefined;
      // What a payment has begun meanwhile goes on as it is.
      const wanted = syms.filter((sym) => !this.takes(table, sym));
      this.#delivery.deliver(table, new Map(wanted.map((sym) => [sym, this.#resumeAfter(table, sym, position)])));
    }
    this.#watchEnds();
    this.#renewals.begin();
    this.#topUps.begin();
  }

  /** Before it delivers anything: symbols that it is not to deliver here until they are asked for again. */
  leaveOut(isLeftOut: (table: string, sym: string) => boolean): void {
    this.#holdings.leaveOut(isLeftOut, this.#now());
  }

  /** Ends delivery of symbols; answers which were delivered until now. */
  stop(table: string, syms: readonly string[]): readonly string[] {
    const stopped = syms.filter((sym) => this.takes(table, sym));
    for (const sym of stopped) this.#drop(table, sym);
    this.#holdings.unwant(table, syms);
    this.#reckon();
    this.#renewals.check();
    return stopped;
  }

  /** What the buyer does not want of a table for now. */
  unsubscribed(table: string): readonly string[] {
    return this.#holdings.unsubscribed(table);
  }

  /** An offer that nobody asked for has run out. */
  offerExpired(): void {
    if (this.#closed) return;
    this.#renewals.check();
    this.#topUps.check();
  }

  /** Ends all delivery. What was handed over may still leave. */
  close(): void {
    this.#closed = true;
    this.#ending?.[Symbol.dispose]();
    this.#renewals.close();
    this.#topUps.close();
    this.#delivery.close();
    this.#metered?.end();
  }

  /** The connection is gone: what has not left by now is not billed. */
  gone(): void {
    this.close();
    this.#metered?.gone();
  }

  #activeEvent({ quote, table, syms, until, next, epoch }: Omit<ActiveEvent, 'subscription'>): ActiveEvent {
    return { subscription: this.subscription, quote, table, syms, until, epoch, next };
  }

  #resumeAfter(table: string, sym: string, position: ResumePosition | undefined): number {
    const { journal, publisher } = this.#dependencies;
    const next = publisher.next(table, sym);
    const point = resumePoint({ table, sym, position, next, grants: this.grants, epoch: journal.epoch, now: this.#now() });
    for (const gap of point.gaps) this.sink.gap(gap);
    return point.after;
  }

  /** Which symbols are paid by the row now, and for how much; those that are live go on by it. */
  #reckon(): void {
    const prices = new Map<string, Map<string, bigint>>();
    for (const [table, symbols] of this.#holdings.wanted(this.#now())) {
      for (const [sym, { terms }] of symbols) {
        if (terms.kind === 'tick') prices.set(table, (prices.get(table) ?? new Map<string, bigint>()).set(sym, terms.msat));
      }
    }
    this.#prices = prices;
    if (prices.size > 0) this.#metered ??= this.#meter();
    if (this.#metered === undefined) return;
    for (const [table, sym] of this.#delivery.symbols()) this.#delivery.reprice(table, sym);
  }

  #meter(): MeteredDelivery {
    const { meters, publisher, journal } = this.#dependencies;
    return new MeteredDelivery({
      subscription: this.subscription,
      sink: this.sink,
      meters,
      recent: publisher.recent,
      epoch: journal.epoch,
      lag: (rows) => this.#delivery.lag(rows),
      hold: (table, sym) => this.#delivery.hold(table, sym),
      goOn: (table, after) => this.#delivery.deliver(table, after),
      next: (table, sym) => publisher.next(table, sym),
      topUpBelow: () => this.#holdings.topUpBelow(this.#now()),
      onBalance: (state, balanceMsat) => {
        this.#needsTopUp = state !== 'ok';
        this.sink.balance({ subscription: this.subscription, balanceMsat, state });
        this.#topUps.check();
      },
    });
  }

  #meteredReceiver(table: string, sym: string): MeteredReceiver | undefined {
    const price = this.#prices.get(table)?.get(sym);
    return price === undefined ? undefined : this.#metered?.receiver(table, price);
  }

  /** Symbols that had stopped for want of a balance, and are paid another way now. */
  #goOnUnmetered({ table, syms, next }: Grant): void {
    const { journal } = this.#dependencies;
    for (const sym of syms) {
      if (this.#prices.get(table)?.has(sym) === true) continue;
      const stoppedAfter = this.#metered?.forget(table, sym);
      if (stoppedAfter === undefined) continue;
      const from = Math.max(stoppedAfter + 1, next[sym] ?? 1);
      if (from > stoppedAfter + 1) {
        this.sink.gap({ table, sym, epoch: journal.epoch, from: stoppedAfter + 1, to: from - 1, reason: 'balance' });
      }
      this.#delivery.deliver(table, new Map([[sym, from - 1]]));
    }
  }

  #drop(table: string, sym: string): void {
    this.#metered?.forget(table, sym);
    this.#delivery.drop(table, sym);
  }

  #now(): number {
    return this.#dependencies.clock.now();
  }

  /** Ends what is over, and sets one timer for the grant that ends next. */
  #watchEnds(): void {
    this.#ending?.[Symbol.dispose]();
    this.#ending = undefined;
    if (this.#closed) return;
    const now = this.#now();
    this.#endGrants(now);
    this.#running = new Set(this.#holdings.live(now).map((grant) => grant.id));
    const next = this.#holdings.nextEnd(now);
    if (next === undefined) return;
    this.#ending = this.#dependencies.clock.setTimer(Math.min(Math.ceil(next - now), LONGEST_TIMER_MS), () => this.#watchEnds());
  }

  #endGrants(now: number): void {
    const ended = this.grants.filter((grant) => this.#running.has(grant.id) && !isLive(grant, now));
    if (ended.length === 0) return;
    const left = covered(this.grants, now);
    for (const [table, sym] of this.#delivery.symbols()) if (left.get(table)?.has(sym) !== true) this.#drop(table, sym);
    this.#reckon();
    this.#renewals.check();
    for (const quote of new Set(ended.map((grant) => grant.quote))) this.sink.expired({ quote, reason: 'ended' });
  }
}

function nextOf(grants: readonly Grant[], table: string, sym: string): number | undefined {
  for (const grant of grants) if (grant.table === table && grant.next[sym] !== undefined) return grant.next[sym];
  return undefined;
}
