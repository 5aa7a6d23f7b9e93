import { sql } from 'kysely';
import { type BilledRows, LedgerError } from '../../../core/ports/ledger.ts';
import { type SeqRange, unionOf } from '../billed-ranges.ts';
import type { BilledRowsTable } from '../tables.ts';
import type { LedgerDatabase } from './handlers.ts';

/** Everything that was billed of a subscription row by row. */
export async function billedOf(db: LedgerDatabase, subscription: string): Promise<readonly BilledRows[]> {
  const rows = await db
    .selectFrom('billed_rows')
    .selectAll()
    .where('subscription', '=', subscription)
    .orderBy('table_name')
    .orderBy('sym')
    .orderBy('epoch')
    .execute();
  return rows.map(({ table_name: table, sym, epoch, ranges }) => ({
    table,
    sym,
    epoch: Number(epoch),
    ranges: JSON.parse(ranges) as SeqRange[],
  }));
}

/** Adds what was billed since; two statements, however many symbols. @throws LedgerError `CONFLICT` where a range is none. */
export async function addBilled(db: LedgerDatabase, subscription: string, billed: readonly BilledRows[]): Promise<void> {
  if (billed.length === 0) return;
  const added = new Map<string, { readonly key: readonly [string, string, number]; ranges: readonly SeqRange[] }>();
  for (const { table, sym, epoch, ranges } of billed) {
    if (!ranges.every(isRange)) throw new LedgerError('CONFLICT', 'what was billed is not a range of rows');
    const key = [table, sym, epoch] as const;
    const name = JSON.stringify(key);
    added.set(name, { key, ranges: unionOf(added.get(name)?.ranges ?? [], ranges) });
  }
  const keys = JSON.stringify([...added.values()].map(({ key }) => key));
  // CROSS: each key is looked up. SQLite would else look at every key for each of the subscription's rows.
  const { rows } = await sql<Omit<BilledRowsTable, 'subscription'>>`
    SELECT b.table_name, b.sym, b.epoch, b.ranges FROM json_each(${keys}) k CROSS JOIN billed_rows b ON b.subscription = ${subscription}
      AND b.table_name = k.value ->> 0 AND b.sym = k.value ->> 1 AND b.epoch = k.value ->> 2`.execute(db);
  for (const { table_name, sym, epoch, ranges } of rows) {
    const entry = added.get(JSON.stringify([table_name, sym, Number(epoch)]));
    if (entry !== undefined) entry.ranges = unionOf(JSON.parse(ranges) as SeqRange[], entry.ranges);
  }
  const values = JSON.stringify([...added.values()].map(({ key, ranges }) => [...key, ranges]));
  await sql`
    INSERT INTO billed_rows (subscription, table_name, sym, epoch, ranges)
      SELECT ${subscription}, value ->> 0, value ->> 1, value ->> 2, value -> 3 FROM json_each(${values}) WHERE true
      ON CONFLICT DO UPDATE SET ranges = excluded.ranges`.execute(db);
}

function isRange([from, to]: SeqRange): boolean {
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 1 && from <= to;
}
