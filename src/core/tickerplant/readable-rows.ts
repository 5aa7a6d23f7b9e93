import type { SubscriptionRecord } from '../ports/ledger.ts';
import { coveredFrom, isLive, isMetered } from './entitlement.ts';

/** Numbers of a symbol's rows, both included. */
export type RowRange = readonly [from: number, to: number];

/**
 * How far back a grant lets rows be read again: `granted`, those that it paid for, from where it began · `kept`, all that the
 * journal still has of its symbols in this epoch.
 */
export type HistoryReach = 'granted' | 'kept';

/** What {@link readableRows} is told. */
export interface ReadableQuestion {
  readonly record: Pick<SubscriptionRecord, 'grants' | 'billed'>;
  readonly table: string;
  readonly sym: string;
  readonly reach: HistoryReach;
  readonly epoch: number;
  /** The number that the symbol's next row will have. */
  readonly next: number;
  readonly now: number;
}

/**
 * Which rows of a symbol may be read again now, ascending and apart; none where nothing covers it. Of rows that are paid one by one,
 * those that were: the others come by a stream, which bills them.
 */
export function readableRows({ record, table, sym, reach, epoch, next, now }: ReadableQuestion): readonly RowRange[] {
  const live = record.grants.filter((grant) => grant.table === table && grant.syms.includes(sym) && isLive(grant, now));
  if (live.length === 0) return [];
  const paidAtOnce = record.grants.filter((grant) => !isMetered(grant));
  const isOpen = live.some((grant) => !isMetered(grant));
  const from = !isOpen ? next : reach === 'kept' ? 1 : (coveredFrom(paidAtOnce, table, sym, epoch, now) ?? next);
  const billed = record.billed.find((each) => each.table === table && each.sym === sym && each.epoch === epoch)?.ranges ?? [];
  const before = billed.map(([first, last]): RowRange => [first, Math.min(last, from - 1)]).filter(([first, last]) => first <= last);
  return from < next ? [...before, [from, next - 1]] : before;
}
