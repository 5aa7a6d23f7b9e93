import type { DatabaseSync } from 'node:sqlite';
import type { CreditEvent } from '../../../core/tickerplant/messages.ts';
import type { PaidQuote } from './paid-quote.ts';
import type { LedgerViolation } from './report.ts';
import { reporter, rowsOf } from './rows.ts';

/** What became of money that bought nothing. */
type Kept = Pick<CreditEvent, 'reason' | 'outcome'> & { readonly msat: bigint };

/**
 * Compares what every payment did with what it had to do, by the price, its time and the policy that was noted with it: nothing more,
 * nothing less, and every msat of it somewhere.
 */
export function findSettlementViolations(database: DatabaseSync, paid: readonly PaidQuote[]): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const kept = keptByQuote(database);
  const used = creditByQuote(database);
  const prepaid = new Map(
    rowsOf(database, "SELECT quote, msat FROM balance_entries WHERE kind = 'prepaid'").map((row) => [
      String(row['quote']),
      row['msat'] as bigint,
    ]),
  );
  for (const quote of paid) {
    const report = reporter(violations, 'settlement', quote.id);
    if (quote.timing === 'in-time' && quote.settledAt > quote.expiresAt) report('it was paid after its time, and counts as paid in time');
    const useless = uselessFor(quote);
    if ((useless === undefined) !== (quote.effect === 'granted')) {
      const granted = quote.effect === 'granted';
      report(`by its price, time and policy it should ${granted ? 'have been set aside' : 'buy something'}, and was ${quote.effect}`);
      continue;
    }
    const usedMsat = used.get(quote.id) ?? 0n;
    if (useless === undefined && quote.timing === 'in-time' && usedMsat !== quote.credit)
      report(`${quote.credit} msat of credit were set aside for it, and ${usedMsat} were used`);
    const expected = useless === undefined ? restOf(quote, usedMsat) : [{ ...useless, msat: quote.received }];
    const told = (list: readonly Kept[]): string =>
      list
        .map(({ reason, outcome, msat }) => `${reason} ${outcome} ${msat}`)
        .sort()
        .join(', ') || 'nothing';
    const wanted = told(expected.filter(({ msat }) => msat > 0n));
    const is = told(kept.get(quote.id) ?? []);
    if (wanted !== is) report(`what bought nothing should be ${wanted}, and is ${is}`);
    const bought = useless === undefined ? sum(quote.items.filter((item) => onSale(quote, item) && item.terms.kind === 'tick')) : 0n;
    const entered = prepaid.get(quote.id) ?? 0n;
    if (bought !== entered) report(`it prepaid ${bought} msat, and the balance has ${entered} of it`);
  }
  return violations;
}

/** Why a payment buys nothing; undefined where it does. */
function uselessFor(quote: PaidQuote): Pick<Kept, 'reason' | 'outcome'> | undefined {
  const { received, amount, timing, policy } = quote;
  if (received < amount) return { reason: 'underpaid', outcome: policy.underpaid };
  if (timing !== 'in-time') {
    const outcome = policy[timing];
    if (outcome !== 'honour') return { reason: timing, outcome };
  }
  return quote.items.some((item) => onSale(quote, item)) ? undefined : { reason: 'table-gone', outcome: policy.tableGone };
}

/** What is over of a payment that bought something: the price of what is gone, less credit that was not there any more, and what was too much. */
function restOf(quote: PaidQuote, usedMsat: bigint): readonly Kept[] {
  const missing = quote.credit - usedMsat;
  const gone = sum(quote.items.filter((item) => !onSale(quote, item)));
  return [
    { reason: 'table-gone', outcome: quote.policy.tableGone, msat: gone > missing ? gone - missing : 0n },
    { reason: 'overpaid', outcome: quote.policy.overpaid, msat: quote.received - quote.amount },
  ];
}

function onSale({ gone }: PaidQuote, { table }: PaidQuote['items'][number]): boolean {
  return !gone.includes(table);
}

function sum(items: PaidQuote['items']): bigint {
  return items.reduce((total, { amountMsat }) => total + amountMsat, 0n);
}

/** What first payments brought that bought nothing. */
function keptByQuote(database: DatabaseSync): Map<string, Kept[]> {
  const kept = new Map<string, Kept[]>();
  const rows = rowsOf(
    database,
    `SELECT quote, reason, 'credit' AS outcome, msat FROM credit_entries WHERE msat > 0 AND reason NOT IN ('duplicate', 'given-back')
     UNION ALL SELECT quote, reason, 'refund', msat FROM refund_notes WHERE reason <> 'duplicate'`,
  );
  for (const { quote, reason, outcome, msat } of rows) {
    const list = kept.get(String(quote)) ?? [];
    list.push({ reason, outcome, msat } as Kept);
    kept.set(String(quote), list);
  }
  return kept;
}

/** What was taken of the credit for each quote, and not given back. */
function creditByQuote(database: DatabaseSync): Map<string, bigint> {
  const rows = rowsOf(
    database,
    "SELECT quote, -sum(msat) AS used FROM credit_entries WHERE reason IN ('set-aside', 'given-back', 'taken-again') GROUP BY quote",
  );
  return new Map(rows.map(({ quote, used }) => [String(quote), used as bigint]));
}
