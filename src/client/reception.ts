import type { ActiveEvent, CreditEvent, QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Column } from '../core/tickerplant/schema.ts';
import type { Purchase } from './account.ts';
import type { Backoff } from './backoff.ts';
import type { Closed, Connection } from './connection.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import type { FollowUps } from './follow-ups.ts';
import { type ErrorMessage, isAnswer, type ServerMessage, type UpdMessage } from './messages.ts';
import type { SubscriptionOptions } from './options.ts';
import type { RowMeter } from './row-meter.ts';
import type { RowTracker } from './row-tracker.ts';

/** The subscription that is received for: what is stored, and how it goes on after this connection. */
export interface ReceptionHost {
  readonly options: SubscriptionOptions;
  readonly tracker: RowTracker;
  readonly backoff: Backoff;
  readonly purchase: Purchase | undefined;
  readonly followUps: FollowUps;
  readonly meter: RowMeter;
  /** A fresh number for a request. */
  nextId(): string;
  /** Stores how far the purchase is. */
  advance(change: Partial<Purchase>): Promise<void>;
  /** Stores that the server delivers on the purchase, and how many rows there were until now. */
  delivered(): Promise<void>;
  /** What was paid for the purchase bought nothing: the next is begun, which that lowers. @throws SubscriberError where it can't. */
  setAside(event: CreditEvent): Promise<void>;
  /** The purchase came to nothing: the next one has a new key. */
  abandon(): Promise<void>;
  /** It goes well: the next wait is short again. */
  progress(): void;
  /** The connection is of no use any more; waits before the next one. */
  lost(closed: Closed): AsyncGenerator<SubscriberEvent, void>;
  /** A refusal: waits as it advises. @throws SubscriberError `REFUSED` where asking again can't help. */
  refused(message: ErrorMessage): AsyncGenerator<SubscriberEvent, void>;
  /** Ends the connection. */
  close(): void;
}

type Events<T> = AsyncGenerator<SubscriberEvent, T>;
/** `stay`: read on. `leave`: this connection or purchase is done with; what is stored says how it goes on. */
type Then = 'stay' | 'leave';

/** After paying, how long the connection that asked for the quote is given to tell of it. */
const ACTIVE_WAIT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 30_000;

/** Receiving on one connection what an offer has bought, or will have bought once somebody has paid it. */
export class Reception {
  readonly #subscription: ReceptionHost;
  readonly #connection: Connection;
  readonly #offer: QuoteOffer;
  readonly #schemas: ReadonlyMap<string, readonly Column[]>;
  /** The `resume` that is not answered yet. */
  #resume: string | undefined;
  /** When to do something about the silence; undefined: it is none. */
  #until: number | undefined;
  /** Until when what is live is paid, as the server said on this connection, and what of that each payment has bought. */
  #paidUntil = 0;
  readonly #untilOf = new Map<string, number>();

  constructor(subscription: ReceptionHost, connection: Connection, offer: QuoteOffer) {
    this.#subscription = subscription;
    this.#connection = connection;
    this.#offer = offer;
    this.#schemas = new Map(offer.items.map(({ table, schema }) => [table, schema]));
  }

