import type { Msat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Settlement, SettlementCursor } from '../lightning/settlement.ts';
import type { CreditEvent, QuotedItem, QuoteReason, Terms } from '../tickerplant/messages.ts';
import type { DeviceLedger, DeviceSettlement } from './device-ledger.ts';
import type { LedgerUpkeep } from './ledger-upkeep.ts';
import type { SettlementSourceName } from './settlement-source.ts';

/** `open` can be paid · `settled` was paid and has its effect · `expired` ran out · `withdrawn` by buyer or seller. */
export type QuoteState = 'open' | 'settled' | 'expired' | 'withdrawn';

/** A quote as the ledger keeps it. Times are milliseconds since 1970. */
export interface QuoteRecord {
  readonly id: string;
  readonly subscription: string;
  readonly node: NodeIdentity;
  readonly state: QuoteState;
  /** Digest of the idempotency key and its scope. */
  readonly key: string | undefined;
  /** Digest of what was asked under that key. */
  readonly request: string | undefined;
  readonly items: readonly QuotedItem[];
  readonly reason: QuoteReason;
  /** What the invoice asks for: the items' prices together, less {@link creditMsat}. */
  readonly amountMsat: Msat;
  /** What of the subscription's credit was set aside for it; goes back when the quote ends unpaid. */
  readonly creditMsat: Msat;
  readonly paymentHash: PaymentHash;
  readonly paymentRequest: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The invoice is known to be cancelled, expired or settled at the node: nothing is left to do there. */
  readonly invoiceClosed: boolean;
}

/** A quote to be made durable, with the credential of its subscription: written down where there is no such subscription yet, else left as it is. */
export interface NewQuote extends Omit<QuoteRecord, 'state' | 'invoiceClosed'> {
  readonly newSubscription: { readonly tokenId: string; readonly rootKey: string };
}

/** What one settled payment added: immutable. */
export interface Grant {
  readonly id: string;
  readonly subscription: string;
  readonly quote: string;
  readonly table: string;
  readonly syms: readonly string[];
  /** What was bought, as it was quoted. */
  readonly terms: Terms;
  readonly grantedAt: number;
  /** Until when it was paid; rows go on beyond it where the terms give a grace (see `endsAt`). */
  readonly until: number;
  readonly epoch: number;
  /** Symbol → number of the first row that it covers. */
  readonly next: Readonly<Record<string, number>>;
}

/** A subscription: its credential, grants and balance. */
export interface SubscriptionRecord {
  readonly id: string;
  readonly tokenId: string;
  readonly rootKey: string;
  readonly createdAt: number;
  readonly grants: readonly Grant[];
  /** Table → symbols that the buyer does not want for now, though they are paid. */
  readonly unsubscribed: Readonly<Record<string, readonly string[]>>;
  /** What was paid, bought nothing, and lowers the price of the next quote. */
  readonly creditMsat: Msat;
  /** What was prepaid for single rows and is neither spent nor lent to a running session (see {@link Ledger.lease}). */
  readonly balanceMsat: Msat;
  /** Rows that were billed, so that their replay is free. */
  readonly billed: readonly BilledRows[];
  /** When its token was revoked; undefined while it is good. */
  readonly revokedAt?: number | undefined;
}

