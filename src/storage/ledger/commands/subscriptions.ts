import { type Selectable, sql } from 'kysely';
import type { Msat } from '../../../core/lightning/amount.ts';
import type { LedgerCounts, SubscriptionRecord } from '../../../core/ports/ledger.ts';
import { toGrant } from '../mapping.ts';
import type { SubscriptionsTable } from '../tables.ts';
import { balanceOf } from './balance.ts';
import { billedOf } from './billed-rows.ts';
import { creditOf } from './credit.ts';
import type { LedgerDatabase } from './handlers.ts';
import { revokedAt } from './upkeep.ts';

/** A subscription by its id. */
export async function subscription(db: LedgerDatabase, id: string): Promise<SubscriptionRecord | undefined> {
  const row = await db.selectFrom('subscriptions').selectAll().where('id', '=', id).executeTakeFirst();
  return row && withGrants(db, row);
}

/** A subscription by its credential. */
export async function subscriptionByToken(db: LedgerDatabase, tokenId: string): Promise<SubscriptionRecord | undefined> {
  const row = await db.selectFrom('subscriptions').selectAll().where('token_id', '=', tokenId).executeTakeFirst();
  return row && withGrants(db, row);
}

async function withGrants(db: LedgerDatabase, row: Selectable<SubscriptionsTable>): Promise<SubscriptionRecord> {
  const grants = await db.selectFrom('grants').selectAll().where('subscription', '=', row.id).orderBy('number').execute();
  const unsubscribed = await db.selectFrom('unsubscribed').selectAll().where('subscription', '=', row.id).execute();
  return {
    id: row.id,
    tokenId: row.token_id,
    rootKey: row.root_key,
    createdAt: Number(row.created_at),
    grants: grants.map(toGrant),
    unsubscribed: Object.fromEntries(unsubscribed.map((entry) => [entry.table_name, JSON.parse(entry.syms) as string[]])),
    creditMsat: await creditOf(db, row.id),
    balanceMsat: await balanceOf(db, row.id),
    billed: await billedOf(db, row.id),
    revokedAt: await revokedAt(db, row.id),
  };
}

/** Replaces what is not wanted of one table. */
export async function setUnsubscribed(db: LedgerDatabase, id: string, table: string, syms: readonly string[]): Promise<void> {
  if (syms.length === 0) {
    await db.deleteFrom('unsubscribed').where('subscription', '=', id).where('table_name', '=', table).execute();
    return;
  }
  const text = JSON.stringify(syms);
  await db
    .insertInto('unsubscribed')
    .values({ subscription: id, table_name: table, syms: text })
    .onConflict((conflict) => conflict.columns(['subscription', 'table_name']).doUpdateSet({ syms: text }))
    .execute();
}

/** Totals over everything in the file, whichever the node. */
export async function counts(db: LedgerDatabase): Promise<LedgerCounts> {
  const count = (table: 'quotes' | 'subscriptions') => db.selectFrom(table).select((eb) => eb.fn.countAll<bigint>().as('count'));
  const [quotes] = await count('quotes').execute();
  const [settled] = await count('quotes')
    .where('state', '=', sql.lit('settled' as const))
    .execute();
  const [subscriptions] = await count('subscriptions').execute();
  const credit = await sumOf(db.selectFrom('credit_entries').select((eb) => eb.fn.sum<bigint | null>('msat').as('msat')));
  const left = await sumOf(db.selectFrom('balance_entries').select((eb) => eb.fn.sum<bigint | null>('msat').as('msat')));
  const lent = await sumOf(
    db
      .selectFrom('leases')
      .select((eb) => eb.fn.sum<bigint | null>(eb('msat', '-', eb.ref('spent_msat'))).as('msat'))
      .where('closed_at', 'is', null),
  );
  const refund = await sumOf(
    db
      .selectFrom('refund_notes')
      .select((eb) => eb.fn.sum<bigint | null>('msat').as('msat'))
      .where('done_at', 'is', null),
  );
  return {
    quotes: Number(quotes?.count ?? 0n),
    settled: Number(settled?.count ?? 0n),
    subscriptions: Number(subscriptions?.count ?? 0n),
    creditMsat: credit as Msat,
    balanceMsat: (left + lent) as Msat,
    refundMsat: refund as Msat,
  };
}

async function sumOf(query: { executeTakeFirst(): Promise<{ readonly msat: bigint | null } | undefined> }): Promise<bigint> {
  return (await query.executeTakeFirst())?.msat ?? 0n;
}