  /** Everything that happens on it. `bound`: this connection asked for the quote, so that it is told of the payment. */
  async *events(bound: boolean): Events<void> {
    if (!bound) this.#sendResume();
    else if (this.#stage !== 'quoted') this.#wait(ACTIVE_WAIT_MS);
    const { tracker, followUps, meter } = this.#subscription;
    for (;;) {
      if (followUps.hasEvents) yield* followUps.take();
      const received = await this.#connection.receive(this.#until);
      if (received.kind === 'woken') continue;
      if (received.kind === 'closed') return yield* this.#subscription.lost(received.closed);
      if (received.kind === 'timeout') {
        if (this.#resume !== undefined) return yield* this.#lost('no answer to resume');
        this.#sendResume();
        continue;
      }
      // Rows are most of what comes, and need no second generator.
      const { message } = received;
      if (message.op !== 'upd') {
        if ((yield* this.#take(message)) === 'leave') return;
        continue;
      }
      const columns = this.#schemas.get(message.table);
      if (columns === undefined) continue;
      const judged = tracker.rows(message);
      if (judged.kind === 'seen') continue;
      if (judged.kind === 'ask-again') return yield* this.#lost(describeHole(message, judged.expected));
      for (const gap of judged.missing) yield { type: 'gap', ...gap };
      const { table, sym, epoch, conflated } = message;
      const isFirst = meter.rows(table, sym, epoch, judged.seq + judged.rows.length - 1, judged.rows.length);
      if (isFirst) await this.#subscription.delivered();
      if (followUps.isHolding) followUps.look();
      yield { type: 'rows', table, columns, sym, epoch, seq: judged.seq, rows: judged.rows, conflated };
    }
  }

  get #stage(): string | undefined {
    return this.#subscription.purchase?.stage;
  }

  async *#take(message: Exclude<ServerMessage, UpdMessage> | UpdMessage): Events<Then> {
    const { tracker, followUps, meter } = this.#subscription;
    switch (message.op) {
      case 'active': {
        if (message.subscription !== this.#offer.subscription) return 'stay';
        const { op: _, ...event } = message;
        for (const sym of event.syms) meter.skip(event.table, sym, event.epoch, this.#before(event, sym));
        this.#noteUntil(event.quote, event.until);
        tracker.active(event);
        await this.#delivered();
        await followUps.resolved(event.quote);
        yield { type: 'active', ...event };
        return 'stay';
      }
      case 'resumed': {
        if (message.id !== this.#resume) return 'stay';
        this.#resume = undefined;
        tracker.resumed(message.tables);
        for (const { until } of message.tables) this.#paidUntil = Math.max(this.#paidUntil, until);
        await this.#delivered();
        yield { type: 'resumed', subscription: message.subscription, tables: message.tables };
        return 'stay';
      }
      case 'gap': {
        const { op: _, ...event } = message;
        tracker.gap(event);
        if (event.to !== undefined) meter.skip(event.table, event.sym, event.epoch, event.to);
        yield { type: 'gap', ...event };
        return 'stay';
      }
      case 'snapshot': {
        const { table, sym, epoch, seq, rows } = message;
        const columns = this.#schemas.get(table);
        if (columns !== undefined) yield { type: 'snapshot', table, columns, sym, epoch, seq, rows };
        return 'stay';
      }
      case 'quote':
        // One with an id answers a request of an earlier connection's life; nothing is asked for here.
        if (message.id === undefined && message.offer.reason !== 'asked') followUps.offered(message.offer);
        return 'stay';
      case 'balance': {
        const { op: _, ...event } = message;
        if (event.subscription === this.#offer.subscription) yield { type: 'balance', ...event };
        return 'stay';
      }
      case 'credit': {
        const { op: _, ...event } = message;
        if (event.subscription !== this.#offer.subscription) return 'stay';
        yield { type: 'credit', ...event };
        return await this.#credited(event);
      }
      case 'end':
        yield { type: 'end', date: message.date };
        return 'stay';
      case 'expired':
        return yield* this.#expired(message.quote, message.reason);
      case 'superseded':
        if (message.subscription !== this.#offer.subscription) return 'stay';
        yield { type: 'superseded', subscription: message.subscription };
        throw new SubscriberError('SUPERSEDED', 'the subscription is live elsewhere with the same token; one at a time, the newest wins');
      case 'error':
        return yield* this.#refused(message);
      default:
        return 'stay';
    }
  }

  async *#refused(message: ErrorMessage): Events<Then> {
    if (!isAnswer(message, this.#resume)) {
      this.#subscription.options.logger.warn({ code: message.code, detail: message.message }, 'the tickerplant reports an error');
      return 'stay';
    }
    this.#resume = undefined;
    if (message.code === 'TOKEN_EXPIRED') return yield* this.#over(message.message);
    if (message.code !== 'NOT_SETTLED') {
      yield* this.#subscription.refused(message);
      return 'leave';
    }
    if (this.#stage === 'quoted' && this.#subscription.options.clock.now() >= this.#offer.expiresAt) return yield* this.#unpaid();
    const retryInMs = this.#subscription.backoff.next();
    yield { type: 'status', state: 'waiting', detail: message.message, retryInMs };
    this.#wait(retryInMs);
    return 'stay';
  }

  async *#expired(quote: string, reason: 'unpaid' | 'ended' | undefined): Events<Then> {
    this.#subscription.followUps.expired(quote);
    const first = quote === this.#offer.quote;
    if (reason === 'ended' || (first && reason === undefined && this.#stage === 'active')) return yield* this.#grantEnded(quote);
    // A payment that is known of wins over an expiry: it will be honoured.
    return first && this.#stage === 'quoted' ? yield* this.#unpaid() : 'stay';
  }

  /** What one payment has bought is over. Was it the last? Where that is not certain, a resume tells. */
  async *#grantEnded(quote: string): Events<Then> {
    const first = quote === this.#offer.quote;
    if (this.#offer.items.every(({ terms }) => terms.kind === 'flat')) return first ? await this.#ended() : 'stay';
    const until = this.#untilOf.get(quote);
    if (until !== undefined && until < this.#paidUntil) return 'stay';
    this.#subscription.close();
    yield { type: 'status', state: 'disconnected', detail: 'something that was paid for is over: asking what is left' };
    return 'leave';
  }

  /** The server says that all is over; not so where a renewal is being paid that it may not have seen yet. */
  async *#over(detail: string): Events<Then> {
    const { followUps, backoff, tracker } = this.#subscription;
    if (!followUps.isUnsettled) return await this.#ended();
    // What is bought now begins now: the rows in between are nobody's.
    tracker.ended();
    const retryInMs = backoff.next();
    yield { type: 'status', state: 'waiting', detail: `${detail}; a renewal is being paid`, retryInMs };
    this.#wait(retryInMs);
    return 'stay';
  }

  /** Money bought nothing. Where it was to buy what is waited for, the next quote is asked for, which it lowers. */
  async #credited(event: CreditEvent): Promise<Then> {
    const { quote, reason } = event;
    await this.#subscription.followUps.resolved(quote);
    const waiting = this.#stage === 'paid' || this.#stage === 'quoted';
    if (quote !== this.#offer.quote || !waiting || reason === 'overpaid' || reason === 'duplicate') return 'stay';
    await this.#subscription.setAside(event);
    return 'leave';
  }

  async *#unpaid(): Events<Then> {
    yield { type: 'expired', quote: this.#offer.quote, reason: 'unpaid', renewing: true };
    await this.#subscription.abandon();
    return 'leave';
  }

  /** What was bought is over. A purchase of its own begins on a connection of its own. */
  async #ended(): Promise<Then> {
    this.#subscription.tracker.ended();
    await this.#subscription.advance({ stage: 'ended' });
    this.#subscription.close();
    return 'leave';
  }

  /** The server delivers on it, so it is paid, whoever paid it. */
  async #delivered(): Promise<void> {
    this.#until = undefined;
    this.#subscription.progress();
    if (this.#stage !== 'active' || this.#subscription.meter.isCounting) await this.#subscription.delivered();
  }

  #noteUntil(quote: string, until: number): void {
    this.#untilOf.set(quote, Math.max(until, this.#untilOf.get(quote) ?? 0));
    this.#paidUntil = Math.max(this.#paidUntil, until);
  }

  /** The number before the first that is granted, where nothing of the symbol was received yet; what is known already otherwise. */
  #before({ table, epoch, next }: ActiveEvent, sym: string): number {
    const { positions } = this.#subscription.tracker;
    const known = positions.epoch(table) === epoch ? positions.seq(table, sym) : undefined;
    return known ?? (next[sym] ?? 1) - 1;
  }

  #sendResume(): void {
    this.#resume = this.#subscription.nextId();
    this.#connection.send({
      op: 'resume',
      id: this.#resume,
      token: this.#offer.token,
      after: this.#subscription.tracker.positions.after(),
    });
    this.#wait(ANSWER_TIMEOUT_MS);
  }

  #wait(milliseconds: number): void {
    this.#until = this.#subscription.options.clock.now() + milliseconds;
  }

  #lost(detail: string): Events<void> {
    return this.#subscription.lost({ detail, permanent: false, protocol: false });
  }
}

function describeHole(message: UpdMessage, expected: number): string {
  return `rows ${expected} to ${message.seq - 1} of ${message.table} ${message.sym} are missing: asking for them`;
}
