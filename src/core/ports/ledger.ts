import type { Msat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Settlement, SettlementCursor } from '../lightning/settlement.ts';
import type { QuoteItem } from '../tickerplant/messages.ts';
import type { LedgerUpkeep } from './ledger-upkeep.ts';

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
  readonly items: readonly QuoteItem[];
  readonly amountMsat: Msat;
  readonly paymentHash: PaymentHash;
  readonly paymentRequest: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** How long the grant lasts from its activation, milliseconds. */
  readonly lastsMs: number;
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
  readonly grantedAt: number;
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
  /** What was paid and bought nothing (too little, too much, twice): owed to the buyer. */
  readonly creditMsat: Msat;
  /** When its token was revoked; undefined while it is good. */
  readonly revokedAt?: number | undefined;
}

/** Where numbering stands: table → symbol → next number. */
export type NextSeqs = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A settlement to be applied. */
export interface ApplySettlement {
  readonly node: NodeIdentity;
  readonly cursor: SettlementCursor;
  readonly kind: 'settled' | 'duplicate';
  readonly settlement: Settlement;
  readonly now: number;
  readonly epoch: number;
  /** For the quote's symbols; a symbol left out begins at 1. */
  readonly next: NextSeqs;
}

/**
 * What a settlement did. `granted`: paid at least the price (`overMsat` more went to the credit; `late`: after expiry or
 * withdrawal, and honoured). `credited`: too little, or a second time: put to the subscription's credit. `repeated`: applied before. `foreign`:
 * not an invoice of this ledger's. The cursor moved in the same transaction, whichever it was.
 */
export type SettlementEffect =
  | {
      readonly kind: 'granted';
      readonly quote: QuoteRecord;
      readonly grants: readonly Grant[];
      readonly overMsat: Msat;
      readonly late: boolean;
    }
  | { readonly kind: 'credited'; readonly quote: QuoteRecord; readonly creditMsat: Msat; readonly reason: 'underpaid' | 'duplicate' }
  | { readonly kind: 'repeated'; readonly quote: QuoteRecord }
  | { readonly kind: 'foreign' };

/** Totals, for people and health checks. */
export interface LedgerCounts {
  readonly quotes: number;
  readonly settled: number;
  readonly subscriptions: number;
  readonly creditMsat: Msat;
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
export interface Ledger extends AsyncDisposable, LedgerUpkeep {
  /** `created` false: a quote with this key is there already, and answered; nothing was written. */
  createQuote(quote: NewQuote): Promise<{ readonly created: boolean; readonly quote: QuoteRecord }>;
  quote(id: string): Promise<QuoteRecord | undefined>;
  /** The newest quote under a key's digest that is open or settled. */
  quoteByKey(key: string): Promise<QuoteRecord | undefined>;
  quoteByHash(node: NodeIdentity, hash: PaymentHash): Promise<QuoteRecord | undefined>;
  openQuotes(node: NodeIdentity): Promise<readonly QuoteRecord[]>;
  /** Open quotes whose time is over become expired; answers those that did. A settlement that came first wins. */
  expireQuotes(node: NodeIdentity, now: number): Promise<readonly QuoteRecord[]>;
  /** An open quote becomes withdrawn; undefined where it was not open. */
  withdrawQuote(id: string): Promise<QuoteRecord | undefined>;
  /** Expired and withdrawn quotes whose invoice may still be payable at the node. */
  invoicesToCancel(node: NodeIdentity): Promise<readonly QuoteRecord[]>;
  /** Notes that a quote's invoice needs no cancelling any more. */
  invoiceClosed(quote: string): Promise<void>;
  /** Applies a settlement with everything that it causes, and the cursor. Repeating it changes nothing. */
  applySettlement(command: ApplySettlement): Promise<SettlementEffect>;
  cursor(node: NodeIdentity): Promise<SettlementCursor | undefined>;
  saveCursor(node: NodeIdentity, cursor: SettlementCursor): Promise<void>;
  subscription(id: string): Promise<SubscriptionRecord | undefined>;
  subscriptionByToken(tokenId: string): Promise<SubscriptionRecord | undefined>;
  /** Sets which of a table's symbols the buyer does not want for now. */
  setUnsubscribed(subscription: string, table: string, syms: readonly string[]): Promise<void>;
  counts(): Promise<LedgerCounts>;
}
