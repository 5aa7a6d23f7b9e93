import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Random } from '../../core/ports/random.ts';
import { FileLock, sqliteCode } from '../../storage/shared/file-lock.ts';
import { ListenerError, type ListenerErrorCode } from '../errors.ts';
import { APPLICATION_ID, SCHEMA } from './schema.ts';

/** An outbox's file, open and locked. */
export interface OpenedOutbox {
  readonly database: DatabaseSync;
  /** Frees the file. */
  close(): void;
}

/**
 * Opens or makes an outbox: for its owner's eyes only (mode 0600), locked for the life of the process, synced at every commit.
 * @throws ListenerError `LOCKED`, `CORRUPT`, `NEWER`, `FULL`, `IO`, naming the path.
 */
export function openOutboxFile(path: string, random: Random): OpenedOutbox {
  let lock: FileLock | undefined;
  let database: DatabaseSync | undefined;
  try {
    makePrivateFile(path);
    lock = FileLock.take(`${path}-lock`);
    if (lock === undefined) throw new ListenerError('LOCKED', `the outbox ${path} is in use by another listener`);
    database = new DatabaseSync(path);
    identify(database, path);
    database.exec('PRAGMA busy_timeout = 250; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok')
      throw new ListenerError('CORRUPT', `the outbox ${path} is damaged (${String(found)}); put it aside: a new one is made`);
    migrate(database, path, random);
  } catch (error) {
    database?.close();
    lock?.[Symbol.dispose]();
    throw toOutboxError(error, path);
  }
  const opened = database;
  const held = lock;
  return {
    database: opened,
    close() {
      opened.close();
      held[Symbol.dispose]();
    },
  };
}

function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if (!statSync(path).isFile()) throw new ListenerError('CORRUPT', `the outbox ${path} is not a file`);
  }
}

function identify(database: DatabaseSync, path: string): void {
  const application = Number(database.prepare('PRAGMA application_id').get()?.['application_id']);
  if (application === APPLICATION_ID) return;
  const objects = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (application !== 0 || objects !== 0)
    throw new ListenerError('CORRUPT', `${path} is a SQLite database, but not an outbox of this program`);
}

function migrate(database: DatabaseSync, path: string, random: Random): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (found > SCHEMA.length) {
    throw new ListenerError('NEWER', `the outbox ${path} was made by a newer version of this program (schema ${found})`);
  }
  for (const [index, sql] of SCHEMA.entries()) {
    if (index < found) continue;
    database.exec('BEGIN');
    try {
      database.exec(`${sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
      if (index === 0) {
        const id = Buffer.from(random.bytes(16)).toString('hex');
        database.prepare("INSERT INTO outbox VALUES (1, ?, NULL, NULL, NULL, NULL, 0, '')").run(id);
      }
      database.exec('COMMIT');
    } catch (error) {
      rollBack(database);
      throw error;
    }
  }
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html); what is not here is `IO`. */
const CODES: Readonly<Record<number, readonly [ListenerErrorCode, string]>> = {
  5: ['LOCKED', 'is in use by another process'],
  6: ['LOCKED', 'is in use by another process'],
  11: ['CORRUPT', 'is damaged; put it aside: a new one is made, and servers compare with the node'],
  13: ['FULL', 'can not grow: the disk is full'],
  26: ['CORRUPT', 'is no outbox'],
};

/** Whatever was thrown while working on the outbox at `path`, as a {@link ListenerError} that names it. */
export function toOutboxError(error: unknown, path: string): ListenerError {
  if (error instanceof ListenerError) return error;
  const system = error instanceof Error && 'code' in error ? error.code : undefined;
  const full = system === 'ENOSPC' || system === 'EDQUOT';
  const [code, meaning] = CODES[full ? 13 : (sqliteCode(error) ?? 0)] ?? (['IO', 'can not be read or written'] as const);
  const detail = error instanceof Error ? error.message : String(error);
  return new ListenerError(code, `the outbox ${path} ${meaning} (${detail})`, { cause: error });
}

/** Ends a transaction that failed, whether SQLite has done so already or not. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Rolled back already: a full disk.
  }
}
