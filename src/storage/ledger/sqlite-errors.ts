import { LedgerError } from '../../core/ports/ledger.ts';
import { sqliteCode } from '../shared/file-lock.ts';

/** SQLite's primary result codes (https://sqlite.org/rescode.html) as the ledger's; what is not here is `IO`. */
const CODES: Readonly<Record<number, LedgerError['code']>> = {
  5: 'LOCKED', // SQLITE_BUSY
  6: 'LOCKED', // SQLITE_LOCKED
  11: 'CORRUPT', // SQLITE_CORRUPT
  13: 'FULL', // SQLITE_FULL
  19: 'CONFLICT', // SQLITE_CONSTRAINT
  20: 'CONFLICT', // SQLITE_MISMATCH
  26: 'CORRUPT', // SQLITE_NOTADB
};

const MEANING: Readonly<Record<LedgerError['code'], string>> = {
  LOCKED: 'is in use by another process; one ledger belongs to one server',
  CORRUPT: 'is damaged or no ledger; restore it from a backup',
  NEWER: 'was made by a newer version of this program',
  FULL: 'can not grow: the disk is full',
  IO: 'can not be read or written',
  CLOSED: 'is closed',
  CONFLICT: 'has something else recorded than the command says',
};

/** Whatever was thrown while working on the ledger at `path`, as a {@link LedgerError} that names it. SQLite's texts name no values. */
export function toLedgerError(error: unknown, path: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const code = ledgerCode(error);
  const detail = error instanceof Error ? error.message : String(error);
  return new LedgerError(code, `the ledger ${path} ${MEANING[code]} (${detail})`, { cause: error });
}

function ledgerCode(error: unknown): LedgerError['code'] {
  const result = sqliteCode(error);
  if (result !== undefined) return CODES[result] ?? 'IO';
  const system = error instanceof Error && 'code' in error ? error.code : undefined;
  return system === 'ENOSPC' || system === 'EDQUOT' || system === 'EFBIG' ? 'FULL' : 'IO';
}
