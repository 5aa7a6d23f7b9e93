import type { Msat } from './amount.ts';
import type { CallOptions, Page, PageRequest } from './common.ts';
import type { PaymentHash, Preimage } from './identifiers.ts';
import type { Settlements } from './settlement.ts';

/** The longest description that BOLT 11's `d` field can hold, in UTF-8 bytes. */
export const MAX_DESCRIPTION_BYTES = 639;

/** What to ask the node for. */
export interface CreateInvoice {
  /** The amount asked, in msat; `'any'` lets the payer choose. */
  readonly amountMsat: Msat | 'any';
  /** Shown to the payer, at most 639 bytes of UTF-8; or the SHA-256 (64 hex digits) of a longer text (BOLT 11 field `h`). */
  readonly description: string | { readonly sha256: string };
  /** Seconds until it expires. Always sent: the nodes' own defaults differ from an hour to a week. */
  readonly expirySeconds: number;
  /** A name of the caller's own, unique per node; asking again with the same label answers the first invoice. */
  readonly label?: string;
  /** A preimage of the caller's own; left out, the node makes one. Not with `hold`. */
  readonly preimage?: Preimage;
  /** Makes a hold invoice: payments wait until {@link Invoices.settleHeld} or {@link Invoices.cancel}. Capability `holdInvoices`. */
  readonly hold?: { readonly paymentHash: PaymentHash };
  /** Adds route hints for private channels (BOLT 11 field `r`). */
  readonly privateHints?: boolean;
  /** Blocks the last hop must leave (BOLT 11 field `c`); the node's default unless given. */
  readonly finalCltvDelta?: number;
}

/** `open` can be paid · `held` paid, waiting for settle or cancel · `settled` paid for good · `cancelled` withdrawn · `expired` too late. */
export type InvoiceState = 'open' | 'held' | 'settled' | 'cancelled' | 'expired';

/** An invoice as the node knows it. Times are milliseconds since 1970. */
export interface Invoice {
  readonly paymentHash: PaymentHash;
  /** The BOLT 11 text. */
  readonly paymentRequest: string;
  /** Undefined where the payer chooses. */
  readonly amountMsat: Msat | undefined;
  readonly description: string | undefined;
  readonly descriptionHash: string | undefined;
  readonly state: InvoiceState;
  /** What has arrived; 0 while nothing has. May be more than was asked. */
  readonly receivedMsat: Msat;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly settledAt: number | undefined;
  readonly label: string | undefined;
  /** The node's own number for it, where it has one (lnd's add index). */
  readonly index: bigint | undefined;
}

/** Which invoices to list. */
export interface ListInvoices extends PageRequest {
  readonly state?: InvoiceState;
}

/**
 * Receiving. All of it works with an invoice-only credential where the node has one.
 * Every call may throw `UNAVAILABLE`, `UNAUTHENTICATED`, `TIMEOUT`, `ABORTED`.
 */
export interface Invoices extends Settlements {
  /**
   * Creates an invoice; idempotent by `label`.
   * @throws LightningError `INVALID_ARGUMENT` (description too long, expiry not positive), `ALREADY_EXISTS` (the preimage's
   * hash or the label is taken by a different invoice), `UNSUPPORTED` (hold without the capability).
   */
  create(request: CreateInvoice, options?: CallOptions): Promise<Invoice>;
  /** The invoice of a payment hash; undefined where the node knows none (any more). */
  lookup(hash: PaymentHash, options?: CallOptions): Promise<Invoice | undefined>;
  /** Invoices in pages, oldest first. */
  list(request?: ListInvoices, options?: CallOptions): Promise<Page<Invoice>>;
  /**
   * Withdraws an open or held invoice: a payment that arrives later is refused, one that is held goes back.
   * Again on a cancelled or expired one: nothing.
   * @throws LightningError `CONFLICT` when the payment won the race and it is settled, `NOT_FOUND`.
   */
  cancel(hash: PaymentHash, options?: CallOptions): Promise<void>;
  /** Takes a held payment by its preimage. @throws LightningError `CONFLICT` when nothing is held, `UNSUPPORTED`. */
  settleHeld(secret: Preimage, options?: CallOptions): Promise<void>;
}
