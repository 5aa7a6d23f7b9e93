import type { DatabaseSync } from 'node:sqlite';
import { MOST_RANGES, type SeqRange, unionOf } from '../billed-ranges.ts';
import type { LedgerViolation } from './report.ts';
import { parse, reporter, rowsOf } from './rows.ts';

/** Checks that what was billed is ranges of rows, ascending and apart, of a subscription that has paid for single rows. */
export function findBilledViolations(database: DatabaseSync): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const rows = rowsOf(
    database,
    `SELECT b.*, EXISTS (SELECT 1 FROM leases l WHERE l.subscription = b.subscription) AS leased FROM billed_rows b`,
  );
  for (const { subscription, table_name: table, sym, ranges: text, leased } of rows) {
    const report = reporter(violations, 'billed-rows', subscription);
    const ranges = parse<readonly SeqRange[]>(text);
    const what = `what was billed of ${String(table)} ${String(sym)}`;
    if (!Array.isArray(ranges) || !ranges.every(isRange)) report(`${what} can not be read`);
    else if (ranges.length === 0 || ranges.length > MOST_RANGES) report(`${what} is ${ranges.length} ranges`);
    else if (JSON.stringify(unionOf(ranges, [])) !== JSON.stringify(ranges)) report(`${what} is not in order, or not apart`);
    if (leased !== 1n) report(`${what} was billed, but nothing was ever lent to be spent`);
  }
  return violations;
}

function isRange(range: unknown): boolean {
  if (!Array.isArray(range) || range.length !== 2) return false;
  const [from, to] = range as readonly unknown[];
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && Number(from) >= 1 && Number(from) <= Number(to);
}
