import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { LedgerError } from '../../core/ports/ledger.ts';
import { FileLock } from '../shared/file-lock.ts';
import { type CopiedLedger, copyPages } from './file/copy-pages.ts';
import { LedgerImage } from './file/ledger-image.ts';
import { lockPath } from './open-database.ts';

/**
 * Copies a ledger that nobody has open, as it was committed last, with what is in its write-ahead log; nothing of it is changed or
 * brought forward. The copy is complete, checked page by page, sealed and mode 0600 when it has its name.
 * @throws LedgerError `LOCKED` while a process has it open (then it is that one's to copy), `CORRUPT`, `CONFLICT` where the target is
 * there, `FULL`, `IO`.
 */
export async function backupLedger(path: string, target: string, overwrite = false): Promise<CopiedLedger> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new LedgerError('IO', `there is no ledger ${path}`);
  const lock = FileLock.take(lockPath(path));
  if (lock === undefined) throw new LedgerError('LOCKED', `the ledger ${path} is in use by another process`);
  try {
    const image = new LedgerImage(path);
    try {
      const { fd, pageBytes, pageCount, wal, seal } = image;
      if (pageBytes === undefined || seal.kind === 'damaged' || wal.commitsLost > 0)
        throw new LedgerError('CORRUPT', `the ledger ${path} is damaged; nothing was copied. tickerplant ledger verify tells what it is`);
      const sums = seal.kind === 'sealed' ? seal.sums : undefined;
      return await copyPages({ path, fd, pageBytes, pageCount, sums, wal }, resolve(target), overwrite);
    } finally {
      image[Symbol.dispose]();
    }
  } finally {
    lock[Symbol.dispose]();
  }
}
