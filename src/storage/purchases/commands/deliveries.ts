import { sql } from 'kysely';
import type { KeptAnswer, PurchaseRecord } from '../../../core/ports/purchases.ts';
import { wholeMs } from '../../ledger/mapping.ts';
import { type PurchaseDatabase, purchaseById } from './rows.ts';

/** Counts a delivery that was sent completely. What was noted as not deliverable was, after all. */
export async function countDelivery(db: PurchaseDatabase, id: string, now: number): Promise<PurchaseRecord> {
  await db
    .updateTable('purchases')
    .set({ delivered: sql`delivered + 1`, last_delivered_at: wholeMs(now) })
    .where('id', '=', id)
    .execute();
  await db
    .deleteFrom('refund_notes')
    .where('purchase', '=', id)
    .where('reason', '=', 'undeliverable')
    .where('done_at', 'is', null)
    .execute();
  return await purchaseById(db, id);
}

/** Notes bytes of a delivery that broke off. */
export async function addBrokenOff(db: PurchaseDatabase, id: string, bytes: number): Promise<void> {
  await db
    .updateTable('purchases')
    .set({ broken_off_bytes: sql`broken_off_bytes + ${BigInt(bytes)}` })
    .where('id', '=', id)
    .execute();
}

/** Keeps a computed answer; the first one that is kept stays, and is answered. */
export async function keepAnswer(db: PurchaseDatabase, id: string, { head, body }: KeptAnswer): Promise<KeptAnswer> {
  await db
    .insertInto('answers')
    .values({ purchase: id, head, body })
    .onConflict((conflict) => conflict.column('purchase').doNothing())
    .execute();
  return (await answer(db, id)) ?? { head, body };
}

/** The kept answer. */
export async function answer(db: PurchaseDatabase, id: string): Promise<KeptAnswer | undefined> {
  const row = await db.selectFrom('answers').select(['head', 'body']).where('purchase', '=', id).executeTakeFirst();
  return row && { head: row.head, body: row.body };
}
