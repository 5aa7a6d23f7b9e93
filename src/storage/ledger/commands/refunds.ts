import type { Msat } from '../../../core/lightning/amount.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { RefundNote } from '../../../core/ports/ledger.ts';
import { wholeMs } from '../mapping.ts';
import type { LedgerDatabase } from './handlers.ts';

/** What is still to be given back, oldest first. */
export async function refunds(db: LedgerDatabase): Promise<readonly RefundNote[]> {
  const rows = await db
    .selectFrom('refund_notes')
    .innerJoin('quotes', 'quotes.id', 'refund_notes.quote')
    .selectAll('refund_notes')
    .select('quotes.payment_hash')
    .where('refund_notes.done_at', 'is', null)
    .orderBy('refund_notes.number')
    .execute();
  return rows.map((row) => ({
    id: String(row.number),
    subscription: row.subscription,
    quote: row.quote,
    paymentHash: row.payment_hash as PaymentHash,
    msat: row.msat as Msat,
    reason: row.reason,
    at: Number(row.at),
    doneAt: row.done_at === null ? undefined : Number(row.done_at),
  }));
}

/** Compare-and-set: a note is done once. */
export async function refundDone(db: LedgerDatabase, id: string, now: number): Promise<boolean> {
  if (!/^\d{1,15}$/.test(id)) return false;
  const row = await db
    .updateTable('refund_notes')
    .set({ done_at: wholeMs(now) })
    .where('number', '=', BigInt(id))
    .where('done_at', 'is', null)
    .returning('number')
    .executeTakeFirst();
  return row !== undefined;
}
