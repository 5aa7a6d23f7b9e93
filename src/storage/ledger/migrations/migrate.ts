import type { DatabaseSync } from 'node:sqlite';
import { LedgerError } from '../../../core/ports/ledger.ts';
import { type Book, versionOf } from '../book.ts';

/**
 * Brings a ledger forward, each step a transaction of its own, and answers the version that it had. Turns references on.
 * @throws LedgerError `NEWER`, with nothing changed; `CORRUPT` where after a step something refers to nothing.
 */
export function migrate(database: DatabaseSync, path: string, { migrations, applicationId }: Book): number {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  const newest = versionOf({ migrations });
  if (found > newest) {
    throw new LedgerError(
      'NEWER',
      `the ledger ${path} was made by a newer version of this program (schema ${found}, this one knows up to ${newest})`,
    );
  }
  // A table that others refer to is replaced whole; that every reference holds is looked at before the commit (https://sqlite.org/lang_altertable.html).
  database.exec('PRAGMA foreign_keys = OFF');
  for (const { version, sql } of migrations) {
    if (version <= found) continue;
    database.exec('BEGIN');
    try {
      database.exec(`${sql}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}`);
      assertReferences(database, path, version);
      database.exec('COMMIT');
    } catch (error) {
      rollBack(database);
      throw error;
    }
  }
  database.exec('PRAGMA foreign_keys = ON');
  return found;
}

function assertReferences(database: DatabaseSync, path: string, version: number): void {
  const broken = database.prepare('PRAGMA foreign_key_check').get();
  if (broken === undefined) return;
  const detail = `${String(broken['table'])} refers to something that is not in ${String(broken['parent'])}`;
  throw new LedgerError('CORRUPT', `the ledger ${path} can not be brought forward to schema ${version}, and was left as it is (${detail})`);
}

function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Rolled back already: a full disk.
  }
}
