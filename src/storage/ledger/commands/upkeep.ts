import { sql } from 'kysely';
import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { EndDay, EndedDay, LedgerUpkeep, Revocation, SubscriptionName } from '../../../core/ports/ledger-upkeep.ts';
import { wholeMs } from '../mapping.ts';
import type { HandlersOf, LedgerDatabase } from './handlers.ts';
import { findNode } from './nodes.ts';
import { withdrawQuote } from './quotes.ts';

/** Compare-and-set: dates only go forward, whatever the machine's clock does. */
async function endDay(db: LedgerDatabase, { date, endsAt, now, told, silent }: EndDay): Promise<boolean> {
  const last = await lastDay(db);
  if (last !== undefined && last.date >= date) return false;
  await db
    .insertInto('ended_days')
    .values({ date, ends_at: wholeMs(endsAt), recorded_at: wholeMs(now), silent: silent ? 1n : 0n })
    .execute();
  for (const subscription of told) await noteTold(db, subscription, date);
  return true;
}

async function lastDay(db: LedgerDatabase): Promise<EndedDay | undefined> {
  const row = await db.selectFrom('ended_days').selectAll().orderBy('date', 'desc').limit(1).executeTakeFirst();
  return row && { date: row.date, endsAt: Number(row.ends_at) };
}

async function takeEndOfDay(db: LedgerDatabase, subscription: string, heard?: string): Promise<string | undefined> {
  const last = await db.selectFrom('ended_days').selectAll().orderBy('date', 'desc').limit(1).executeTakeFirst();
  if (last === undefined || last.silent === 1n) return undefined;
  const noted = await db.selectFrom('told_days').select('date').where('subscription', '=', subscription).executeTakeFirst();
  // Never granted anything: it has no day.
  if (noted === undefined || last.date <= (heard ?? noted.date)) return undefined;
  await noteTold(db, subscription, last.date);
  return last.date;
}

async function noteTold(db: LedgerDatabase, subscription: string, date: string): Promise<void> {
  await db.updateTable('told_days').set({ date }).where('subscription', '=', subscription).execute();
}

async function highestEpoch(db: LedgerDatabase): Promise<number> {
  const row = await db
    .selectFrom('epochs')
    .select((eb) => eb.fn.max<bigint | null>('epoch').as('highest'))
    .executeTakeFirst();
  return Number(row?.highest ?? 0n);
}

async function noteEpoch(db: LedgerDatabase, epoch: number): Promise<void> {
  await db
    .insertInto('epochs')
    .values({ epoch: BigInt(epoch) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function revoke(db: LedgerDatabase, name: SubscriptionName, now: number): Promise<Revocation | undefined> {
  const all = db.selectFrom('subscriptions').select('id');
  const found = await ('subscription' in name
    ? all.where('id', '=', name.subscription)
    : all.where('token_id', '=', name.tokenId)
  ).executeTakeFirst();
  if (found === undefined) return undefined;
  const earlier = await revokedAt(db, found.id);
  if (earlier !== undefined) return { subscription: found.id, revokedAt: earlier, fresh: false, withdrawn: [] };
  await db
    .insertInto('revocations')
    .values({ subscription: found.id, revoked_at: wholeMs(now) })
    .execute();
  const open = await db
    .selectFrom('quotes')
    .select('id')
    .where('subscription', '=', found.id)
    .where('state', '=', sql.lit('open' as const))
    .execute();
  for (const { id } of open) await withdrawQuote(db, id, now);
  return { subscription: found.id, revokedAt: Math.floor(now), fresh: true, withdrawn: open.map(({ id }) => id) };
}

/** When a subscription's token was revoked. */
export async function revokedAt(db: LedgerDatabase, subscription: string): Promise<number | undefined> {
  const row = await db.selectFrom('revocations').select('revoked_at').where('subscription', '=', subscription).executeTakeFirst();
  return row && Number(row.revoked_at);
}

/** Money never refers to what is removed here: whatever was paid has a settlement or a credit, and stays. */
async function pruneQuotes(db: LedgerDatabase, node: NodeIdentity, before: number, limit: number): Promise<number> {
  const number = await findNode(db, node);
  if (number === undefined) return 0;
  const rows = await db
    .selectFrom('quotes')
    .select(['id', 'subscription'])
    .where('node', '=', number)
    .where('state', 'in', [sql.lit('expired' as const), sql.lit('withdrawn' as const)])
    .where('invoice_closed', '=', sql.lit(1n))
    .where('expires_at', '<', wholeMs(before))
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('settlements').select('quote').whereRef('settlements.quote', '=', 'quotes.id'))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('credit_entries').select('quote').whereRef('credit_entries.quote', '=', 'quotes.id'))),
    )
    .orderBy('expires_at')
    .limit(limit)
    .execute();
  for (const { id, subscription } of rows) {
    await db.deleteFrom('quotes').where('id', '=', id).execute();
    await forgetIfEmpty(db, subscription);
  }
  return rows.length;
}

async function forgetIfEmpty(db: LedgerDatabase, subscription: string): Promise<void> {
  const quote = await db.selectFrom('quotes').select('id').where('subscription', '=', subscription).limit(1).executeTakeFirst();
  if (quote !== undefined) return;
  for (const table of ['unsubscribed', 'told_days', 'revocations'] as const) {
    await db.deleteFrom(table).where('subscription', '=', subscription).execute();
  }
  await db.deleteFrom('subscriptions').where('id', '=', subscription).execute();
}

/** The commands of {@link LedgerUpkeep}. */
export const upkeep: HandlersOf<LedgerUpkeep> = { endDay, lastDay, takeEndOfDay, highestEpoch, noteEpoch, revoke, pruneQuotes };
