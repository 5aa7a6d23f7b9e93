import type { Msat } from '../lightning/amount.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Column } from './schema.ts';

/** One table's part of a quote. */
export interface QuoteItem {
  readonly table: string;
  readonly syms: readonly string[];
}

/** An offer: pay the invoice and `items` are yours until `until`. Times are milliseconds since 1970. */
export interface QuoteOffer {
  readonly quote: string;
  readonly subscription: string;
  /** L402 macaroon, base64; alive once the quote is settled. A secret of the buyer's. */
  readonly token: string;
  readonly items: readonly (QuoteItem & { readonly schema: readonly Column[] })[];
  readonly amountMsat: Msat;
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
  readonly reason: 'slow-consumer' | 'retention' | 'epoch';
}

/** Where a subscriber is in one table: the last sequence number it has per symbol. */
export interface ResumePosition {
  readonly epoch: number;
  readonly seqs: Readonly<Record<string, number>>;
}