/** Rows of a symbol that were billed one by one: numbers from–to, both included, ascending and apart. */
export interface BilledRows {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Part of a balance lent to the session that spends it; what it does not spend goes back. */
export interface Lease {
  readonly id: string;
  /** 0 where there is nothing to lend. */
  readonly msat: Msat;
  /** What is left of the balance beside it. */
  readonly balanceMsat: Msat;
}

/** What becomes of money that did not come as it was asked for: in full as if it had, to the subscription's credit, or noted as to be given back. */
export interface SettlementPolicy {
  /** Paid after the quote ran out. */
  readonly late: 'honour' | 'credit' | 'refund';
  /** Paid after the quote was withdrawn (cancelled). */
  readonly withdrawn: 'honour' | 'credit' | 'refund';
  /** What came beyond the price. */
  readonly overpaid: 'credit' | 'refund';
  /** Less than the price. */
  readonly underpaid: 'credit' | 'refund';
  /** A second time. */
  readonly duplicate: 'credit' | 'refund';
  /** For a table that is not on sale any more. */
  readonly tableGone: 'credit' | 'refund';
}

/** Money to be given back by hand: the seller's own list. Times are milliseconds since 1970. */
export interface RefundNote {
  readonly id: string;
  readonly subscription: string;
  readonly quote: string;
  readonly paymentHash: PaymentHash;
  readonly msat: Msat;
  readonly reason: CreditEvent['reason'];
  readonly at: number;
  /** When the seller noted that it was given back. */
  readonly doneAt: number | undefined;
}

/** Where numbering stands: table → symbol → next number. */
export type NextSeqs = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A settlement to be applied. */
export interface ApplySettlement {
  readonly node: NodeIdentity;
  /** Whose word `cursor` is; the node's own unless given. */
  readonly source?: SettlementSourceName | undefined;
  /** The position after it, at its source. */
  readonly cursor: SettlementCursor;
  /** The same at the node, where another source told of it and the node's cursors are good for anybody. */
  readonly nodeCursor?: SettlementCursor | undefined;
  readonly kind: 'settled' | 'duplicate';
  readonly settlement: Settlement;
  readonly now: number;
  readonly epoch: number;
  /** For the quote's symbols; a symbol left out begins at 1. */
  readonly next: NextSeqs;
  readonly policy: SettlementPolicy;
  /** Tables of the quote that are not on sale any more. */
  readonly gone: readonly string[];
  /** When the day ends that it is now: the end of what is sold for the day. */
  readonly dayEnds: number;
}

/**
 * What a settlement did. `granted`: what was bought is granted (`late`: after expiry or withdrawal, and honoured by the policy).
 * `set-aside`: it bought nothing, and its invoice can't be paid again: a quote that was open is open no more. `repeated`: applied before.
 * `device`: a device's invoice was paid, and it is to be told; not `fresh` where that had been applied before. `foreign`: not an invoice of this ledger's. `credits`: money of it
 * that bought nothing, and what became of that. The cursor moved in the same transaction, whichever it was.
 */
export type SettlementEffect =
  | {
      readonly kind: 'granted';
      readonly quote: QuoteRecord;
      readonly grants: readonly Grant[];
      /** The prepaid balance after it, without what is lent. */
      readonly balanceMsat: Msat;
      readonly credits: readonly CreditEvent[];
      readonly late: boolean;
    }
  | { readonly kind: 'set-aside'; readonly quote: QuoteRecord; readonly credits: readonly CreditEvent[] }
  | { readonly kind: 'repeated'; readonly quote: QuoteRecord }
  | { readonly kind: 'device'; readonly settlement: DeviceSettlement; readonly fresh: boolean }
  | { readonly kind: 'foreign' };

/** Totals, for people and health checks. */
export interface LedgerCounts {
  readonly quotes: number;
  readonly settled: number;
  readonly subscriptions: number;
  readonly creditMsat: Msat;
  /** Prepaid and not spent, what is lent included. */
  readonly balanceMsat: Msat;
  /** To be given back. */
  readonly refundMsat: Msat;
}

/**
 * `LOCKED` another process has it · `CORRUPT` not a ledger or damaged · `NEWER` made by a newer version · `FULL` no space · `IO` ·
 * `CLOSED` · `CONFLICT` the command contradicts what is recorded (an unknown subscription, a payment hash quoted before): the caller's fault.
 */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: 'LOCKED' | 'CORRUPT' | 'NEWER' | 'FULL' | 'IO' | 'CLOSED' | 'CONFLICT';

