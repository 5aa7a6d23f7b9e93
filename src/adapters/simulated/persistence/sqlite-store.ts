import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LightningError } from '../../../core/lightning/errors.ts';
import type { Store, StoredRecord } from '../network/store.ts';

const VERSION = 1;

/**
 * A network's records in a SQLite file. What `commit` has returned for survives the killing of the process (WAL with
 * synchronous=NORMAL; a power cut may cost the last moments, but never leaves a torn state). One process at a time.
 */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  /**
   * Opens or makes `network.db` in a directory.
   * @throws LightningError `CONFLICT` (another process has it), `INVALID_ARGUMENT` (of a newer version), `INTERNAL` (can't be opened or is corrupt); each names the file.
   */
  constructor(dir: string) {
    const path = join(dir, 'network.db');
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      database = new DatabaseSync(path);
      chmodSync(path, 0o600);
      database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN EXCLUSIVE');
      const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
      if (Number(version) > VERSION) throw storeError('INVALID_ARGUMENT', `${path} was made by a newer version`);
      database.exec(
        `CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))`,
      );
      database.exec(`PRAGMA user_version=${VERSION}; COMMIT`);
      this.#database = database;
      this.#put = database.prepare(
        'INSERT INTO records (kind, id, body) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body',
      );
      this.#remove = database.prepare('DELETE FROM records WHERE kind = ? AND id = ?');
    } catch (error) {
      database?.close();
      if (error instanceof LightningError) throw error;
      if (isLocked(error)) throw storeError('CONFLICT', `${path} is in use by another process`, error);
      throw storeError('INTERNAL', `${path} can't be opened: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  }

  *load(): Iterable<StoredRecord> {
    for (const row of this.#database.prepare('SELECT kind, id, body FROM records ORDER BY number').iterate()) {
      yield { table: String(row['kind']), id: String(row['id']), text: String(row['body']) };
    }
  }

  commit(records: readonly StoredRecord[]): void {
    try {
      this.#database.exec('BEGIN');
      for (const { table, id, text } of records) {
        if (text === undefined) this.#remove.run(table, id);
        else this.#put.run(table, id, text);
      }
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw storeError(
        'UNAVAILABLE',
        `the simulated network can't write: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
  }

  close(): void {
    this.#database.close();
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }
}

function storeError(code: 'CONFLICT' | 'INVALID_ARGUMENT' | 'INTERNAL' | 'UNAVAILABLE', message: string, cause?: unknown): LightningError {
  return new LightningError(code, message, { operation: 'simnet store', cause });
}

function isLocked(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown }).errcode;
  return code === 5 || code === 6;
}
