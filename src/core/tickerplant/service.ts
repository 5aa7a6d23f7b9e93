import type { TickerplantError } from './errors.ts';
import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer, ResumePosition } from './messages.ts';
import type { PublishedRows } from './published-rows.ts';
import type { Pricing, Row, TableDefinition } from './schema.ts';

/**
 * What becomes of a buyer who reads more slowly than rows come. Whichever it is, it costs that buyer only, in bounded memory.
 * `catch-up`: rows come from the journal as fast as they are taken, none is lost · `conflate`: the newest row of each symbol,
 * marked, what was in between is left out · `drop`: a gap is told, then live · `disconnect`: the connection ends, with a reason.
 */
export type SlowConsumerPolicy = 'catch-up' | 'conflate' | 'drop' | 'disconnect';

/** What a buyer asks for: symbols of a table. */
export interface SubscribeRequest {
  /** A table's name, or `'*'` for every table. */
  readonly table: string;
  /** Symbols, or `'*'` for all that the table has now. */
  readonly syms: readonly string[] | '*';
  /** Add to this subscription; it must be this connection's. Left out: the connection's own, minted at its first quote. */
  readonly subscription?: string;
  /**
   * Idempotency key of the buyer's own: the same key gives the same quote. Of 16 characters or more it holds from
   * anywhere, and so must be a secret; a shorter one holds for requests from the same address.
   */
  readonly key?: string;
  /** For this subscription from now on; the seller's choice unless given. */
  readonly slow?: SlowConsumerPolicy;
  /** Which kind of the table's pricings; the table's first unless given. */
  readonly pricing?: Pricing['kind'];
  /** Whether the last row of each symbol comes when the payment takes effect; true unless given. It is free. */
  readonly snapshot?: boolean;
  /** Add to this token's subscription, wherever that is live, instead of one of this connection's. Only where nothing is delivered (`quotesOnly`). */
  readonly token?: string;
}

/** The answer to a subscribe: an offer, or what was granted already where there is nothing left to pay. */
export type SubscribeResult =
  | { readonly kind: 'quote'; readonly offer: QuoteOffer }
  | { readonly kind: 'granted'; readonly active: readonly ActiveEvent[] };

/** What a resumed subscription may take. */
export interface Resumed {
  readonly subscription: string;
  readonly tables: readonly { readonly table: string; readonly syms: readonly string[]; readonly until: number; readonly epoch: number }[];
}

/**
 * One connection's outlet, brought by a transport. Calls are synchronous and must not throw; `rows` is called within the
 * publishing turn, so a transport gathers there and writes once at the turn's end.
 */
export interface SubscriberSink {
  active(event: ActiveEvent): void;
  rows(rows: PublishedRows): void;
  /** The last row of a symbol as it is when a payment takes effect, before the rows that follow it. */
  snapshot(rows: PublishedRows): void;
  gap(event: GapEvent): void;
  /** An offer that nobody asked for just now: a renewal or a top-up. */
  offer(offer: QuoteOffer): void;
  balance(event: BalanceEvent): void;
  credit(event: CreditEvent): void;
  /** A quote ran out unpaid, or what it bought has ended. */
  expired(event: { readonly quote: string; readonly reason: 'unpaid' | 'ended' }): void;
  /** The subscription is live on a newer connection. */
  superseded(subscription: string): void;
  endOfDay(date: string): void;
  /** Whether so much waits to be taken by the buyer that live rows have to wait (see {@link SlowConsumerPolicy}). */
  readonly isFull: boolean;
  /** Resolves when the outlet has room again: replays wait for it. Resolves too when the connection is gone. */
  drained(): Promise<void>;
  /**
   * Calls back once when everything that was handed over until now has left for the buyer's machine (the socket's write callback);
   * never where the connection ends before.
   */
  whenLeft(callback: () => void): void;
  /** Ends the connection: the buyer reads too slowly, and wanted that. */
  endSlow(): void;
  /** One of the connection's subscriptions was ended by the seller; the connection stays. */
  refused?(error: TickerplantError): void;
}

/** What a token stands for. */
export interface IdentifiedToken {
  readonly subscription: string;
  readonly state: 'unpaid' | 'live' | 'ended';
  readonly narrowed: boolean;
}

/** A buyer's connection as the core sees it. Every call may throw a `TickerplantError`. */
export interface BuyerConnection {
  /**
   * Prices what is wanted and not yet granted and asks the node for an invoice.
   * @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL`, `FORBIDDEN`, `KEY_REUSED`, `TOO_MANY`, `RATE_LIMITED`, `NODE_UNAVAILABLE`.
   */
  subscribe(request: SubscribeRequest): Promise<SubscribeResult>;
  /**
   * Goes on with a subscription here. `onResumed` is called once before any of its rows reach the sink. Then the rows
   * after the given numbers (without a position: from where the grant began), then live; no gap, no repeat at the seam.
   * `only`: which symbols are delivered; what it leaves out waits here to be resumed or subscribed to. Resuming again on the
   * same connection goes on from the positions given then.
   * `heard`: the last end of day that the buyer was told, `2026-11-20`; a later one that it missed comes after the rows of that day.
   * @throws TickerplantError `BAD_TOKEN` (also revoked), `TOKEN_EXPIRED`, `NOT_SETTLED`, `TOO_MANY`.
   */
  resume(
    token: string,
    after: Readonly<Record<string, ResumePosition>>,
    onResumed: (resumed: Resumed) => void,
    slow?: SlowConsumerPolicy,
    heard?: string,
    only?: (table: string, sym: string) => boolean,
  ): Promise<void>;
  /**
   * Whose token it is, and whether anything is paid for now; nothing is delivered, and a connection that it is live on keeps it.
   * `narrowed`: somebody has added caveats, and its bearer must not be shown the whole token.
   * @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED` (a caveat's end, not a grant's).
   */
  identify(token: string): Promise<IdentifiedToken>;
  /** Stops delivery of symbols; what was paid stays paid, and subscribing again is free. Answers what was stopped. */
  unsubscribe(request: {
    readonly subscription: string;
    readonly table: string;
    readonly syms: readonly string[] | '*';
  }): Promise<readonly string[]>;
  /** The connection is gone; its subscriptions wait to be resumed. */
  close(): void;
}

/** What transports and embedders are given. */
export interface TickerplantService {
  readonly epoch: number;
  tables(): readonly TableDefinition[];
  /** The symbols of a table that are on sale now. */
  symbols(table: string): readonly string[];
  /** `address`: who is asking, for rate limits; never shown to others. */
  connect(options: {
    readonly address: string;
    readonly sink: SubscriberSink;
    /** Nothing is delivered here, and what its quotes are for stays live where it is: for one request of a buyer without a connection. */
    readonly quotesOnly?: boolean;
  }): BuyerConnection;
  /**
   * Numbers rows, writes them to the journal and hands them to all who may have them, all before it returns.
   * @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL` (table with a fixed list), `BAD_REQUEST` (names row and column),
   * `JOURNAL_UNAVAILABLE`, `STOPPING`; then none of the rows was published.
   */
  publish(table: string, rows: readonly Row[]): void;
}

/** A way in for buyers: WebSocket, HTTP, kdb+. */
export interface Transport {
  /** For logs: `websocket`. */
  readonly name: string;
  /** Starts to listen; resolves with the URL that buyers use. @throws when the address is taken, naming it. */
  start(tickerplant: TickerplantService): Promise<string>;
  /** Stops taking connections, says good-bye to those there are, ends by the deadline (milliseconds from now). */
  stop(deadlineMs: number): Promise<void>;
}
