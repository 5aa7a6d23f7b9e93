import type { DatabaseSync } from 'node:sqlite';
import type { LedgerViolation } from './report.ts';
import { type CheckedRow, reporter, rowsOf } from './rows.ts';

/** Adds up credit and balances entry by entry, and compares balances with what was lent, spent and paid in. */
export function findAccountViolations(database: DatabaseSync): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  checkRunning(
    violations,
    'credit',
    rowsOf(database, 'SELECT subscription, msat, credit_msat AS after FROM credit_entries ORDER BY number'),
  );
  checkRunning(
    violations,
    'balance',
    rowsOf(database, 'SELECT subscription, msat, balance_msat AS after FROM balance_entries ORDER BY number'),
  );
  checkCreditOfQuotes(violations, database);
  checkLeases(violations, database);
  checkTotals(violations, database);
  return violations;
}

function checkRunning(violations: LedgerViolation[], check: string, entries: readonly CheckedRow[]): void {
  const sums = new Map<string, bigint>();
  for (const { subscription, msat, after } of entries) {
    const id = String(subscription);
    const sum = (sums.get(id) ?? 0n) + (msat as bigint);
    if (sum !== after) reporter(violations, check, id)(`it is not the sum of its entries: ${sum} msat, and ${String(after)} was noted`);
    if (sum < 0n) reporter(violations, check, id)(`it was below zero: ${sum} msat`);
    // What was noted is what later entries were made from: one fault is told once.
    sums.set(id, after as bigint);
  }
}

/** For a quote, credit is set aside once; given back where it ended unpaid; taken again where it was honoured after that. */
function checkCreditOfQuotes(violations: LedgerViolation[], database: DatabaseSync): void {
  const rows = rowsOf(
    database,
    `SELECT q.id, q.state, q.credit_msat AS credit, coalesce(s.timing, '') AS timing,
            coalesce(sum(iif(c.reason = 'set-aside', -c.msat, NULL)), 0) AS aside,
            coalesce(sum(iif(c.reason = 'given-back', c.msat, NULL)), 0) AS back,
            sum(iif(c.reason = 'taken-again', -c.msat, NULL)) AS again,
            sum(iif(c.reason = 'taken-again', c.credit_msat, NULL)) AS left
       FROM quotes q LEFT JOIN credit_entries c ON c.quote = q.id AND c.reason IN ('set-aside', 'given-back', 'taken-again')
       LEFT JOIN settlements s ON s.quote = q.id AND s.effect = 'granted'
      GROUP BY q.id HAVING credit > 0 OR aside > 0 OR back > 0 OR again IS NOT NULL`,
  );
  for (const { id, state, credit, timing, aside, back, again, left } of rows) {
    const report = reporter(violations, 'credit', id);
    if (aside !== credit) report(`${String(credit)} msat of credit lower its price, and ${String(aside)} were set aside`);
    const ended = state === 'expired' || state === 'withdrawn' || (state === 'settled' && again !== null);
    if (back !== (ended ? aside : 0n))
      report(`of ${String(aside)} msat of credit ${String(back)} were given back, and it is ${String(state)}`);
    if (again === null) continue;
    if (state !== 'settled' || timing === 'in-time') report('credit was taken again, but it was not honoured late');
    if ((again as bigint) > (credit as bigint)) report('more credit was taken again than was given back');
    if ((again as bigint) < (credit as bigint) && left !== 0n) report('less credit was taken again than was there');
  }
}

function checkLeases(violations: LedgerViolation[], database: DatabaseSync): void {
  const rows = rowsOf(
    database,
    `SELECT l.number, l.subscription, l.msat, l.spent_msat, l.closed_at, coalesce(-sum(iif(b.kind = 'lent', b.msat, NULL)), 0) AS lent,
            coalesce(sum(iif(b.kind = 'returned', b.msat, NULL)), 0) AS returned, sum(b.subscription <> l.subscription) AS others
       FROM leases l LEFT JOIN balance_entries b ON b.lease = l.number GROUP BY l.number`,
  );
  for (const { number, msat, spent_msat: spent, closed_at: closed, lent, returned, others } of rows) {
    const report = reporter(violations, 'lease', number);
    if (lent !== msat) report(`it is of ${String(msat)} msat, and ${String(lent)} were lent`);
    const due = closed === null ? 0n : (msat as bigint) - (spent as bigint);
    if (returned !== due) report(`${String(returned)} msat came back, and ${due} were left of it${closed === null ? ' (it is open)' : ''}`);
    if ((others ?? 0n) !== 0n) report('it was lent from another subscription');
  }
}

/** Per subscription: what was paid in is what is left, lent and spent. */
function checkTotals(violations: LedgerViolation[], database: DatabaseSync): void {
  const rows = rowsOf(
    database,
    `SELECT id, (SELECT coalesce(sum(msat), 0) FROM balance_entries WHERE subscription = id AND kind = 'prepaid') AS paid,
            (SELECT coalesce(sum(msat), 0) FROM balance_entries WHERE subscription = id) AS left,
            coalesce(out.msat, 0) AS out
       FROM subscriptions LEFT JOIN (
              SELECT subscription, sum(iif(closed_at IS NULL, msat, spent_msat)) AS msat FROM leases GROUP BY subscription
            ) AS out ON out.subscription = id
      WHERE paid <> left + coalesce(out.msat, 0)`,
  );
  for (const { id, paid, left, out } of rows)
    reporter(violations, 'balance', id)(`${String(paid)} msat were paid in, ${String(left)} are left, and ${String(out)} lent or spent`);
}
