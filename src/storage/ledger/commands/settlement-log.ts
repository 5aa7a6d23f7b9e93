import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { Settlement } from '../../../core/lightning/settlement.ts';
import type { ObservedSettlement } from '../../../core/ports/settlement-log.ts';
import { toObserved, wholeMs } from '../mapping.ts';
import type { LedgerDatabase } from './handlers.ts';
import { findNode, numberOfNode } from './nodes.ts';

/** Appends what is new by payment hash, without a hole in the positions. */
export async function append(
  db: LedgerDatabase,
  node: NodeIdentity,
  settlements: readonly Settlement[],
): Promise<readonly ObservedSettlement[]> {
  if (settlements.length === 0) return [];
  const number = await numberOfNode(db, node);
  let position = await head(db, node);
  const added: ObservedSettlement[] = [];
  for (const settlement of settlements) {
    const row = await db
      .insertInto('settlement_log')
      .values({
        node: number,
        position: BigInt(position + 1),
        payment_hash: settlement.paymentHash,
        amount_msat: settlement.amountMsat ?? null,
        received_msat: settlement.receivedMsat,
        settled_at: wholeMs(settlement.settledAt),
        expires_at: settlement.expiresAt === undefined ? null : wholeMs(settlement.expiresAt),
        label: settlement.label ?? null,
      })
      .onConflict((conflict) => conflict.columns(['node', 'payment_hash']).doNothing())
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) continue;
    added.push(toObserved(row));
    position += 1;
  }
  return added;
}

/** At most `limit` after a position. */
export async function after(
  db: LedgerDatabase,
  node: NodeIdentity,
  position: number,
  limit: number,
): Promise<readonly ObservedSettlement[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await db
    .selectFrom('settlement_log')
    .selectAll()
    .where('node', '=', number)
    .where('position', '>', BigInt(position))
    .orderBy('position')
    .limit(limit)
    .execute();
  return rows.map(toObserved);
}

/** The last position, or 0. */
export async function head(db: LedgerDatabase, node: NodeIdentity): Promise<number> {
  const number = await findNode(db, node);
  if (number === undefined) return 0;
  const row = await db
    .selectFrom('settlement_log')
    .select('position')
    .where('node', '=', number)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return Number(row?.position ?? 0n);
}

/** The adapter's note. */
export async function checkpoint(db: LedgerDatabase, node: NodeIdentity): Promise<string | undefined> {
  const row = await db
    .selectFrom('nodes')
    .select('checkpoint')
    .where('network', '=', node.network)
    .where('node_id', '=', node.nodeId)
    .executeTakeFirst();
  return row?.checkpoint ?? undefined;
}

/** Replaces the adapter's note. */
export async function saveCheckpoint(db: LedgerDatabase, node: NodeIdentity, note: string): Promise<void> {
  await db
    .updateTable('nodes')
    .set({ checkpoint: note })
    .where('number', '=', await numberOfNode(db, node))
    .execute();
}
