import type { Msat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Settlement, SettlementCursor } from '../lightning/settlement.ts';
import type { SweptLedger } from '../tickerplant/quote-sweeper.ts';
import type { Ledger } from './ledger.ts';

/** A purchase of a single item, as it was made. Times are milliseconds since 1970. */
export interface NewPurchase {
  /** For logs, invoices' labels and the seller: no secret. */
  readonly id: string;
  /** SHA-256 of the link, 64 hex digits, and the token's id: the link itself is kept nowhere. */
  readonly linkDigest: string;
  /** 64 hex digits, a secret: what the purchase's L402 token is signed with. */
  readonly rootKey: string;
  readonly node: NodeIdentity;
  /** Which item was asked for. */
  readonly item: string;
  readonly title: string;
  /** What the item needs to be delivered as it was when it was bought; the item source's own text. */
  readonly snapshot: string;
  readonly amountMsat: Msat;
  readonly paymentHash: PaymentHash;
  readonly paymentRequest: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** How often it may be delivered. */
  readonly deliveries: number;
}

/** A purchase as it stands. */
export interface PurchaseRecord extends NewPurchase {
  /** `open` can be paid · `settled` paid · `expired` not paid in time, or not in full. */
  readonly state: 'open' | 'settled' | 'expired';
  /** Deliveries that were sent completely. */
  readonly delivered: number;
  /** Bytes of deliveries that broke off. */
  readonly brokenOffBytes: number;
  /** What arrived for it; undefined until something has. */
  readonly receivedMsat: Msat | undefined;
  readonly settledAt: number | undefined;
  /** It was paid after its time, and honoured. */
  readonly late: boolean;
  readonly lastDeliveredAt: number | undefined;
  /** When the seller gave the price back: from then on nothing is delivered. */
  readonly refundedAt: number | undefined;
}

/** Money to be given back by hand, or to be looked at. */
export interface PurchaseRefund {
  readonly id: string;
  readonly purchase: string;
  readonly item: string;
  readonly paymentHash: PaymentHash;
  readonly msat: Msat;
  /** `overpaid` more came than was asked · `underpaid` less, so nothing was sold · `duplicate` a second payment · `undeliverable` what was bought is not there as it was. */
  readonly reason: 'overpaid' | 'underpaid' | 'duplicate' | 'undeliverable';
  readonly at: number;
}

/** What a settlement came to. `refunds`: what was noted with it. */
export type PurchaseEffect =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'repeated'; readonly purchase: PurchaseRecord }
  | { readonly kind: 'sold' | 'set-aside'; readonly purchase: PurchaseRecord; readonly refunds: readonly PurchaseRefund[] };

/** A settlement to be applied. */
export interface ApplyPurchaseSettlement {
  readonly node: NodeIdentity;
  readonly cursor: SettlementCursor;
  readonly kind: 'settled' | 'duplicate';
  readonly settlement: Settlement;
  readonly now: number;
}

/** A computed answer that is kept, so that every delivery of a purchase is the same. */
export interface KeptAnswer {
  /** The item source's own text: content type, file name. */
  readonly head: string;
  readonly body: Uint8Array;
}

/** What has been sold, and taken in. */
export interface PurchaseCounts {
  readonly open: number;
  readonly settled: number;
  readonly expired: number;
  /** All that arrived. */
  readonly receivedMsat: Msat;
  readonly delivered: number;
}

/**
 * Who bought what by which link. Each command is one transaction, durable when its promise resolves. Every one may throw a `LedgerError`;
 * after it nothing of the command has taken effect.
 */
export interface Purchases extends SweptLedger<PurchaseRecord>, Pick<Ledger, 'cursor' | 'saveCursor'> {
  create(purchase: NewPurchase): Promise<void>;
  byLink(linkDigest: string): Promise<PurchaseRecord | undefined>;
  byHash(node: NodeIdentity, hash: PaymentHash): Promise<PurchaseRecord | undefined>;
  /** Those that can be paid, the first to expire first. */
  openPurchases(node: NodeIdentity): Promise<readonly PurchaseRecord[]>;
  /** Applies a settlement, all that it causes, and the cursor. Late ones are honoured. */
  applySettlement(command: ApplyPurchaseSettlement): Promise<PurchaseEffect>;
  /** Counts a delivery that was sent completely; a note that it could not be delivered goes. */
  countDelivery(id: string, now: number): Promise<PurchaseRecord>;
  /** Notes bytes of a delivery that broke off. */
  addBrokenOff(id: string, bytes: number): Promise<void>;
  keepAnswer(id: string, answer: KeptAnswer): Promise<KeptAnswer>;
  answer(id: string): Promise<KeptAnswer | undefined>;
  /** Notes, once, that what was bought is not there as it was; answers whether it is new. */
  noteUndeliverable(id: string, now: number): Promise<boolean>;
  /** What is to be given back, oldest first. */
  refunds(): Promise<readonly PurchaseRefund[]>;
  /** Notes that it was given back; false where there is no such open note. */
  refundDone(id: string, now: number): Promise<boolean>;
  /** Purchases, newest first, before a time, for the seller. */
  list(request: {
    readonly before?: number;
    readonly limit: number;
    readonly state?: PurchaseRecord['state'];
  }): Promise<readonly PurchaseRecord[]>;
  counts(): Promise<PurchaseCounts>;
}
