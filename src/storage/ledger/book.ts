import { HANDLERS } from './commands/all.ts';
import { MIGRATIONS } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';

/** What is kept in a database of ours: whose mark it has, its schema, its commands. */
export interface Book {
  /** SQLite's `application_id`. */
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
  /** Port → command → what runs it, inside a transaction. */
  readonly handlers: Readonly<Record<string, Readonly<Record<string, (...args: never) => Promise<unknown>>>>>;
}

/** "LTPl", SQLite's mark of whose file it is. */
export const APPLICATION_ID: number = 0x4c54506c;

/** The ledger's. */
export const LEDGER_BOOK: Book = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  handlers: { ledger: { ...HANDLERS.ledger }, intents: { ...HANDLERS.intents }, settlementLog: { ...HANDLERS.settlementLog } },
};

/** The newest schema version of a book that this program knows. */
export function versionOf({ migrations }: Pick<Book, 'migrations'>): number {
  return migrations.at(-1)?.version ?? 0;
}
