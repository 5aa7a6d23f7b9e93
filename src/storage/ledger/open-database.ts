import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../../core/ports/ledger.ts';
import { sqliteCode } from '../shared/file-lock.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/all.ts';
import { toLedgerError } from './sqlite-errors.ts';

/** "LTPl", SQLite's mark of whose file it is. */
const APPLICATION_ID = 0x4c54506c;

/** `PRAGMA quick_check` reads the whole file; a larger one is checked page by page as it is used, so that starting stays quick. */
const CHECKED_AT_OPEN_BYTES = 256 * 1024 * 1024;

/** A ledger file that is open, locked and of this version. */
export interface OpenedDatabase {
  readonly database: DatabaseSync;
  /** The schema version that was found; 0 where the ledger is new. */
  readonly foundVersion: number;
}

/**
 * Opens or makes a ledger: for its owner's eyes only (mode 0600), locked for the life of the process, write-ahead logged and
 * synced at every commit, checked, and brought forward to this program's schema.
 * @throws LedgerError `LOCKED`, `CORRUPT`, `NEWER`, `FULL`, `IO`, naming the path.
 */
export function openDatabase(path: string): OpenedDatabase {
  let database: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') makePrivateFile(path);
    database = new DatabaseSync(path);
    // The lock is taken at the first read and kept; a process that dies loses it. It also keeps the index of the write-ahead
    // log in memory, so there is no shared-memory file beside it.
    database.exec('PRAGMA busy_timeout = 250; PRAGMA locking_mode = EXCLUSIVE;');
    lock(database, path);
    identify(database, path);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;');
    check(database, path);
    return { database, foundVersion: migrate(database, path) };
  } catch (error) {
    database?.close();
    throw toLedgerError(error, path);
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

function lock(database: DatabaseSync, path: string): void {
  try {
    // A write transaction, though nothing is written: an exclusive lock is only taken for one.
    database.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (sqliteCode(error) !== 5) throw error;
    throw new LedgerError('LOCKED', `the ledger ${path} is in use by another process; one ledger belongs to one server`, { cause: error });
  }
}

function identify(database: DatabaseSync, path: string): void {
  const application = pragma(database, 'application_id');
  if (application === APPLICATION_ID) return;
  const objects = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (application !== 0 || objects !== 0) {
    throw new LedgerError('CORRUPT', `${path} is a SQLite database, but not a ledger of this program`);
  }
}

function check(database: DatabaseSync, path: string): void {
  if (path !== ':memory:' && statSync(path).size > CHECKED_AT_OPEN_BYTES) return;
  const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw new LedgerError('CORRUPT', `the ledger ${path} is damaged; restore it from a backup (${String(found)})`);
}

function migrate(database: DatabaseSync, path: string): number {
  const found = pragma(database, 'user_version');
  if (found > SCHEMA_VERSION) {
    throw new LedgerError(
      'NEWER',
      `the ledger ${path} was made by a newer version of this program (schema ${found}, this one knows up to ${SCHEMA_VERSION})`,
    );
  }
  for (const { version, sql } of MIGRATIONS) {
    if (version <= found) continue;
    database.exec(`BEGIN; ${sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}; COMMIT`);
  }
  return found;
}

function pragma(database: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
