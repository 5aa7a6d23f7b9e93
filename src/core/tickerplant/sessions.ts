import type { Grant, Ledger, QuoteRecord, SubscriptionRecord } from '../ports/ledger.ts';
import { revokedError, TickerplantError } from './errors.ts';
import type { CreditEvent } from './messages.ts';
import type { Marks } from './publisher.ts';
import type { SubscriberSink } from './service.ts';
import { Session, type SessionDependencies } from './session.ts';

/** A clock may be set: the end of a token is looked at again after so long. */
const LOOK_AGAIN_MS = 60_000;

/** What the sessions lean on together. */
export interface SessionsDependencies extends SessionDependencies {
  readonly ledger: Pick<Ledger, 'takeEndOfDay'>;
}

/** Which subscription is live where, and which connection waits for which quote. */
export class Sessions {
  readonly #dependencies: SessionsDependencies;
  readonly #live = new Map<string, Session>();
  readonly #waiting = new Map<string, SubscriberSink>();
  readonly #openQuotes = new Map<SubscriberSink, Map<string, QuoteRecord>>();
  /** Revoked while this process runs: a record that was read before does not know it. */
  readonly #revoked = new Set<string>();
  /** The last end of day that each connection was told. */
  readonly #toldSinks = new WeakMap<SubscriberSink, string>();
  /** Where numbering stood at the last end of day; undefined where an earlier run saw it. */
  #dayMarks: Marks | undefined;

  constructor(dependencies: Omit<SessionsDependencies, 'noteOpen'>) {
    this.#dependencies = { ...dependencies, noteOpen: (quote, sink) => this.noteOpen(quote, sink) };
  }

  get size(): number {
    return this.#live.size;
  }

