import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { SettlementCursor } from '../../../core/lightning/settlement.ts';
import type { LedgerDatabase } from './handlers.ts';
import { numberOfNode } from './nodes.ts';

/** Up to where settlements of a node have had their effect. */
export async function cursor(db: LedgerDatabase, node: NodeIdentity): Promise<SettlementCursor | undefined> {
  const row = await db
    .selectFrom('nodes')
    .select('cursor')
    .where('network', '=', node.network)
    .where('node_id', '=', node.nodeId)
    .executeTakeFirst();
  return (row?.cursor ?? undefined) as SettlementCursor | undefined;
}

/** Moves it, for events without an effect of their own. */
export async function saveCursor(db: LedgerDatabase, node: NodeIdentity, position: SettlementCursor): Promise<void> {
  await moveCursor(db, node, position);
}

/** Moves it, within the transaction of the effect, and answers the node's number. */
export async function moveCursor(db: LedgerDatabase, node: NodeIdentity, position: SettlementCursor): Promise<bigint> {
  const moved = await db
    .updateTable('nodes')
    .set({ cursor: position })
    .where('network', '=', node.network)
    .where('node_id', '=', node.nodeId)
    .returning('number')
    .executeTakeFirst();
  if (moved !== undefined) return moved.number;
  await numberOfNode(db, node);
  return await moveCursor(db, node, position);
}
