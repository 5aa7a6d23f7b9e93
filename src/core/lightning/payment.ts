import type { Msat } from './amount.ts';
import type { CallOptions, Network, Page, PageRequest } from './common.ts';
import type { NodeId, PaymentHash, Preimage, ShortChannelId } from './identifiers.ts';

/** A payment request, read (BOLT 11). Times are milliseconds since 1970. */
export interface DecodedInvoice {
  readonly paymentHash: PaymentHash;
  readonly payee: NodeId;
  readonly network: Network;
  /** Undefined where the payer chooses. */
  readonly amountMsat: Msat | undefined;
  readonly description: string | undefined;
  readonly descriptionHash: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Blocks the last hop must leave. */
  readonly finalCltvDelta: number;
  readonly routeHints: readonly (readonly RouteHint[])[];
}

/** One hop towards a payee that the public graph does not show (BOLT 11 field `r`). */
export interface RouteHint {
  readonly nodeId: NodeId;
  readonly channel: ShortChannelId;
  readonly baseFeeMsat: Msat;
  readonly feeRatePpm: number;
  readonly cltvDelta: number;
}

/** One hop of a route that was taken: what was forwarded through it to `nodeId` and what that hop kept for it. */
export interface RouteHop {
  readonly nodeId: NodeId;
  readonly channel: ShortChannelId | undefined;
  readonly forwardedMsat: Msat;
  readonly feeMsat: Msat;
}

/** One part of a payment (multi-part payments have several). */
export interface PaymentPart {
  readonly amountMsat: Msat;
  readonly feeMsat: Msat;
  /** In order, the payee last; empty where the node tells no route. */
  readonly hops: readonly RouteHop[];
}

/**
 * Why a payment failed for good. `fee-cap`: a route was there, above the cap. `attempts-exhausted`: the node stopped
 * trying and everything it had sent came back. `rejected`: the payee refused (wrong amount, already paid, cancelled).
 */
export type PaymentFailure =
  | 'no-route'
  | 'fee-cap'
  | 'insufficient-balance'
  | 'expired'
  | 'rejected'
  | 'attempts-exhausted'
  | 'self-payment'
  | 'error';

/**
 * How a payment stands; a value, never an exception. Only `failed` may be tried again. `pending` and `unknown` may have
 * cost money already: look them up. A time-out is `pending` or `unknown`, never `failed`.
 */
export type PaymentOutcome =
  | {
      readonly status: 'settled';
      readonly paymentHash: PaymentHash;
      readonly preimage: Preimage;
      /** What the payee received. */
      readonly amountMsat: Msat;
      readonly feeMsat: Msat;
      readonly settledAt: number | undefined;
      readonly parts: readonly PaymentPart[];
    }
  | {
      readonly status: 'failed';
      readonly paymentHash: PaymentHash;
      readonly reason: PaymentFailure;
      /** For people; holds no secret. */
      readonly detail: string;
    }
  | { readonly status: 'pending'; readonly paymentHash: PaymentHash }
  | { readonly status: 'unknown'; readonly paymentHash: PaymentHash; readonly detail: string };

/** What to pay. */
export interface PayRequest {
  /** BOLT 11. */
  readonly paymentRequest: string;
  /** For an invoice without an amount; an error with one that has. */
  readonly amountMsat?: Msat;
  /** The most that routing may cost, hard. Rounded down to the capability `feeCapStepMsat`. 0: free routes only. */
  readonly maxFeeMsat: Msat;
  /** How long to wait for the outcome; what is in flight then goes on and the outcome is `pending`. 60 s unless given. */
  readonly timeoutMs?: number;
}

/** A payment that needs no invoice. Capability `keysend`. */
export interface KeysendRequest {
  readonly destination: NodeId;
  readonly amountMsat: Msat;
  readonly maxFeeMsat: Msat;
  /** The caller's idempotency key: the same one is the same payment. The preimage is made and stored under it first. */
  readonly key: string;
  readonly timeoutMs?: number;
}

/** An outgoing payment as the node lists it. */
export interface Payment {
  readonly outcome: PaymentOutcome;
  readonly paymentRequest: string | undefined;
  readonly createdAt: number;
}

/**
 * Paying, idempotent by payment hash: one attempt is ever in flight for a hash, a second call joins it or answers its
 * outcome, after a crash too. Never a second attempt unless the first is known to have failed.
 */
export interface Payments {
  /**
   * Pays an invoice.
   * @throws LightningError `INVALID_ARGUMENT` (unreadable, an amount too many or too few, another amount or cap step),
   * `WRONG_NETWORK`, and whatever failed before the node was told to pay.
   */
  pay(request: PayRequest, options?: CallOptions): Promise<PaymentOutcome>;
  /** Pays without an invoice. @throws LightningError `UNSUPPORTED`. */
  keysend(request: KeysendRequest, options?: CallOptions): Promise<PaymentOutcome>;
  /** How the payment of a hash stands; undefined where neither we nor the node ever tried. */
  lookup(hash: PaymentHash, options?: CallOptions): Promise<PaymentOutcome | undefined>;
  /** Outgoing payments in pages, oldest first. */
  list(request?: PageRequest, options?: CallOptions): Promise<Page<Payment>>;
  /** Reads a payment request. @throws LightningError `INVALID_ARGUMENT`. */
  decode(paymentRequest: string, options?: CallOptions): Promise<DecodedInvoice>;
}

/** What an adapter brings for paying; {@link Payments} is made of it by `idempotentPayments`. */
export interface PaymentDriver {
  /**
   * One attempt; called only while the caller holds the lock of this payment hash and its intent is durable.
   * Throws only what is certain to have left nothing in flight (retry `safe` or `never`); otherwise `unknown`.
   */
  attempt(request: PayRequest & { readonly decoded: DecodedInvoice }, options?: CallOptions): Promise<PaymentOutcome>;
  /** One keysend attempt with a preimage that is stored already. Left out where the node has none. */
  attemptKeysend?(request: KeysendRequest & { readonly preimage: Preimage }, options?: CallOptions): Promise<PaymentOutcome>;
  /** What the node's own record says; undefined where it has none: which proves nothing right after an attempt. */
  lookup(hash: PaymentHash, options?: CallOptions): Promise<PaymentOutcome | undefined>;
  list(request: PageRequest, options?: CallOptions): Promise<Page<Payment>>;
  decode(paymentRequest: string, options?: CallOptions): Promise<DecodedInvoice>;
  /**
   * `true` where the node itself refuses a second payment of a hash and its record can be believed at once: an empty
   * look-up after a crash then means "never tried". `false` (eclair): it stays `unknown` until the invoice has expired.
   */
  readonly recordIsImmediate: boolean;
}
