import type { DatabaseSync } from 'node:sqlite';
import { findGrantViolations } from './grants.ts';
import { findIntentViolations } from './intents.ts';
import type { LedgerViolation } from './report.ts';

/** What must have no row. A query answers what it is about (`of`) and, where it helps, a number or word (`detail`). */
interface Invariant {
  readonly check: string;
  readonly sql: string;
  readonly message: string;
}

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
    check: 'settlement-without-effect',
    sql: `SELECT quote AS of FROM settlements s WHERE effect = 'underpaid'
            AND (SELECT coalesce(sum(msat), 0) FROM credit_entries WHERE quote = s.quote AND reason = 'underpaid') <> s.received_msat`,
    message: 'too little was paid, and the credit is not what was received',
  },
  {
    check: 'settlement-without-effect',
    sql: `SELECT s.quote AS of FROM settlements s JOIN quotes q ON q.id = s.quote WHERE s.effect = 'granted'
            AND (SELECT coalesce(sum(msat), 0) FROM credit_entries WHERE quote = s.quote AND reason = 'overpaid')
              <> max(0, s.received_msat - q.amount_msat)`,
    message: 'what was paid beyond the price is not what was credited',
  },
  {
    check: 'effect-without-settlement',
    sql: `SELECT quote AS of FROM grants WHERE NOT EXISTS (SELECT 1 FROM settlements WHERE quote = grants.quote AND effect = 'granted')`,
    message: 'there is a grant, but no payment of the price',
  },
  {
    check: 'effect-without-settlement',
    sql: `SELECT quote AS of, reason AS detail FROM credit_entries c WHERE reason IN ('overpaid', 'underpaid')
            AND NOT EXISTS (SELECT 1 FROM settlements WHERE quote = c.quote AND effect = iif(c.reason = 'overpaid', 'granted', 'underpaid'))`,
    message: 'there is a credit, but no settlement that it comes from',
  },
  {
    check: 'settlement-of-another',
    sql: `SELECT s.quote AS of FROM settlements s JOIN quotes q ON q.id = s.quote WHERE s.node <> q.node OR s.payment_hash <> q.payment_hash`,
    message: 'the settlement is not of this quote’s invoice',
  },
  {
    check: 'price',
    sql: `SELECT s.quote AS of, s.effect AS detail FROM settlements s JOIN quotes q ON q.id = s.quote
            WHERE (s.effect = 'granted') <> (s.received_msat >= q.amount_msat)`,
    message: 'what was received does not fit what was decided',
  },
  {
    check: 'invoice-open',
    sql: `SELECT id AS of FROM quotes WHERE state = 'settled' AND invoice_closed <> 1`,
    message: 'the quote is settled, but its invoice counts as open',
  },
  {
    check: 'credit-of-another',
    sql: 'SELECT c.quote AS of FROM credit_entries c JOIN quotes q ON q.id = c.quote WHERE c.subscription <> q.subscription',
    message: 'the credit belongs to another subscription than the quote',
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

/** Everything in a ledger of this program's schema, or an earlier one, that contradicts something else in it. */
export function findViolations(database: DatabaseSync): LedgerViolation[] {
  return [
    ...INVARIANTS.flatMap((invariant) => rowsOf(database, invariant)),
    ...findGrantViolations(database),
    ...findIntentViolations(database),
  ];
}

function rowsOf(database: DatabaseSync, { check, sql, message }: Invariant): LedgerViolation[] {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all().map(({ of, detail }) => ({
    check,
    of: String(of),
    message: detail === undefined || detail === null ? message : `${message} (${String(detail)})`,
  }));
}
