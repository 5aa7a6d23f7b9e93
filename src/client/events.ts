import type { Msat } from '../core/lightning/amount.ts';
import type { PaymentHash } from '../core/lightning/identifiers.ts';
import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer, QuoteReason } from '../core/tickerplant/messages.ts';
import type { Column, Row } from '../core/tickerplant/schema.ts';
import type { Resumed } from '../core/tickerplant/service.ts';

/** An offer as it is shown and logged: without the token, which is a secret. */
export type QuoteView = Omit<QuoteOffer, 'token'>;

/** Where a subscriber is in one symbol of a table: the number of the last row that it has. */
export interface Position {
  readonly table: string;
  readonly epoch: number;
  readonly sym: string;
  readonly seq: number;
}

/** New rows of one symbol, in order, none of them seen before; row *i* has the number `seq + i`. */
export interface RowsEvent {
  readonly type: 'rows';
  readonly table: string;
  readonly columns: readonly Column[];
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
  readonly rows: readonly Row[];
  /** Numbers before `seq` were left out on purpose: only the newest was kept for a slow reader. */
  readonly conflated: boolean;
}

/** The last row of a symbol as it was when a payment took effect; free, and its number is before the first that was bought. */
export interface SnapshotEvent {
  readonly type: 'snapshot';
  readonly table: string;
  readonly columns: readonly Column[];
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
  readonly rows: readonly Row[];
}

/**
 * Why a renewal or top-up is not paid. `budget`: it is more than what is left · `terms`: it is not what the first quote's terms
 * allow · `once`: nothing more was to be paid · `wallet`: the wallet refuses.
 */
export type DeclineReason = 'budget' | 'terms' | 'once' | 'wallet';

/** `hole`: numbers are missing, the server gave no reason, and asking again did not bring them. */
export type GapReason = GapEvent['reason'] | 'hole';

/** What a subscriber lives through, in order. Amounts in msat, times in milliseconds since 1970. */
export type SubscriberEvent =
  | {
      readonly type: 'status';
      readonly state: 'connecting' | 'connected' | 'waiting' | 'disconnected';
      readonly detail: string;
      readonly retryInMs?: number;
    }
  /** An offer; `quote.reason` says whether it was asked for, or is a renewal or a top-up that the server offers. */
  | { readonly type: 'quote'; readonly quote: QuoteView }
  | {
      readonly type: 'paying';
      readonly quote: string;
      readonly reason: QuoteReason;
      readonly paymentHash: PaymentHash;
      readonly amountMsat: Msat;
      readonly maxFeeMsat: Msat;
    }
  | {
      readonly type: 'paid';
      readonly quote: string;
      readonly reason: QuoteReason;
      readonly paymentHash: PaymentHash;
      readonly amountMsat: Msat;
      readonly feeMsat: Msat;
    }
  /** A renewal or a top-up is not paid; what was paid before goes on until the server ends it. */
  | {
      readonly type: 'declined';
      readonly quote: string;
      readonly reason: QuoteReason;
      readonly because: DeclineReason;
      readonly amountMsat: Msat;
      readonly detail: string;
    }
  | ({ readonly type: 'active' } & ActiveEvent)
  | ({ readonly type: 'resumed' } & Resumed)
  | RowsEvent
  | SnapshotEvent
  | ({ readonly type: 'balance' } & BalanceEvent)
  | ({ readonly type: 'credit' } & CreditEvent)
  | ({ readonly type: 'gap' } & Omit<GapEvent, 'reason'> & { readonly reason: GapReason })
  | { readonly type: 'end'; readonly date: string }
  | { readonly type: 'expired'; readonly quote: string; readonly reason: 'unpaid' | 'ended'; readonly renewing: boolean }
  | { readonly type: 'superseded'; readonly subscription: string };

/** Where the reader is once it has taken in an event; undefined where that moves nothing. */
export function positionAfter(event: SubscriberEvent): Position | undefined {
  if (event.type === 'rows') {
    return { table: event.table, epoch: event.epoch, sym: event.sym, seq: event.seq + event.rows.length - 1 };
  }
  if (event.type === 'gap' && event.to !== undefined) {
    return { table: event.table, epoch: event.epoch, sym: event.sym, seq: event.to };
  }
  return undefined;
}
