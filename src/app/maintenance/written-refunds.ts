import type { RefundNote } from '../../core/ports/ledger.ts';
import type { SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';

/** A refund note as programs read it: amounts are decimal strings of msat, times milliseconds since 1970. */
export interface WrittenRefund extends Omit<RefundNote, 'msat' | 'doneAt'> {
  readonly msat: string;
}

/** The open notes of a ledger that is open here. */
export async function refundsOf({ ledger }: SqliteLedger): Promise<readonly WrittenRefund[]> {
  return (await ledger.refunds()).map(({ doneAt: _, ...note }) => ({ ...note, msat: note.msat.toString() }));
}
