import { sql } from 'kysely';
import type { Msat } from '../../../core/lightning/amount.ts';
import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { NewPurchase, PurchaseCounts, PurchaseRecord } from '../../../core/ports/purchases.ts';
import { findNode, numberOfNode } from '../../ledger/commands/nodes.ts';
import { wholeMs } from '../../ledger/mapping.ts';
import { asLedger, type PurchaseDatabase, selectPurchases, toPurchase } from './rows.ts';

// Written out in the SQL, not bound: only so does SQLite use the indexes over a part of the purchases.
const OPEN = sql.lit('open' as const);
const EXPIRED = sql.lit('expired' as const);

/** Makes a purchase durable. @throws LedgerError `CONFLICT` where its id, link or payment hash is there. */
export async function create(db: PurchaseDatabase, purchase: NewPurchase): Promise<void> {
  await db
    .insertInto('purchases')
    .values({
      id: purchase.id,
      link_digest: purchase.linkDigest,
      root_key: purchase.rootKey,
      node: await numberOfNode(asLedger(db), purchase.node),
      state: 'open',
      item: purchase.item,
      title: purchase.title,
      snapshot: purchase.snapshot,
      amount_msat: purchase.amountMsat,
      payment_hash: purchase.paymentHash,
      payment_request: purchase.paymentRequest,
      created_at: wholeMs(purchase.createdAt),
      expires_at: wholeMs(purchase.expiresAt),
      deliveries: BigInt(purchase.deliveries),
    })
    .execute();
}

/** The purchase of a link. */
export async function byLink(db: PurchaseDatabase, linkDigest: string): Promise<PurchaseRecord | undefined> {
  const row = await selectPurchases(db).where('purchases.link_digest', '=', linkDigest).executeTakeFirst();
  return row && toPurchase(row);
}

/** The purchase that a node's invoice belongs to. */
export async function byHash(db: PurchaseDatabase, node: NodeIdentity, hash: PaymentHash): Promise<PurchaseRecord | undefined> {
  const number = await findNode(asLedger(db), node);
  if (number === undefined) return undefined;
  const row = await selectPurchases(db).where('purchases.node', '=', number).where('purchases.payment_hash', '=', hash).executeTakeFirst();
  return row && toPurchase(row);
}

/** Those that can be paid. */
export async function openPurchases(db: PurchaseDatabase, node: NodeIdentity): Promise<readonly PurchaseRecord[]> {
  const number = await findNode(asLedger(db), node);
  if (number === undefined) return [];
  const rows = await selectPurchases(db)
    .where('purchases.node', '=', number)
    .where('purchases.state', '=', OPEN)
    .orderBy('purchases.expires_at')
    .execute();
  return rows.map(toPurchase);
}

/** Compare-and-set: what a settlement made `settled` is not open any more, and stays. */
export async function expireQuotes(db: PurchaseDatabase, node: NodeIdentity, now: number): Promise<readonly PurchaseRecord[]> {
  const number = await findNode(asLedger(db), node);
  if (number === undefined) return [];
  const rows = await db
    .updateTable('purchases')
    .set({ state: 'expired' })
    .where('node', '=', number)
    .where('state', '=', OPEN)
    .where('expires_at', '<=', wholeMs(now))
    .returningAll()
    .execute();
  return rows.map((row) => toPurchase({ ...row, network: node.network, node_id: node.nodeId }));
}

/** Those that ended unpaid and whose invoice may still be payable. */
export async function invoicesToCancel(db: PurchaseDatabase, node: NodeIdentity): Promise<readonly PurchaseRecord[]> {
  const number = await findNode(asLedger(db), node);
  if (number === undefined) return [];
  const rows = await selectPurchases(db)
    .where('purchases.node', '=', number)
    .where('purchases.state', '=', EXPIRED)
    .where('purchases.invoice_closed', '=', sql.lit(0n))
    .orderBy('purchases.expires_at')
    .execute();
  return rows.map(toPurchase);
}

/** Nothing is left to do at the node. */
export async function invoiceClosed(db: PurchaseDatabase, id: string): Promise<void> {
  await db.updateTable('purchases').set({ invoice_closed: 1n }).where('id', '=', id).execute();
}

/** Forgets what was never paid and can't be any more. */
export async function pruneQuotes(db: PurchaseDatabase, node: NodeIdentity, before: number, limit: number): Promise<number> {
  const number = await findNode(asLedger(db), node);
  if (number === undefined) return 0;
  const gone = db
    .selectFrom('purchases')
    .select('id')
    .where('node', '=', number)
    .where('state', '=', EXPIRED)
    .where('received_msat', 'is', null)
    .where('invoice_closed', '=', sql.lit(1n))
    .where('expires_at', '<', wholeMs(before))
    .limit(limit);
  return (await db.deleteFrom('purchases').where('id', 'in', gone).returning('id').execute()).length;
}

/** For the seller: newest first. */
export async function list(
  db: PurchaseDatabase,
  { before, limit, state }: { readonly before?: number; readonly limit: number; readonly state?: PurchaseRecord['state'] },
): Promise<readonly PurchaseRecord[]> {
  let query = selectPurchases(db);
  if (before !== undefined) query = query.where('purchases.created_at', '<', wholeMs(before));
  if (state !== undefined) query = query.where('purchases.state', '=', state);
  return (await query.orderBy('purchases.created_at', 'desc').limit(limit).execute()).map(toPurchase);
}

/** What has been sold. */
export async function counts(db: PurchaseDatabase): Promise<PurchaseCounts> {
  const rows = await db
    .selectFrom('purchases')
    .select(({ fn }) => [
      'state',
      fn.countAll<bigint>().as('count'),
      fn.sum<bigint | null>('received_msat').as('received'),
      fn.sum<bigint>('delivered').as('delivered'),
    ])
    .groupBy('state')
    .execute();
  const of = (state: PurchaseRecord['state']) => Number(rows.find((row) => row.state === state)?.count ?? 0n);
  return {
    open: of('open'),
    settled: of('settled'),
    expired: of('expired'),
    receivedMsat: rows.reduce((sum, { received }) => sum + (received ?? 0n), 0n) as Msat,
    delivered: Number(rows.reduce((sum, { delivered }) => sum + delivered, 0n)),
  };
}