  constructor(code: LedgerError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Who was quoted what, who paid, who may have what. Each command is one transaction (several are committed together), durable
 * when its promise resolves. Every one may throw a {@link LedgerError}; after it nothing of the command has taken effect.
 */
export interface Ledger extends AsyncDisposable, LedgerUpkeep, DeviceLedger {
  /**
   * `created` false: a quote with this key is there already, and answered; nothing was written. Sets the quote's `creditMsat` aside in
   * the same transaction, and refuses with `CONFLICT` where there is less.
   */
  createQuote(quote: NewQuote): Promise<{ readonly created: boolean; readonly quote: QuoteRecord }>;
  quote(id: string): Promise<QuoteRecord | undefined>;
  /** The newest quote under a key's digest that is open or settled. */
  quoteByKey(key: string): Promise<QuoteRecord | undefined>;
  quoteByHash(node: NodeIdentity, hash: PaymentHash): Promise<QuoteRecord | undefined>;
  openQuotes(node: NodeIdentity): Promise<readonly QuoteRecord[]>;
  /** Open quotes whose time is over become expired; answers those that did. A settlement that came first wins. */
  expireQuotes(node: NodeIdentity, now: number): Promise<readonly QuoteRecord[]>;
  /** An open quote becomes withdrawn; undefined where it was not open. */
  withdrawQuote(id: string, now: number): Promise<QuoteRecord | undefined>;
  /** Expired and withdrawn quotes whose invoice may still be payable at the node. */
  invoicesToCancel(node: NodeIdentity): Promise<readonly QuoteRecord[]>;
  /** Notes that a quote's invoice needs no cancelling any more. */
  invoiceClosed(quote: string): Promise<void>;
  /** Applies a settlement with everything that it causes, and the cursor. Repeating it changes nothing. */
  applySettlement(command: ApplySettlement): Promise<SettlementEffect>;
  /** Up to where settlements of a node have had their effect, by the word of a source; the node's own unless given. */
  cursor(node: NodeIdentity, source?: SettlementSourceName): Promise<SettlementCursor | undefined>;
  /** Moves it, for events without an effect of their own. */
  saveCursor(node: NodeIdentity, cursor: SettlementCursor, source?: SettlementSourceName): Promise<void>;
  subscription(id: string): Promise<SubscriptionRecord | undefined>;
  subscriptionByToken(tokenId: string): Promise<SubscriptionRecord | undefined>;
  /** Sets which of a table's symbols the buyer does not want for now. */
  setUnsubscribed(subscription: string, table: string, syms: readonly string[]): Promise<void>;
  /**
   * Lends a subscription's running session at most so much of its balance. One lease at a time: an earlier one that is still open is
   * closed first, as if by {@link recordUse} with what was last recorded.
   */
  lease(subscription: string, msat: Msat, now: number): Promise<Lease>;
  /**
   * Notes what was spent of a lease in all so far and which rows were billed since the last time. `close`: what is left goes back to
   * the balance. Repeating it changes nothing. A lease that is closed already is left as it is.
   */
  recordUse(use: {
    readonly lease: string;
    readonly spentMsat: Msat;
    readonly billed: readonly BilledRows[];
    readonly close: boolean;
    readonly now: number;
  }): Promise<{ readonly balanceMsat: Msat }>;
  /** At start, before anything is lent: what was lent and neither spent nor given back when the process died goes back to the buyers. */
  reclaimLeases(now: number): Promise<{ readonly leases: number; readonly msat: Msat }>;
  /** The time from which on rows may still be asked for by some grant that has not ended (its grace included); undefined where there is none. */
  neededFrom(now: number): Promise<number | undefined>;
  /** Money noted to be given back and not done yet, oldest first. */
  refunds(): Promise<readonly RefundNote[]>;
  /** Notes that it was given back; false where there is no such open note. */
  refundDone(id: string, now: number): Promise<boolean>;
  counts(): Promise<LedgerCounts>;
}
