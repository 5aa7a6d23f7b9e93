import type { DatabaseSync } from 'node:sqlite';
import { findAccountViolations } from './accounts.ts';
import { findBilledViolations } from './billed-rows.ts';
import { DEVICE_INVARIANTS } from './devices.ts';
import { findGrantViolations } from './grants.ts';
import { findIntentViolations } from './intents.ts';
import { paidQuotes } from './paid-quote.ts';
import { findPriceViolations } from './prices.ts';
import type { Invariant, LedgerViolation } from './report.ts';
import { rowsOf } from './rows.ts';
import { findSettlementViolations } from './settlements.ts';

const INVARIANTS: readonly Invariant[] = [
  {
    check: 'settled-without-settlement',
    sql: `SELECT id AS of FROM quotes WHERE state = 'settled'
            AND NOT EXISTS (SELECT 1 FROM settlements WHERE quote = quotes.id AND effect = 'granted')`,
    message: 'the quote is settled, but no settlement is recorded',
  },
  {
    check: 'settlement-without-effect',
    sql: `SELECT quote AS of FROM settlements WHERE effect = 'granted' AND NOT EXISTS (SELECT 1 FROM grants WHERE quote = settlements.quote)`,
    message: 'the quote was paid, but has no grant',
  },
  {
    check: 'settlement-without-effect',
    sql: `SELECT q.id AS of, q.state AS detail FROM settlements s JOIN quotes q ON q.id = s.quote WHERE s.effect = 'granted' AND q.state <> 'settled'`,
    message: 'the quote was paid, but is not settled',
  },
  {
    check: 'effect-without-settlement',
    sql: `SELECT quote AS of FROM grants WHERE NOT EXISTS (SELECT 1 FROM settlements WHERE quote = grants.quote AND effect = 'granted')`,
    message: 'there is a grant, but no payment of the price',
  },
  {
    check: 'effect-without-settlement',
    sql: `SELECT quote AS of, reason AS detail FROM (
            SELECT quote, reason FROM credit_entries WHERE reason NOT IN ('duplicate', 'set-aside', 'given-back')
            UNION ALL SELECT quote, reason FROM refund_notes WHERE reason <> 'duplicate') AS kept
           WHERE NOT EXISTS (SELECT 1 FROM settlements WHERE quote = kept.quote)`,
    message: 'money is kept for the buyer, but no settlement is recorded that it comes from',
  },
  {
    check: 'effect-without-settlement',
    sql: `SELECT quote AS of FROM balance_entries b WHERE kind = 'prepaid'
            AND NOT EXISTS (SELECT 1 FROM settlements WHERE quote = b.quote AND effect = 'granted')`,
    message: 'something was prepaid, but there is no payment of the price',
  },
  {
    check: 'kept-twice',
    sql: `SELECT c.quote AS of, c.reason AS detail FROM credit_entries c JOIN refund_notes r ON r.quote = c.quote AND r.reason = c.reason AND r.cursor = c.cursor`,
    message: 'the same money is credited, and noted to be given back',
  },
  {
    check: 'settlement-of-another',
    sql: `SELECT s.quote AS of FROM settlements s JOIN quotes q ON q.id = s.quote WHERE s.node <> q.node OR s.payment_hash <> q.payment_hash`,
    message: 'the settlement is not of this quote’s invoice',
  },
  {
    check: 'invoice-open',
    sql: `SELECT id AS of FROM quotes WHERE state = 'settled' AND invoice_closed <> 1`,
    message: 'the quote is settled, but its invoice counts as open',
  },
  {
    check: 'of-another',
    sql: `SELECT e.quote AS of, e.what AS detail FROM (
            SELECT quote, subscription, 'credit' AS what FROM credit_entries
            UNION ALL SELECT quote, subscription, 'refund note' FROM refund_notes
            UNION ALL SELECT quote, subscription, 'balance' FROM balance_entries WHERE quote IS NOT NULL) AS e
           JOIN quotes q ON q.id = e.quote WHERE e.subscription <> q.subscription`,
    message: 'what came of the payment belongs to another subscription than the quote',
  },
  {
    check: 'cursor',
    sql: `SELECT node_id AS of FROM nodes WHERE cursor IS NULL AND EXISTS (SELECT 1 FROM settlements WHERE node = nodes.number)`,
    message: 'settlements of the node have had their effect, but its cursor is not there',
  },
  {
    check: 'settlement-log',
    sql: `SELECT node_id AS of FROM nodes JOIN settlement_log l ON l.node = nodes.number GROUP BY nodes.number HAVING max(l.position) <> count(*)`,
    message: 'the order of first observation has a hole',
  },
  {
    check: 'subscription',
    sql: 'SELECT id AS of FROM subscriptions WHERE NOT EXISTS (SELECT 1 FROM quotes WHERE subscription = subscriptions.id)',
    message: 'the subscription has no quote',
  },
];

/** Everything in a ledger of this program's schema that contradicts something else in it. */
export function findViolations(database: DatabaseSync): LedgerViolation[] {
  const violations = [...INVARIANTS, ...DEVICE_INVARIANTS].flatMap((invariant) => violationsOf(database, invariant));
  const paid = paidQuotes(database, (id) =>
    violations.push({ check: 'settlement', of: id, message: 'what was decided on it can not be read' }),
  );
  return [
    ...violations,
    ...findPriceViolations(database),
    ...findSettlementViolations(database, paid),
    ...findGrantViolations(database, paid),
    ...findAccountViolations(database),
    ...findBilledViolations(database),
    ...findIntentViolations(database),
  ];
}

function violationsOf(database: DatabaseSync, { check, sql, message }: Invariant): LedgerViolation[] {
  return rowsOf(database, sql).map(({ of, detail }) => ({
    check,
    of: String(of),
    message: detail === undefined || detail === null ? message : `${message} (${String(detail)})`,
  }));
}
