import { createHash } from 'node:crypto';
import type { Msat } from '../../../core/lightning/amount.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { PurchaseRecord, PurchaseRefund } from '../../../core/ports/purchases.ts';
import { wholeMs } from '../../ledger/mapping.ts';
import { type PurchaseDatabase, purchaseById } from './rows.ts';

const ID_LENGTH = 16;

/** Notes what is to be given back, once for each purchase, reason and `which`; answers what was new. */
export async function note(
  db: PurchaseDatabase,
  purchase: Pick<PurchaseRecord, 'id' | 'item' | 'paymentHash'>,
  reason: PurchaseRefund['reason'],
  msat: Msat,
  now: number,
  which = '',
): Promise<readonly PurchaseRefund[]> {
  const id = createHash('sha256').update(`${purchase.id}\n${reason}\n${which}`).digest('hex').slice(0, ID_LENGTH);
  const row = await db
    .insertInto('refund_notes')
    .values({ id, purchase: purchase.id, msat, reason, noted_at: wholeMs(now) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (row === undefined) return [];
  return [{ id, purchase: purchase.id, item: purchase.item, paymentHash: purchase.paymentHash, msat, reason, at: now }];
}

/** Notes that what was bought is not there as it was; the price is to be given back. */
export async function noteUndeliverable(db: PurchaseDatabase, id: string, now: number): Promise<boolean> {
  const purchase = await purchaseById(db, id);
  if (purchase.state !== 'settled' || purchase.delivered > 0) return false;
  return (await note(db, purchase, 'undeliverable', purchase.amountMsat, now)).length > 0;
}

/** What is to be given back, oldest first. */
export async function refunds(db: PurchaseDatabase): Promise<readonly PurchaseRefund[]> {
  const rows = await db
    .selectFrom('refund_notes')
    .innerJoin('purchases', 'purchases.id', 'refund_notes.purchase')
    .select(['refund_notes.id', 'purchase', 'item', 'payment_hash', 'msat', 'reason', 'noted_at'])
    .where('done_at', 'is', null)
    .orderBy('noted_at')
    .execute();
  return rows.map(({ id, purchase, item, payment_hash, msat, reason, noted_at }) => ({
    id,
    purchase,
    item,
    paymentHash: payment_hash as PaymentHash,
    msat: msat as Msat,
    reason,
    at: Number(noted_at),
  }));
}

/** Notes that it was given back. What was not deliverable is not delivered any more then. */
export async function refundDone(db: PurchaseDatabase, id: string, now: number): Promise<boolean> {
  const row = await db
    .updateTable('refund_notes')
    .set({ done_at: wholeMs(now) })
    .where('id', '=', id)
    .where('done_at', 'is', null)
    .returning(['purchase', 'reason'])
    .executeTakeFirst();
  if (row?.reason === 'undeliverable') {
    await db
      .updateTable('purchases')
      .set({ refunded_at: wholeMs(now) })
      .where('id', '=', row.purchase)
      .execute();
  }
  return row !== undefined;
}
