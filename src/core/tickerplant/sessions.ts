import type { Grant, QuoteRecord, SubscriptionRecord } from '../ports/ledger.ts';
import type { CreditEvent } from './messages.ts';
import type { SubscriberSink } from './service.ts';
import { Session, type SessionDependencies } from './session.ts';

/** Which subscription is live where, and which connection waits for which quote. */
export class Sessions {
  readonly #dependencies: SessionDependencies;
  readonly #live = new Map<string, Session>();
  readonly #waiting = new Map<string, SubscriberSink>();
  readonly #openQuotes = new Map<SubscriberSink, Map<string, QuoteRecord>>();

  constructor(dependencies: Omit<SessionDependencies, 'noteOpen'>) {
    this.#dependencies = { ...dependencies, noteOpen: (quote, sink) => this.noteOpen(quote, sink) };
  }

  get size(): number {
    return this.#live.size;
  }

  /** A session that is not live yet: {@link add} makes it so. */
  create(record: SubscriptionRecord, sink: SubscriberSink): Session {
    return new Session(record, sink, this.#dependencies);
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

  /** Everybody who has something live is told once, however many subscriptions that connection has. */
  endOfDay(date: string): void {
    const sinks = new Set<SubscriberSink>();
    for (const session of this.#live.values()) if (session.isActive) sinks.add(session.sink);
    for (const sink of sinks) sink.endOfDay(date);
  }
}
