import type { SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { systemClock } from '../system.ts';
import { byOwner } from './by-owner.ts';
import { refundsOf, type WrittenRefund } from './written-refunds.ts';

/** What the seller still has to give back, and whether a running server told it. */
export interface RefundList {
  readonly refunds: readonly WrittenRefund[];
  readonly online: boolean;
}

/**
 * What is to be given back by a ledger; the server is asked where one runs. A ledger of an earlier version is brought forward.
 * @throws LedgerError `LOCKED` where a process has it that takes no such request, `CORRUPT`, `NEWER`, `IO`.
 */
export async function listRefunds(ledger: string): Promise<RefundList> {
  const { value, online } = await byOwner(ledger, { op: 'refunds' }, async (store) => ({ refunds: await refundsOf(store) }));
  return { refunds: value['refunds'] as readonly WrittenRefund[], online };
}

/** Notes that a refund was given; false where there is no such open note. @throws LedgerError as {@link listRefunds}, `FULL`. */
export async function markRefundDone(ledger: string, id: string): Promise<{ readonly done: boolean; readonly online: boolean }> {
  const done = (store: SqliteLedger) => store.ledger.refundDone(id, systemClock.now());
  const { value, online } = await byOwner(ledger, { op: 'refund-done', id }, async (store) => ({ done: await done(store) }));
  return { done: value['done'] === true, online };
}
