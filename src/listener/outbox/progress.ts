import type { SettlementCursor } from '../../core/lightning/settlement.ts';

/** How far the node has been followed; committed with the events. What is left out stays. */
export interface NodeProgress {
  readonly nodeCursor?: SettlementCursor | undefined;
  readonly madeAfter?: string | undefined;
  /** Invoices that can still end unpaid. */
  readonly opened?: readonly { readonly paymentHash: string; readonly expiresAt: number }[];
  /** Those that can't any more. */
  readonly ended?: readonly string[];
}
