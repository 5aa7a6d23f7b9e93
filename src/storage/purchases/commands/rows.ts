import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely';
import type { Msat } from '../../../core/lightning/amount.ts';
import type { Network } from '../../../core/lightning/common.ts';
import type { NodeId, PaymentHash } from '../../../core/lightning/identifiers.ts';
import { LedgerError } from '../../../core/ports/ledger.ts';
import type { PurchaseRecord } from '../../../core/ports/purchases.ts';
import type { LedgerDatabase } from '../../ledger/commands/handlers.ts';
import type { NodesTable } from '../../ledger/tables.ts';
import type { PurchasesTable, PurchaseTables } from '../tables.ts';

/** What the store's commands work on: a connection inside a transaction that its caller commits or rolls back. */
export type PurchaseDatabase = Kysely<PurchaseTables>;

/** The same for the ledger's commands on nodes and on the adapter's memory, whose tables both have. */
export function asLedger(db: PurchaseDatabase): LedgerDatabase {
  return db as unknown as LedgerDatabase;
}

type PurchaseRow = Selectable<PurchasesTable> & Pick<Selectable<NodesTable>, 'network' | 'node_id'>;

/** Purchases with their nodes. */
export function selectPurchases(db: PurchaseDatabase): SelectQueryBuilder<PurchaseTables, 'purchases' | 'nodes', PurchaseRow> {
  return db
    .selectFrom('purchases')
    .innerJoin('nodes', 'nodes.number', 'purchases.node')
    .selectAll('purchases')
    .select(['nodes.network', 'nodes.node_id']);
}

/** A purchase that is known to be there. @throws LedgerError `CONFLICT` where it is not. */
export async function purchaseById(db: PurchaseDatabase, id: string): Promise<PurchaseRecord> {
  const row = await selectPurchases(db).where('purchases.id', '=', id).executeTakeFirst();
  if (row === undefined) throw new LedgerError('CONFLICT', `there is no purchase ${id}`);
  return toPurchase(row);
}

/** A purchase of its row. */
export function toPurchase(row: PurchaseRow): PurchaseRecord {
  const time = (at: bigint | null) => (at === null ? undefined : Number(at));
  return {
    id: row.id,
    linkDigest: row.link_digest,
    rootKey: row.root_key,
    node: { network: row.network as Network, nodeId: row.node_id as NodeId },
    state: row.state,
    item: row.item,
    title: row.title,
    snapshot: row.snapshot,
    amountMsat: row.amount_msat as Msat,
    paymentHash: row.payment_hash as PaymentHash,
    paymentRequest: row.payment_request,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    deliveries: Number(row.deliveries),
    delivered: Number(row.delivered),
    brokenOffBytes: Number(row.broken_off_bytes),
    receivedMsat: row.received_msat === null ? undefined : (row.received_msat as Msat),
    settledAt: time(row.settled_at),
    late: row.late === 1n,
    lastDeliveredAt: time(row.last_delivered_at),
    refundedAt: time(row.refunded_at),
  };
}
