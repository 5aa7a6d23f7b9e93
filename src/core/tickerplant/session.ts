import type { Clock } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { Grant, SubscriptionRecord } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import { covered, isLive } from './entitlement.ts';
import { LaggingSymbols } from './lagging-symbols.ts';
import type { ActiveEvent, ResumePosition } from './messages.ts';
import type { PublishedRows } from './published-rows.ts';
import type { Publisher, RowReceiver } from './publisher.ts';
import { replayThenJoin } from './replay.ts';
import { resumePoint } from './resume-point.ts';
import type { Resumed, SlowConsumerPolicy, SubscriberSink } from './service.ts';

/** What every session leans on. */
export interface SessionDependencies {
  readonly publisher: Publisher;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For whoever asks for nothing else. */
  readonly slowConsumer: SlowConsumerPolicy;
}

/** `setTimeout` of 2^31 ms and more fires at once; a longer wait is made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A symbol's way from granted to live: `live` its rows come from the publisher; a number, they come from the journal. Each
 * replay has a number of its own, so that one that was broken off does not go on beside the next.
 */
type SymbolState = 'live' | number;

/**
 * One subscription on one connection: what it may have now, and the rows that it is given. At most one is live per
 * subscription; a newer one ends it.
 */
export class Session implements RowReceiver {
  readonly subscription: string;
  readonly sink: SubscriberSink;
  readonly #dependencies: SessionDependencies;
  readonly #symbols = new Map<string, Map<string, SymbolState>>();
  readonly #lagging: LaggingSymbols;
  #grants: readonly Grant[];
  #unsubscribed: ReadonlyMap<string, ReadonlySet<string>>;
  #ending: Disposable | undefined;
  /** What is not delivered on this connection, and is no wish that is kept. */
  readonly #leftOut = new Map<string, Set<string>>();
  /** Grants that were seen to be good, and whose end is still to be told. */
  #running: ReadonlySet<string> = new Set();
  #replays = 0;
  #closed = false;
  #slow: SlowConsumerPolicy;

