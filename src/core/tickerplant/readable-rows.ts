import type { SubscriptionRecord } from '../ports/ledger.ts';
import { covered, coveredFrom } from './entitlement.ts';

/** Numbers of a symbol's rows, both included. */
export type RowRange = readonly [from: number, to: number];

/**
 * How far back a grant lets rows be read again: `granted`, those that it paid for, from where it began · `kept`, all that the
 * journal still has of its symbols in this epoch.
 */
export type HistoryReach = 'granted' | 'kept';

/** What {@link readableRows} is told. */
export interface ReadableQuestion {
  readonly record: Pick<SubscriptionRecord, 'grants'>;
  readonly table: string;
  readonly sym: string;
  readonly reach: HistoryReach;
  readonly epoch: number;
  /** The number that the symbol's next row will have. */
  readonly next: number;
  readonly now: number;
}

/** Which rows of a symbol may be read again now, ascending and apart; none where nothing covers it. */
export function readableRows({ record, table, sym, reach, epoch, next, now }: ReadableQuestion): readonly RowRange[] {
  if (covered(record.grants, now).get(table)?.has(sym) !== true) return [];
  const from = reach === 'kept' ? 1 : (coveredFrom(record.grants, table, sym, epoch, now) ?? next);
  return from < next ? [[from, next - 1]] : [];
}
