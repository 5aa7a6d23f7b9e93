import type { Selectable } from 'kysely';
import type { Msat } from '../../../core/lightning/amount.ts';
import { type Lease, type Ledger, LedgerError } from '../../../core/ports/ledger.ts';
import { wholeMs } from '../mapping.ts';
import type { LeasesTable } from '../tables.ts';
import { balanceOf, enterBalance } from './balance.ts';
import { addBilled } from './billed-rows.ts';
import type { LedgerDatabase } from './handlers.ts';

/** Lends at most so much of a balance; whatever was lent before and is still open is closed. */
export async function lease(db: LedgerDatabase, subscription: string, most: Msat, now: number): Promise<Lease> {
  const earlier = await db
    .selectFrom('leases')
    .selectAll()
    .where('subscription', '=', subscription)
    .where('closed_at', 'is', null)
    .executeTakeFirst();
  const balance = await balanceOf(db, subscription);
  const before = earlier === undefined ? balance : await close(db, earlier, balance, now);
  const lent = before < most ? before : most;
  const { number } = await db
    .insertInto('leases')
    .values({
      subscription,
      msat: lent,
      opened_at: wholeMs(now),
      // Nothing can be spent of nothing: it need not be closed, and is not in the way of the next.
      closed_at: lent === 0n ? wholeMs(now) : null,
    })
    .returning('number')
    .executeTakeFirstOrThrow();
  const balanceMsat = await enterBalance(db, { subscription, kind: 'lent', msat: -lent, lease: number, before, now });
  return { id: String(number), msat: lent, balanceMsat };
}

/** Notes what was spent and billed. What is told again, or late, changes nothing. */
export async function recordUse(
  db: LedgerDatabase,
  { lease: id, spentMsat, billed, close: closing, now }: Parameters<Ledger['recordUse']>[0],
): Promise<{ readonly balanceMsat: Msat }> {
  const found = /^\d{1,15}$/.test(id)
    ? await db.selectFrom('leases').selectAll().where('number', '=', BigInt(id)).executeTakeFirst()
    : undefined;
  if (found === undefined) throw new LedgerError('CONFLICT', `there is no lease ${id}`);
  const balance = await balanceOf(db, found.subscription);
  if (found.closed_at !== null) return { balanceMsat: balance };
  if (spentMsat > found.msat) throw new LedgerError('CONFLICT', `${spentMsat} msat were spent of lease ${id}, which is ${found.msat}`);
  await addBilled(db, found.subscription, billed);
  const spent = { ...found, spent_msat: spentMsat > found.spent_msat ? spentMsat : found.spent_msat };
  if (closing) return { balanceMsat: await close(db, spent, balance, now) };
  if (spent.spent_msat > found.spent_msat)
    await db.updateTable('leases').set({ spent_msat: spent.spent_msat }).where('number', '=', found.number).execute();
  return { balanceMsat: balance };
}

/** Closes every lease that a process has left open. */
export async function reclaimLeases(db: LedgerDatabase, now: number): Promise<{ readonly leases: number; readonly msat: Msat }> {
  const open = await db.selectFrom('leases').selectAll().where('closed_at', 'is', null).orderBy('number').execute();
  let msat = 0n;
  for (const each of open) {
    await close(db, each, await balanceOf(db, each.subscription), now);
    msat += each.msat - each.spent_msat;
  }
  return { leases: open.length, msat: msat as Msat };
}

/** Closes a lease as it is given, and answers the balance with what it had left. */
async function close(
  db: LedgerDatabase,
  { number, subscription, msat, spent_msat }: Selectable<LeasesTable>,
  before: Msat,
  now: number,
): Promise<Msat> {
  await db
    .updateTable('leases')
    .set({ spent_msat, closed_at: wholeMs(now) })
    .where('number', '=', number)
    .execute();
  return await enterBalance(db, { subscription, kind: 'returned', msat: msat - spent_msat, lease: number, before, now });
}
