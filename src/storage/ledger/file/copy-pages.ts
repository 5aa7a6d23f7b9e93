import { constants, fstatSync, linkSync, read as readCallback, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { LedgerError } from '../../../core/ports/ledger.ts';
import { syncDirectory } from '../../shared/directory.ts';
import { toLedgerError } from '../sqlite-errors.ts';
import { formatSeal } from './page-sums.ts';
import { pageInWal, type Wal } from './wal.ts';

const readFile = promisify(readCallback);
const PAGES_AT_ONCE = 256;

/** Pages to be copied: of an open file, or of its write-ahead log where that has newer ones. */
export interface PageSource {
  readonly path: string;
  readonly fd: number;
  readonly pageBytes: number;
  readonly pageCount: number;
  /** What the file's own pages must have; undefined where it has no seal. */
  readonly sums: readonly number[] | undefined;
  readonly wal?: Wal;
}

/** A copy that is complete, sealed, and on the disk under its name. */
export interface CopiedLedger {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes a ledger's pages to a file of their own, mode 0600, sealed; it has its name when it is complete and on the disk.
 * @throws LedgerError `CORRUPT` where a page is not what was written, `CONFLICT` where the target is there, `FULL`, `IO`.
 */
export async function copyPages(source: PageSource, target: string, overwrite: boolean): Promise<CopiedLedger> {
  refuseItself(source, target);
  if (!overwrite && statSync(target, { throwIfNoEntry: false }) !== undefined) throw isThere(target);
  const unfinished = `${target}.${process.pid}.tmp`;
  let file: FileHandle | undefined;
  try {
    file = await open(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    const bytes = await writePages(source, file);
    await file.sync();
    await file.close();
    file = undefined;
    giveName(unfinished, target, overwrite);
    return { path: target, bytes };
  } catch (error) {
    if (isCode(error, 'EEXIST') && !overwrite) throw isThere(target);
    throw toLedgerError(error, target);
  } finally {
    await file?.close();
    rmSync(unfinished, { force: true });
  }
}

async function writePages({ path, fd, pageBytes, pageCount, sums, wal }: PageSource, file: FileHandle): Promise<number> {
  const copied: number[] = [];
  for (let first = 0; first < pageCount; first += PAGES_AT_ONCE) {
    const count = Math.min(PAGES_AT_ONCE, pageCount - first);
    const chunk = Buffer.alloc(count * pageBytes);
    for (let done = 0; done < chunk.length; ) {
      const { bytesRead } = await readFile(fd, chunk, done, chunk.length - done, first * pageBytes + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    for (let i = 0; i < count; i += 1) {
      const page = first + i + 1;
      const bytes = chunk.subarray(i * pageBytes, (i + 1) * pageBytes);
      const newer = wal === undefined ? undefined : pageInWal(wal, page);
      if (newer !== undefined) newer.copy(bytes);
      const sum = crc32(bytes);
      if (newer === undefined && sums !== undefined && sums[page - 1] !== sum)
        throw new LedgerError(
          'CORRUPT',
          `the ledger ${path} is damaged in page ${page}, at byte ${(page - 1) * pageBytes}; nothing was copied`,
        );
      copied.push(sum);
    }
    await file.write(chunk);
  }
  const seal = formatSeal(pageBytes, copied);
  await file.write(seal);
  return pageCount * pageBytes + seal.length;
}

/** Under its name at once and whole; a link, unlike a rename, never takes the place of what is there. */
function giveName(unfinished: string, target: string, overwrite: boolean): void {
  if (overwrite) renameSync(unfinished, target);
  else {
    try {
      linkSync(unfinished, target);
    } catch (error) {
      if (isCode(error, 'EEXIST')) throw error;
      // A file system without links: what was not there a moment ago is not there now.
      renameSync(unfinished, target);
    }
  }
  syncDirectory(dirname(target));
}

function refuseItself(source: PageSource, target: string): void {
  const there = statSync(target, { throwIfNoEntry: false });
  const own = fstatSync(source.fd);
  if (there !== undefined && there.ino === own.ino && there.dev === own.dev)
    throw new LedgerError('CONFLICT', `${target} is the ledger itself: give its backup another name`);
}

function isThere(target: string): LedgerError {
  return new LedgerError('CONFLICT', `${target} is there already; nothing was written`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
