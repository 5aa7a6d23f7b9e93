import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../../core/ports/ledger.ts';
import { FileLock, sqliteCode } from '../shared/file-lock.ts';
import { type Book, LEDGER_BOOK } from './book.ts';
import { breakSeal, LedgerFile } from './file/ledger-file.ts';
import { LedgerImage } from './file/ledger-image.ts';
import { migrate } from './migrations/migrate.ts';
import { toLedgerError } from './sqlite-errors.ts';

/** `PRAGMA quick_check` reads the whole file; a larger one is checked page by page as it is used, so that starting stays quick. */
const CHECKED_AT_OPEN_BYTES = 256 * 1024 * 1024;

/** A ledger file that is open, locked and of this version. Whoever opened it closes `file`, or, in memory, `database`. */
export interface OpenedDatabase {
  readonly database: DatabaseSync;
  /** What keeps the file whole; undefined for a ledger in memory. */
  readonly file: LedgerFile | undefined;
  /** The schema version that was found; 0 where the ledger is new. */
  readonly foundVersion: number;
}

/**
 * Opens or makes a ledger: for its owner's eyes only (mode 0600), locked for the life of the process, write-ahead logged and
 * synced at every commit, checked page by page against its seal, and brought forward to this program's schema.
 * @throws LedgerError `LOCKED`, `CORRUPT`, `NEWER`, `FULL`, `IO`, naming the path.
 */
export function openDatabase(path: string, book: Book = LEDGER_BOOK): OpenedDatabase {
  if (path === ':memory:') return openInMemory(book);
  let lock: FileLock | undefined;
  let database: DatabaseSync | undefined;
  let file: LedgerFile | undefined;
  try {
    makePrivateFile(path);
    lock = FileLock.take(lockPath(path));
    if (lock === undefined) throw isLocked(path);
    const sums = unseal(path);
    database = new DatabaseSync(path);
    // SQLite's own lock too, for programs that are not ours. It also keeps the index of the write-ahead log in memory, so there is
    // no shared-memory file beside it.
    database.exec('PRAGMA busy_timeout = 250; PRAGMA locking_mode = EXCLUSIVE;');
    lockDatabase(database, path);
    identify(database, path, book);
    // The log is brought into the file when LedgerFile says, and holds nothing but whole commits.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_spill = OFF; PRAGMA synchronous = FULL;');
    prepare(database);
    quickCheck(database, path);
    const foundVersion = migrate(database, path, book);
    file = new LedgerFile(path, database, lock, sums);
    if (!file.sealed) sealIfPossible(file);
    return { database, file, foundVersion };
  } catch (error) {
    if (file === undefined) {
      database?.close();
      lock?.[Symbol.dispose]();
    } else file[Symbol.dispose]();
    throw toLedgerError(error, path);
  }
}

/** The lock of a ledger that others than its owner take, to read it: a file beside it, with nothing in it. */
export function lockPath(path: string): string {
  return `${path}-lock`;
}

function openInMemory(book: Book): OpenedDatabase {
  const database = new DatabaseSync(':memory:');
  prepare(database);
  return { database, file: undefined, foundVersion: migrate(database, ':memory:', book) };
}

function prepare(database: DatabaseSync): void {
  database.exec('PRAGMA temp_store = MEMORY;');
}

/** A new ledger, or one of an earlier version. */
function sealIfPossible(file: LedgerFile): void {
  try {
    file.checkpoint();
  } catch {
    // A full disk, most likely: what needs room says so by itself.
  }
}

/** Checks the bytes under the ledger; answers the checksums of its pages, undefined where it has no seal. */
function unseal(path: string): readonly number[] | undefined {
  const image = new LedgerImage(path);
  try {
    const { commitsLost } = image.wal;
    if (commitsLost > 1) {
      const detail = `the write-ahead log ${path}-wal does not check, and ${commitsLost} commits come after the damage`;
      throw new LedgerError('CORRUPT', `the ledger ${path} is damaged; restore it from a backup (${detail})`);
    }
    // What the log has whole will be brought into the file.
    const damaged = image.size > CHECKED_AT_OPEN_BYTES ? undefined : image.damagedPages().find(({ inWal }) => !inWal);
    if (damaged !== undefined) {
      const detail = `page ${damaged.page}, at byte ${damaged.at}, is not what was written`;
      throw new LedgerError('CORRUPT', `the ledger ${path} is damaged; restore it from a backup (${detail})`);
    }
    return breakSeal(image);
  } finally {
    image[Symbol.dispose]();
  }
}

function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  try {
    // Exclusive: an existing file must not be opened here, for closing it would drop the locks that SQLite holds on it.
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if (!statSync(path).isFile()) throw new LedgerError('CORRUPT', `the ledger ${path} is not a file`);
  }
}

function lockDatabase(database: DatabaseSync, path: string): void {
  try {
    // A write transaction, though nothing is written: an exclusive lock is only taken for one.
    database.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (sqliteCode(error) !== 5) throw error;
    throw isLocked(path, error);
  }
}

function isLocked(path: string, cause?: unknown): LedgerError {
  return new LedgerError('LOCKED', `the ledger ${path} is in use by another process; one ledger belongs to one server`, { cause });
}

function identify(database: DatabaseSync, path: string, { applicationId }: Book): void {
  const application = Number(database.prepare('PRAGMA application_id').get()?.['application_id']);
  if (application === applicationId) return;
  const objects = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (application !== 0 || objects !== 0) {
    throw new LedgerError('CORRUPT', `${path} is a SQLite database, but not a ledger of this program`);
  }
}

function quickCheck(database: DatabaseSync, path: string): void {
  if (statSync(path).size > CHECKED_AT_OPEN_BYTES) return;
  const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw new LedgerError('CORRUPT', `the ledger ${path} is damaged; restore it from a backup (${String(found)})`);
}
