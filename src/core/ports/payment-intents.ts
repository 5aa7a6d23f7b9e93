import type { Msat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import type { PaymentHash, Preimage } from '../lightning/identifiers.ts';
import type { PaymentOutcome } from '../lightning/payment.ts';

/** That we are about to pay: durable before the node is told. */
export interface PaymentIntent {
  readonly node: NodeIdentity;
  readonly paymentHash: PaymentHash;
  /** Undefined for keysend. */
  readonly paymentRequest: string | undefined;
  /** Keysend only: its own key and preimage. */
  readonly keysend: { readonly key: string; readonly preimage: Preimage } | undefined;
  readonly amountMsat: Msat;
  readonly maxFeeMsat: Msat;
  readonly createdAt: number;
  /** When the invoice can no longer be paid; milliseconds since 1970. */
  readonly expiresAt: number;
  /** How often the node was told to pay: more than once only after a known failure. */
  readonly attempts: number;
  /** The last known outcome; undefined from the intent until the first one is recorded. */
  readonly outcome: PaymentOutcome | undefined;
}

/** The durable memory of what we have paid or are paying, per (network, node, payment hash). */
export interface PaymentIntents {
  find(node: NodeIdentity, hash: PaymentHash): Promise<PaymentIntent | undefined>;
  findKeysend(node: NodeIdentity, key: string): Promise<PaymentIntent | undefined>;
  /**
   * Records that an attempt is about to be made, in one durable step: creates the intent, or, where one is there whose
   * outcome is `failed`, counts another attempt and clears the outcome. `begun` false: another one is pending, unknown,
   * settled or not yet told; nothing was changed.
   */
  begin(intent: Omit<PaymentIntent, 'attempts' | 'outcome'>): Promise<{ readonly begun: boolean; readonly intent: PaymentIntent }>;
  /** Records what is known of it now. A settled one is never changed again. */
  record(node: NodeIdentity, hash: PaymentHash, outcome: PaymentOutcome): Promise<void>;
}