  constructor(record: SubscriptionRecord, sink: SubscriberSink, dependencies: SessionDependencies) {
    this.subscription = record.id;
    this.sink = sink;
    this.#dependencies = dependencies;
    this.#slow = dependencies.slowConsumer;
    this.#lagging = new LaggingSymbols({
      ...dependencies,
      sink,
      policy: () => (this.#slow === 'disconnect' ? 'catch-up' : this.#slow),
      isLagging: (table, sym) => this.#isReplaying(table, sym),
      goLive: (table, sym) => this.#goLive(table, sym),
      replay: (table, after) => this.#replay(table, after),
    });
    this.#grants = record.grants;
    this.#unsubscribed = new Map(Object.entries(record.unsubscribed).map(([table, syms]) => [table, new Set(syms)]));
  }

  /** Grants of this subscription, ended ones too. */
  get grants(): readonly Grant[] {
    return this.#grants;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether rows of a symbol are being delivered. */
  takes(table: string, sym: string): boolean {
    return this.#symbols.get(table)?.has(sym) ?? false;
  }

  /** Whether anything is being delivered. */
  get isActive(): boolean {
    return this.#symbols.size > 0;
  }

  /** What is covered now, without what the buyer does not want for now. */
  wanted(): Resumed['tables'] {
    const tables: Resumed['tables'][number][] = [];
    for (const [table, symbols] of covered(this.#grants, this.#now())) {
      const isWanted = (sym: string) => !this.#unsubscribed.get(table)?.has(sym) && !this.#leftOut.get(table)?.has(sym);
      const syms = [...symbols.keys()].filter(isWanted);
      const until = Math.min(...syms.map((sym) => symbols.get(sym)?.until ?? 0));
      if (syms.length > 0) tables.push({ table, syms, until, epoch: this.#dependencies.journal.epoch });
    }
    return tables;
  }

  /** What becomes of this buyer when it reads too slowly. */
  set slow(policy: SlowConsumerPolicy) {
    this.#slow = policy;
  }

  rows(rows: PublishedRows): void {
    if (!this.sink.isFull) this.sink.rows(rows);
    else if (this.#slow === 'disconnect') this.sink.endSlow();
    else {
      this.#dependencies.publisher.leave(rows.table, rows.sym, this);
      this.#setState(rows.table, rows.sym, this.#nextReplay());
      this.#lagging.add(rows.table, rows.sym, rows.seq - 1);
    }
  }

  /** A payment took effect: says so and delivers from where each grant begins. */
  activate(grants: readonly Grant[]): void {
    if (this.#closed) return;
    const known = new Set(this.#grants.map((grant) => grant.id));
    const fresh = grants.filter((grant) => !known.has(grant.id));
    this.#grants = [...this.#grants, ...fresh];
    for (const grant of fresh) {
      this.#want(grant.table, grant.syms);
      this.sink.active(this.#activeEvent(grant));
      const added = grant.syms.filter((sym) => !this.takes(grant.table, sym));
      this.#deliver(grant.table, new Map(added.map((sym) => [sym, (grant.next[sym] ?? 1) - 1])));
    }
    this.#watchEnds();
  }

  /** Takes symbols again that are paid for and had been unsubscribed from; delivery goes on with the next row. */
  takeAgain(table: string, syms: readonly string[]): readonly ActiveEvent[] {
    if (this.#closed) return [];
    this.#want(table, syms);
    const { publisher, journal } = this.#dependencies;
    const grants = covered(this.#grants, this.#now()).get(table);
    const byQuote = new Map<Grant, string[]>();
    for (const sym of syms) {
      const grant = grants?.get(sym);
      if (grant !== undefined) byQuote.set(grant, [...(byQuote.get(grant) ?? []), sym]);
    }
    const events: ActiveEvent[] = [];
    for (const [grant, granted] of byQuote) {
      const next = Object.fromEntries(granted.map((sym) => [sym, publisher.next(table, sym)]));
      events.push(this.#activeEvent({ ...grant, syms: granted, next, epoch: journal.epoch }));
      for (const sym of granted.filter((each) => !this.takes(table, each))) this.#goLive(table, sym);
    }
    this.#watchEnds();
    return events;
  }

  /** Says what is granted already, and delivers it from where it began. */
  announce(): void {
    if (this.#closed) return;
    const now = this.#now();
    for (const grant of this.#grants) {
      if (isLive(grant, now)) this.sink.active(this.#activeEvent(grant));
    }
    this.resume({});
  }

  /** Goes on after the numbers that the buyer has; says first what it will not get. */
  resume(after: Readonly<Record<string, ResumePosition>>): void {
    for (const { table, syms } of this.wanted()) {
      const position = Object.hasOwn(after, table) ? after[table] : undefined;
      this.#deliver(table, new Map(syms.map((sym) => [sym, this.#resumeAfter(table, sym, position)])));
    }
    this.#watchEnds();
  }

  /** Before it delivers anything: symbols that it is not to deliver here until they are asked for again. */
  leaveOut(isLeftOut: (table: string, sym: string) => boolean): void {
    for (const [table, symbols] of covered(this.#grants, this.#now())) {
      this.#leftOut.set(table, new Set([...symbols.keys()].filter((sym) => isLeftOut(table, sym))));
    }
  }

  /** Ends delivery of symbols; answers which were delivered until now. */
  stop(table: string, syms: readonly string[]): readonly string[] {
    const stopped = syms.filter((sym) => this.takes(table, sym));
    for (const sym of stopped) this.#drop(table, sym);
    const unwanted = new Set([...(this.#unsubscribed.get(table) ?? []), ...syms]);
    this.#unsubscribed = new Map(this.#unsubscribed).set(table, unwanted);
    return stopped;
  }

  /** What the buyer does not want of a table for now. */
  unsubscribed(table: string): readonly string[] {
    return [...(this.#unsubscribed.get(table) ?? [])];
  }

  /** Ends all delivery. */
  close(): void {
    this.#closed = true;
    this.#ending?.[Symbol.dispose]();
    for (const [table, syms] of this.#symbols) for (const sym of [...syms.keys()]) this.#drop(table, sym);
  }

  #want(table: string, syms: readonly string[]): void {
    const left = new Set(this.#unsubscribed.get(table));
    for (const sym of syms) {
      left.delete(sym);
      this.#leftOut.get(table)?.delete(sym);
    }
    this.#unsubscribed = new Map(this.#unsubscribed).set(table, left);
  }

  #activeEvent({ quote, table, syms, until, next, epoch }: Omit<ActiveEvent, 'subscription'>): ActiveEvent {
    return { subscription: this.subscription, quote, table, syms, until, epoch, next };
  }

  #resumeAfter(table: string, sym: string, position: ResumePosition | undefined): number {
    const { journal, publisher } = this.#dependencies;
    const next = publisher.next(table, sym);
    const point = resumePoint({ table, sym, position, next, grants: this.#grants, epoch: journal.epoch, now: this.#now() });
    for (const gap of point.gaps) this.sink.gap(gap);
    return point.after;
  }

  /** Delivers what comes after the given numbers: from the journal until nothing is left there, then live. */
  #deliver(table: string, after: Map<string, number>): void {
    const { publisher, journal } = this.#dependencies;
    for (const [sym, last] of after) {
      const earliest = journal.earliest(table, sym) ?? publisher.next(table, sym);
      if (last + 1 < earliest) {
        this.sink.gap({ table, sym, epoch: journal.epoch, from: last + 1, to: earliest - 1, reason: 'retention' });
        after.set(sym, earliest - 1);
      }
      if ((after.get(sym) ?? 0) + 1 >= publisher.next(table, sym)) {
        this.#goLive(table, sym);
        after.delete(sym);
      } else {
        this.#setState(table, sym, this.#nextReplay());
      }
    }
    if (after.size > 0) void this.#replay(table, after);
  }

  async #replay(table: string, after: Map<string, number>): Promise<void> {
    const { journal, logger, publisher } = this.#dependencies;
    const replays = new Map([...after.keys()].map((sym) => [sym, this.#symbols.get(table)?.get(sym)]));
    const stillReplaying = (sym: string) => this.#isReplaying(table, sym) && this.#symbols.get(table)?.get(sym) === replays.get(sym);
    const join = () => {
      for (const sym of after.keys()) if (stillReplaying(sym)) this.#goLive(table, sym);
    };
    try {
      await replayThenJoin(
        journal,
        table,
        {
          after,
          wanted: () => [...after.keys()].some(stillReplaying),
          rows: (rows) => {
            if (stillReplaying(rows.sym)) this.sink.rows(rows);
          },
          drained: () => this.sink.drained(),
        },
        join,
      );
    } catch (error) {
      logger.error({ err: error, table, subscription: this.subscription }, 'the journal could not be read for a replay');
      for (const [sym, last] of after) {
        if (!stillReplaying(sym)) continue;
        this.sink.gap({ table, sym, epoch: journal.epoch, from: last + 1, to: publisher.next(table, sym) - 1, reason: 'retention' });
      }
      join();
    }
  }

  #isReplaying(table: string, sym: string): boolean {
    return !this.#closed && typeof this.#symbols.get(table)?.get(sym) === 'number';
  }

  #nextReplay(): number {
    this.#replays += 1;
    return this.#replays;
  }

  #setState(table: string, sym: string, state: SymbolState): void {
    const syms = this.#symbols.get(table);
    if (syms === undefined) this.#symbols.set(table, new Map([[sym, state]]));
    else syms.set(sym, state);
  }

  #goLive(table: string, sym: string): void {
    this.#setState(table, sym, 'live');
    this.#dependencies.publisher.join(table, sym, this);
  }

  #drop(table: string, sym: string): void {
    this.#dependencies.publisher.leave(table, sym, this);
    const syms = this.#symbols.get(table);
    syms?.delete(sym);
    if (syms?.size === 0) this.#symbols.delete(table);
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
    const live = this.#grants.filter((grant) => isLive(grant, now));
    this.#endGrants(now);
    this.#running = new Set(live.map((grant) => grant.id));
    if (live.length === 0) return;
    const next = Math.min(...live.map((grant) => grant.until));
    this.#ending = this.#dependencies.clock.setTimer(Math.min(Math.ceil(next - now), LONGEST_TIMER_MS), () => this.#watchEnds());
  }

  #endGrants(now: number): void {
    const ended = this.#grants.filter((grant) => this.#running.has(grant.id) && !isLive(grant, now));
    if (ended.length === 0) return;
    const left = covered(this.#grants, now);
    for (const [table, syms] of this.#symbols) {
      for (const sym of [...syms.keys()]) if (left.get(table)?.has(sym) !== true) this.#drop(table, sym);
    }
    for (const quote of new Set(ended.map((grant) => grant.quote))) this.sink.expired({ quote, reason: 'ended' });
  }
}
