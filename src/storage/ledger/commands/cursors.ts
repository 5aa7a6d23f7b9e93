import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { SettlementCursor } from '../../../core/lightning/settlement.ts';
import type { ApplySettlement } from '../../../core/ports/ledger.ts';
import type { SettlementSourceName } from '../../../core/ports/settlement-source.ts';
import type { LedgerDatabase } from './handlers.ts';
import { findNode, numberOfNode } from './nodes.ts';

/** Up to where settlements of a node have had their effect, by the word of a source. */
export async function cursor(
  db: LedgerDatabase,
  node: NodeIdentity,
  source: SettlementSourceName = 'node',
): Promise<SettlementCursor | undefined> {
  if (source !== 'node') return await sourceCursor(db, node, source);
  const row = await db
    .selectFrom('nodes')
    .select('cursor')
    .where('network', '=', node.network)
    .where('node_id', '=', node.nodeId)
    .executeTakeFirst();
  return (row?.cursor ?? undefined) as SettlementCursor | undefined;
}

async function sourceCursor(db: LedgerDatabase, node: NodeIdentity, source: string): Promise<SettlementCursor | undefined> {
  const number = await findNode(db, node);
  if (number === undefined) return undefined;
  const row = await db
    .selectFrom('source_cursors')
    .select('cursor')
    .where('node', '=', number)
    .where('source', '=', source)
    .executeTakeFirst();
  return row?.cursor as SettlementCursor | undefined;
}

/** Moves it, for events without an effect of their own. */
export async function saveCursor(
  db: LedgerDatabase,
  node: NodeIdentity,
  position: SettlementCursor,
  source: SettlementSourceName = 'node',
): Promise<void> {
  if (source === 'node') await moveCursor(db, node, position);
  else await moveSourceCursor(db, await numberOfNode(db, node), source, position);
}

/** Moves what a settlement moves, within the transaction of its effect, and answers the node's number. */
export async function moveCursors(
  db: LedgerDatabase,
  { node, source = 'node', cursor: position, nodeCursor }: Pick<ApplySettlement, 'node' | 'source' | 'cursor' | 'nodeCursor'>,
): Promise<bigint> {
  if (source === 'node') return await moveCursor(db, node, position);
  const number = nodeCursor === undefined ? await numberOfNode(db, node) : await moveCursor(db, node, nodeCursor);
  await moveSourceCursor(db, number, source, position);
  return number;
}

/** What tells an event from another one of the same invoice: the same whoever told of it, as far as the node's cursors allow. */
export function eventNameOf({
  source = 'node',
  cursor: position,
  nodeCursor,
}: Pick<ApplySettlement, 'source' | 'cursor' | 'nodeCursor'>): SettlementCursor {
  if (source === 'node') return position;
  return nodeCursor ?? (`${source}:${position}` as SettlementCursor);
}

async function moveCursor(db: LedgerDatabase, node: NodeIdentity, position: SettlementCursor): Promise<bigint> {
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

async function moveSourceCursor(db: LedgerDatabase, node: bigint, source: string, position: SettlementCursor): Promise<void> {
  await db
    .insertInto('source_cursors')
    .values({ node, source, cursor: position })
    .onConflict((conflict) => conflict.columns(['node', 'source']).doUpdateSet({ cursor: position }))
    .execute();
}
