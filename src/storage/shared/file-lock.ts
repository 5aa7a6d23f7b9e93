import { DatabaseSync } from 'node:sqlite';

/**
 * An exclusive lock between processes that the operating system frees when its holder dies, however it dies.
 *
 * Node has no `flock`; SQLite takes a POSIX (on Windows a mandatory) lock on its file, so an empty database held in an exclusive
 * transaction is one. Nothing is ever written to it. The file stays behind: removing it would let two processes hold two locks.
 */
export class FileLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock; undefined where somebody else holds it, in this process too. Waits a moment for a holder that is just dying.
   * @throws whatever `node:sqlite` throws when the file can't be made.
   */
  static take(path: string): FileLock | undefined {
    const database = new DatabaseSync(path);
    try {
      database.exec('PRAGMA busy_timeout = 250; PRAGMA journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
      return new FileLock(database);
    } catch (error) {
      database.close();
      if (sqliteCode(error) === SQLITE_BUSY) return undefined;
      throw error;
    }
  }

  /** Frees it. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}

const SQLITE_BUSY = 5;

/** SQLite's primary result code of an error that `node:sqlite` threw (https://sqlite.org/rescode.html); undefined of any other. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}
