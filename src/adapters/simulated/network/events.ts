import type { Outpoint, PaymentHash } from '../../../core/lightning/identifiers.ts';

/** Something that has happened and is durable. For who follows a node: emulated servers, streams, waiting calls. */
export type NetworkEvent =
  /** An invoice was made or changed its state. */
  | { readonly kind: 'invoice'; readonly node: string; readonly paymentHash: PaymentHash }
  /** An invoice was settled, as the node's settlement of this number. */
  | { readonly kind: 'settlement'; readonly node: string; readonly paymentHash: PaymentHash; readonly number: number }
  /** An outgoing payment began, settled or failed. */
  | { readonly kind: 'payment'; readonly node: string; readonly paymentHash: PaymentHash }
  | { readonly kind: 'channel'; readonly outpoint: Outpoint }
  | { readonly kind: 'forward'; readonly node: string; readonly number: number }
  | { readonly kind: 'peer'; readonly from: string; readonly to: string }
  | { readonly kind: 'block'; readonly height: number }
  | { readonly kind: 'node'; readonly node: string; readonly online: boolean };

/** Called after the change is durable, in order, in the turn of the call that caused it. */
export type NetworkListener = (event: NetworkEvent) => void;
