import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Column } from '../core/tickerplant/schema.ts';
import type { Purchase } from './account.ts';
import type { Backoff } from './backoff.ts';
import type { Closed, Connection } from './connection.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import { type ErrorMessage, isAnswer, type ServerMessage, type UpdMessage } from './messages.ts';
import type { SubscriptionOptions } from './options.ts';
import type { RowTracker } from './row-tracker.ts';

/** The subscription that is received for: what is stored, and how it goes on after this connection. */
export interface ReceptionHost {
  readonly options: SubscriptionOptions;
  readonly tracker: RowTracker;
  readonly backoff: Backoff;
  readonly purchase: Purchase | undefined;
  /** A fresh number for a request. */
  nextId(): string;
  /** Stores how far the purchase is. */
  advance(change: Partial<Purchase>): Promise<void>;
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
    for (;;) {
      const received = await this.#connection.receive(this.#until);
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
      const judged = this.#subscription.tracker.rows(message);
      if (judged.kind === 'seen') continue;
      if (judged.kind === 'ask-again') return yield* this.#lost(describeHole(message, judged.expected));
      for (const gap of judged.missing) yield { type: 'gap', ...gap };
      const { table, sym, epoch, conflated } = message;
      yield { type: 'rows', table, columns, sym, epoch, seq: judged.seq, rows: judged.rows, conflated };
    }
  }

  get #stage(): string | undefined {
    return this.#subscription.purchase?.stage;
  }

  async *#take(message: Exclude<ServerMessage, UpdMessage> | UpdMessage): Events<Then> {
    const { tracker } = this.#subscription;
    switch (message.op) {
      case 'active': {
        if (message.subscription !== this.#offer.subscription) return 'stay';
        const { op: _, ...event } = message;
        await this.#delivered();
        tracker.active(event);
        yield { type: 'active', ...event };
        return 'stay';
      }
      case 'resumed': {
        if (message.id !== this.#resume) return 'stay';
        this.#resume = undefined;
        await this.#delivered();
        tracker.resumed(message.tables);
        yield { type: 'resumed', subscription: message.subscription, tables: message.tables };
        return 'stay';
      }
      case 'gap': {
        const { op: _, ...event } = message;
        tracker.gap(event);
        yield { type: 'gap', ...event };
        return 'stay';
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
    if (message.code === 'TOKEN_EXPIRED') return await this.#ended();
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
    if (quote !== this.#offer.quote) return 'stay';
    if (reason === 'ended' || (reason === undefined && this.#stage === 'active')) return await this.#ended();
    // A payment that is known of wins over an expiry: it will be honoured.
    return this.#stage === 'quoted' ? yield* this.#unpaid() : 'stay';
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
    if (this.#stage !== 'active') await this.#subscription.advance({ stage: 'active' });
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
