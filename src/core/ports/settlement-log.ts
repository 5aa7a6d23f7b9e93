import type { NodeIdentity } from '../lightning/backend.ts';
import type { Settlement } from '../lightning/settlement.ts';

/** A settlement as it was first observed; `position` counts from 1 per node without holes. */
export interface ObservedSettlement {
  readonly position: number;
  readonly settlement: Settlement;
}

/**
 * The order of first observation, for a node that has no order of its own (eclair). Small and durable; handed to the
 * adapter, whose cursor is a position in it. Together with it, per node, a checkpoint the adapter reconciles from.
 */
export interface SettlementLog {
  /** Appends those whose payment hash is not in it yet, in one durable step; answers what was new. */
  append(node: NodeIdentity, settlements: readonly Settlement[]): Promise<readonly ObservedSettlement[]>;
  /** At most `limit` after a position, in order. */
  after(node: NodeIdentity, position: number, limit: number): Promise<readonly ObservedSettlement[]>;
  /** The last position, 0 where there is none. */
  head(node: NodeIdentity): Promise<number>;
  /** The adapter's own note of up to where it has compared with the node; undefined before the first. */
  checkpoint(node: NodeIdentity): Promise<string | undefined>;
  saveCheckpoint(node: NodeIdentity, checkpoint: string): Promise<void>;
}
