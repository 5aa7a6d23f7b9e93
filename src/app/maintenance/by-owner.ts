import { existsSync } from 'node:fs';
import { LedgerError } from '../../core/ports/ledger.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { openSqliteLedger, type SqliteLedger } from '../../storage/ledger/sqlite-ledger.ts';
import { askServer } from './control-client.ts';
import type { ControlRequest } from './control-request.ts';

/** What was answered, and whether the running server did it. */
export interface DoneByOwner {
  readonly value: Readonly<Record<string, unknown>>;
  readonly online: boolean;
}

/**
 * Does something in a ledger: here where nobody has it open, else by whoever has. `mayBeNew`: it is made where it is not there.
 * @throws LedgerError `LOCKED` where a process has it that takes no such request, `CORRUPT`, `NEWER`, `IO`, and what the work throws.
 */
export async function byOwner(
  ledger: string,
  request: ControlRequest,
  work: (store: SqliteLedger) => Promise<Readonly<Record<string, unknown>>>,
  mayBeNew = false,
): Promise<DoneByOwner> {
  if (!mayBeNew && !existsSync(ledger)) throw new LedgerError('IO', `there is no ledger ${ledger}`);
  let store: SqliteLedger;
  try {
    store = await openSqliteLedger({ path: ledger, logger: silentLogger });
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'LOCKED')) throw error;
    const value = await askServer(ledger, request);
    if (value === undefined) throw error;
    return { value, online: true };
  }
  try {
    return { value: await work(store), online: false };
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
