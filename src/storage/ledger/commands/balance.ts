import type { Msat } from '../../../core/lightning/amount.ts';
import { wholeMs } from '../mapping.ts';
import type { BalanceEntriesTable } from '../tables.ts';
import type { LedgerDatabase } from './handlers.ts';

/** A subscription's prepaid balance, without what is lent. */
export async function balanceOf(db: LedgerDatabase, subscription: string): Promise<Msat> {
  const row = await db
    .selectFrom('balance_entries')
    .select('balance_msat')
    .where('subscription', '=', subscription)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (row?.balance_msat ?? 0n) as Msat;
}

/** An entry of a balance, and what it comes from. */
export interface BalanceEntry {
  readonly subscription: string;
  readonly kind: BalanceEntriesTable['kind'];
  /** Below zero where it is lent. Nothing is written for 0. */
  readonly msat: bigint;
  readonly quote?: string;
  readonly lease?: bigint;
  /** The balance before it. */
  readonly before: Msat;
  readonly now: number;
}

/** Writes an entry and answers the balance after it. */
export async function enterBalance(db: LedgerDatabase, entry: BalanceEntry): Promise<Msat> {
  const after = (entry.before + entry.msat) as Msat;
  if (entry.msat === 0n) return after;
  await db
    .insertInto('balance_entries')
    .values({
      subscription: entry.subscription,
      kind: entry.kind,
      msat: entry.msat,
      balance_msat: after,
      quote: entry.quote ?? null,
      lease: entry.lease ?? null,
      at: wholeMs(entry.now),
    })
    .execute();
  return after;
}
