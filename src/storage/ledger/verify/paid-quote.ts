import type { DatabaseSync } from 'node:sqlite';
import type { SettlementPolicy } from '../../../core/ports/ledger.ts';
import type { QuotedItem } from '../../../core/tickerplant/messages.ts';
import { parseItems } from '../items.ts';
import type { Timing } from '../tables.ts';
import { attempt, type CheckedRow, parse, rowsOf } from './rows.ts';

/** A quote with its settlement, as far as they can be read. */
export interface PaidQuote {
  readonly id: string;
  readonly subscription: string;
  readonly effect: 'granted' | 'set-aside';
  readonly timing: Timing;
  readonly items: readonly QuotedItem[];
  readonly amount: bigint;
  readonly credit: bigint;
  readonly received: bigint;
  readonly settledAt: bigint;
  readonly appliedAt: bigint;
  readonly expiresAt: bigint;
  readonly dayEnds: bigint;
  readonly policy: SettlementPolicy;
  readonly gone: readonly string[];
}

/** Every quote that was paid; one that can't be read is handed to `unreadable` by its id. */
export function paidQuotes(database: DatabaseSync, unreadable: (id: string) => void): PaidQuote[] {
  const rows = rowsOf(
    database,
    `SELECT q.id, q.subscription, q.items, q.amount_msat, q.credit_msat, q.expires_at, s.effect, s.timing, s.received_msat, s.settled_at, s.applied_at,
            s.policy, s.gone, s.day_ends
       FROM settlements s JOIN quotes q ON q.id = s.quote`,
  );
  return rows.flatMap((row) => {
    const quote = attempt(() => paidQuote(row));
    if (quote !== undefined) return [quote];
    unreadable(String(row['id']));
    return [];
  });
}

function paidQuote(row: CheckedRow): PaidQuote {
  const policy = parse<SettlementPolicy>(row['policy']);
  const gone = parse<readonly string[]>(row['gone']);
  if (policy === undefined || !Array.isArray(gone)) throw new TypeError('what was decided can not be read');
  return {
    id: String(row['id']),
    subscription: String(row['subscription']),
    effect: row['effect'] as PaidQuote['effect'],
    timing: row['timing'] as Timing,
    items: parseItems(String(row['items'])),
    amount: row['amount_msat'] as bigint,
    credit: row['credit_msat'] as bigint,
    received: row['received_msat'] as bigint,
    settledAt: row['settled_at'] as bigint,
    appliedAt: row['applied_at'] as bigint,
    expiresAt: row['expires_at'] as bigint,
    dayEnds: row['day_ends'] as bigint,
    policy,
    gone,
  };
}
