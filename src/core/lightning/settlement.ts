import type { Msat } from './amount.ts';
import type { CallOptions } from './common.ts';
import type { PaymentHash } from './identifiers.ts';

declare const cursorBrand: unique symbol;

/**
 * A position in one node's sequence of settled invoices. Opaque to everybody but the adapter that gave it; good for
 * that node only, kept per (network, node id) by whoever has committed the effect of everything up to it.
 */
export type SettlementCursor = string & { readonly [cursorBrand]: true };

/** An invoice that was paid for good. Times are milliseconds since 1970. */
export interface Settlement {
  readonly paymentHash: PaymentHash;
  /** What was asked; undefined where the payer chose. */
  readonly amountMsat: Msat | undefined;
  /** What arrived. */
  readonly receivedMsat: Msat;
  readonly settledAt: number;
  /** Undefined where the node has forgotten it. */
  readonly expiresAt: number | undefined;
  readonly label: string | undefined;
}

/** How what arrived relates to what was asked; `late` goes with any of them. */
export interface SettlementClass {
  readonly amount: 'exact' | 'over' | 'under';
  readonly late: boolean;
}

/** Tells over-, under- and late payment from an ordinary one: events of their own, never silence. */
export function classifySettlement(settlement: Settlement): SettlementClass {
  const asked = settlement.amountMsat ?? settlement.receivedMsat;
  const amount = settlement.receivedMsat === asked ? 'exact' : settlement.receivedMsat > asked ? 'over' : 'under';
  return { amount, late: settlement.expiresAt !== undefined && settlement.settledAt > settlement.expiresAt };
}

/**
 * `settled`: an invoice was paid; commit its effect and `cursor` together.
 * `duplicate`: money arrived a second time for an invoice that was settled already, where the node lets that happen.
 * `caught-up`: everything that was settled before the stream began has been yielded; live ones follow. Again after each reconnect.
 */
export type SettlementEvent =
  | { readonly kind: 'settled'; readonly cursor: SettlementCursor; readonly settlement: Settlement }
  | { readonly kind: 'duplicate'; readonly cursor: SettlementCursor; readonly settlement: Settlement }
  | { readonly kind: 'caught-up'; readonly cursor: SettlementCursor };

/** What the stream's connection to the node is doing; for people and for health checks. */
export type StreamStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly error: Error; readonly retryInMs: number };

/** How to follow settlements. */
export interface FollowSettlements extends CallOptions {
  /** Where to go on; left out: from the node's first settled invoice. */
  readonly after?: SettlementCursor;
  /** Told whenever the connection changes. */
  readonly onStatus?: (status: StreamStatus) => void;
}

/** Learning what was paid. */
export interface Settlements {
  /**
   * Every invoice settled after the cursor, each at least once, ours or not, through reconnects and restarts of either
   * side, then live for ever. A lost node is waited for (see `onStatus`); it ends when the signal is aborted or the
   * consumer breaks off. Order: the node's own, or that of first observation where the node has none.
   * @throws LightningError only for what waiting can't cure: `INVALID_ARGUMENT` (a cursor of another adapter), `WRONG_NETWORK`.
   */
  settlements(options?: FollowSettlements): AsyncIterable<SettlementEvent>;
  /** The cursor of this moment: whatever is settled from now on comes after it. For a seller's first start on an old node. */
  settlementsHead(options?: CallOptions): Promise<SettlementCursor>;
}
