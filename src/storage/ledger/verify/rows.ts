import type { DatabaseSync } from 'node:sqlite';
import type { LedgerViolation } from './report.ts';

/** A row as it is read for a check: whole numbers are bigint. */
export type CheckedRow = Readonly<Record<string, unknown>>;

/** Rows of a query, whole numbers as bigint. */
export function rowsOf(database: DatabaseSync, sql: string): CheckedRow[] {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all();
}

/** Gathers violations of one check. */
export function reporter(violations: LedgerViolation[], check: string, of: unknown): (message: string) => void {
  return (message) => {
    violations.push({ check, of: String(of), message });
  };
}

/** A JSON text; undefined where it is none. */
export function parse<T>(text: unknown): T | undefined {
  return attempt(() => JSON.parse(String(text)) as T);
}

/** What a reader answers; undefined where it throws. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