  /** A session that is not live yet: {@link add} makes it so. @throws TickerplantError `BAD_TOKEN` where the subscription is revoked. */
  create(record: SubscriptionRecord, sink: SubscriberSink, mayBuy = true): Session {
    if (record.revokedAt !== undefined || this.#revoked.has(record.id)) throw revokedError(record.id);
    return new Session(record, sink, this.#dependencies, mayBuy);
  }

  /** Makes a session the live one of its subscription; an older one elsewhere ends and is told. */
  add(session: Session): void {
    const older = this.#live.get(session.subscription);
    this.#live.set(session.subscription, session);
    if (older === undefined || older === session) return;
    older.close();
    if (older.sink !== session.sink) older.sink.superseded(session.subscription);
  }

  /** The session that a subscription is live on. */
  live(subscription: string): Session | undefined {
    return this.#live.get(subscription);
  }

  /** A session whose connection is gone. */
  remove(session: Session): void {
    session.gone();
    if (this.#live.get(session.subscription) === session) this.#live.delete(session.subscription);
  }

  /** A payment took effect: delivers where the subscription is live; elsewhere it waits to be resumed. */
  activate(quote: QuoteRecord, grants: readonly Grant[]): void {
    this.settled(quote);
    this.#live.get(quote.subscription)?.activate(grants, quote);
  }

  /** Money that bought nothing: told where the subscription is live. */
  credit(event: CreditEvent): void {
    this.#live.get(event.subscription)?.credit(event);
  }

  /** A quote that is open belongs to the connection that asked last. */
  noteOpen(quote: QuoteRecord, sink: SubscriberSink): void {
    if (quote.state !== 'open') return;
    this.settled(quote);
    this.#waiting.set(quote.id, sink);
    const open = this.#openQuotes.get(sink);
    if (open === undefined) this.#openQuotes.set(sink, new Map([[quote.id, quote]]));
    else open.set(quote.id, quote);
  }

  /** Quotes that a connection has asked for and not paid yet. */
  openQuotes(sink: SubscriberSink): number {
    let count = 0;
    for (const { reason } of this.#openQuotes.get(sink)?.values() ?? []) if (reason === 'asked') count += 1;
    return count;
  }

  settled(quote: QuoteRecord): void {
    const sink = this.#waiting.get(quote.id);
    if (sink === undefined) return;
    this.#waiting.delete(quote.id);
    this.#openQuotes.get(sink)?.delete(quote.id);
  }

  /** A quote ran out unpaid: its connection is told. */
  expired(quote: QuoteRecord): void {
    const sink = this.#waiting.get(quote.id);
    this.settled(quote);
    sink?.expired({ quote: quote.id, reason: 'unpaid' });
    if (quote.reason !== 'asked') this.#live.get(quote.subscription)?.offerExpired();
  }

  /** A connection is gone. */
  forget(sink: SubscriberSink): void {
    for (const quote of this.#openQuotes.get(sink)?.keys() ?? []) this.#waiting.delete(quote);
    this.#openQuotes.delete(sink);
  }

  /** Ends every session, so that nothing more is handed over or billed. */
  stop(): void {
    for (const session of this.#live.values()) session.gone();
  }

  /** Subscriptions whose connections can be told of the end of a day at once, since all that they have is live. */
  ready(): readonly string[] {
    return [...this.#bySink()]
      .filter(([, sessions]) => sessions.every((session) => session.isCaughtUp))
      .flatMap(([, sessions]) => sessions.map(({ subscription }) => subscription));
  }

  /**
   * A day has ended: everybody who has something live is told once per connection, a connection that is behind as soon as it has the
   * rows of that day. `told`: the subscriptions that the ledger has noted with the end; any other is taken from it first.
   */
  endOfDay(date: string, told: ReadonlySet<string>): void {
    this.#dayMarks = this.#dependencies.publisher.marks();
    for (const [sink, sessions] of this.#bySink()) {
      let behind = sessions.length;
      const oneLess = () => {
        behind -= 1;
        if (behind > 0) return;
        if (sessions.some((session) => !session.closed && told.has(session.subscription))) this.#tell(sink, date);
        for (const session of sessions) if (!told.has(session.subscription)) this.#takeAndTell(session, undefined);
      };
      for (const session of sessions) session.whenPast(this.#dayMarks, oneLess);
    }
  }

  /** A resumed session is told of an end of day that it has missed, after the rows of that day. `heard`: the last that the buyer knows of. */
  tellMissed(session: Session, heard: string | undefined): void {
    session.whenPast(this.#dayMarks, () => this.#takeAndTell(session, heard));
  }

  /** Ends a subscription whose token is revoked, and takes it no more. */
  revoke(subscription: string, error: TickerplantError): void {
    this.#revoked.add(subscription);
    const session = this.#live.get(subscription);
    if (session === undefined) return;
    this.remove(session);
    session.sink.refused?.(error);
  }

  /** Ends a session when the token that it came by ends. */
  endAt(session: Session, until: number): void {
    const { clock } = this.#dependencies;
    if (session.closed) return;
    const left = until - clock.now();
    if (left > 0) {
      clock.setTimer(Math.min(Math.ceil(left), LOOK_AGAIN_MS), () => this.endAt(session, until));
      return;
    }
    this.remove(session);
    session.sink.refused?.(new TickerplantError('TOKEN_EXPIRED', `the token of subscription ${session.subscription} has ended`));
  }

  #takeAndTell(session: Session, heard: string | undefined): void {
    if (session.closed) return;
    const { ledger, logger } = this.#dependencies;
    ledger.takeEndOfDay(session.subscription, heard).then(
      (date) => {
        if (date !== undefined) this.#tell(session.sink, date);
      },
      (error: unknown) => logger.warn({ err: error, subscription: session.subscription }, 'an end of day could not be told'),
    );
  }

  #tell(sink: SubscriberSink, date: string): void {
    if ((this.#toldSinks.get(sink) ?? '') >= date) return;
    this.#toldSinks.set(sink, date);
    sink.endOfDay(date);
  }

  #bySink(): ReadonlyMap<SubscriberSink, readonly Session[]> {
    const bySink = new Map<SubscriberSink, Session[]>();
    for (const session of this.#live.values()) {
      if (!session.isActive) continue;
      const others = bySink.get(session.sink);
      if (others === undefined) bySink.set(session.sink, [session]);
      else others.push(session);
    }
    return bySink;
  }
}
