import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { LedgerDatabase } from './handlers.ts';

/** The number a node has in this ledger; undefined where nothing was ever kept of it. */
export async function findNode(db: LedgerDatabase, node: NodeIdentity): Promise<bigint | undefined> {
  const row = await db
    .selectFrom('nodes')
    .select('number')
    .where('network', '=', node.network)
    .where('node_id', '=', node.nodeId)
    .executeTakeFirst();
  return row?.number;
}

/** The same; a node that is new gets a number. */
export async function numberOfNode(db: LedgerDatabase, node: NodeIdentity): Promise<bigint> {
  const known = await findNode(db, node);
  if (known !== undefined) return known;
  const row = await db
    .insertInto('nodes')
    .values({ network: node.network, node_id: node.nodeId })
    .returning('number')
    .executeTakeFirstOrThrow();
  return row.number;
}
