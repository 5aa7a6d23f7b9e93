import type { Msat } from '../lightning/amount.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Column, Pricing } from './schema.ts';

/** One table's part of a quote. */
export interface QuoteItem {
  readonly table: string;
  readonly syms: readonly string[];
}

/** The terms of one table's part of a quote, as they were when it was made: a price that changes later changes nothing that was quoted. */
export type Terms = Pricing;

/** One table's part of a quote with its price. */
export interface QuotedItem extends QuoteItem {
  readonly terms: Terms;
  /** What this part costs. */
  readonly amountMsat: Msat;
}

/** Why a quote is made: asked for by the buyer · before what was bought for a time ends · before a prepaid balance runs dry. */
export type QuoteReason = 'asked' | 'renewal' | 'top-up';

/** What is left of a prepaid balance. `low`: a top-up is offered; `dry`: rows that are paid one by one have stopped. */
export interface BalanceEvent {
  readonly subscription: string;
  readonly balanceMsat: Msat;
  readonly state: 'ok' | 'low' | 'dry';
}

/** Money that bought nothing: put to the subscription's credit, or noted to be given back. `quote`: which it was paid for. */
export interface CreditEvent {
  readonly subscription: string;
  readonly quote: string;
  readonly msat: Msat;
  readonly reason: 'overpaid' | 'underpaid' | 'duplicate' | 'late' | 'withdrawn' | 'table-gone';
  readonly outcome: 'credit' | 'refund';
}

/** An offer: pay the invoice and `items` are yours until `until`. Times are milliseconds since 1970. */
export interface QuoteOffer {
  readonly quote: string;
  readonly subscription: string;
  /** L402 macaroon, base64; alive once the quote is settled. A secret of the buyer's. */
  readonly token: string;
  readonly items: readonly (QuotedItem & { readonly schema: readonly Column[] })[];
  readonly reason: QuoteReason;
  /** What the invoice asks for: the price of the items without {@link creditMsat}. */
  readonly amountMsat: Msat;
  /** How much of the subscription's credit lowers the price. */
  readonly creditMsat: Msat;
  /** BOLT 11. */
  readonly invoice: string;
  readonly paymentHash: PaymentHash;
  readonly expiresAt: number;
  /** Until when the grant lasts at least, if it is paid now. */
  readonly until: number;
  readonly node: { readonly id: string; readonly uris: readonly string[] };
}

/** A grant took effect: from `next` on, rows of these symbols come. */
export interface ActiveEvent {
  readonly subscription: string;
  readonly quote: string;
  readonly table: string;
  readonly syms: readonly string[];
  readonly until: number;
  readonly epoch: number;
  /** Symbol → the number of its first row that is granted. */
  readonly next: Readonly<Record<string, number>>;
}

/** Rows that a subscriber will not get: numbers `from` to `to`, both included; `to` undefined where it can't be known. */
export interface GapEvent {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number | undefined;
  readonly reason: 'slow-consumer' | 'retention' | 'epoch' | 'balance';
}

/** Where a subscriber is in one table: the last sequence number it has per symbol. */
export interface ResumePosition {
  readonly epoch: number;
  readonly seqs: Readonly<Record<string, number>>;
}
