import type { DatabaseSync } from 'node:sqlite';
import type { LedgerViolation } from './report.ts';

interface Item {
  readonly table: string;
  readonly syms: readonly string[];
}

/** Compares the grants of every paid quote with the items that it was for. */
export function findGrantViolations(database: DatabaseSync): LedgerViolation[] {
  const violations: LedgerViolation[] = [];
  const grantsOf = database.prepare('SELECT * FROM grants WHERE quote = ? ORDER BY position');
  grantsOf.setReadBigInts(true);
  const paid = database.prepare(`
    SELECT q.id, q.subscription, q.items, q.lasts_ms, s.applied_at FROM quotes q JOIN settlements s ON s.quote = q.id
    WHERE s.effect = 'granted'`);
  paid.setReadBigInts(true);
  for (const quote of paid.iterate()) {
    const id = String(quote['id']);
    const report = (message: string): void => {
      violations.push({ check: 'grant', of: id, message });
    };
    const items = parse<readonly Item[]>(quote['items']);
    const grants = grantsOf.all(id);
    if (items === undefined) {
      report('what the quote was for can not be read');
      continue;
    }
    // That there is none at all is an invariant of its own.
    if (grants.length > 0 && grants.length !== items.length) report(`it was for ${items.length} tables, and has ${grants.length} grants`);
    for (const [position, grant] of grants.entries()) {
      const item = items[position];
      const syms = parse<readonly string[]>(grant['syms']);
      const next = parse<Readonly<Record<string, number>>>(grant['next']);
      if (item === undefined || Number(grant['position']) !== position || grant['table_name'] !== item.table || !equal(syms, item.syms))
        report(`grant ${position} is not what the quote was for`);
      if (grant['subscription'] !== quote['subscription']) report(`grant ${position} belongs to another subscription`);
      if (grant['granted_at'] !== quote['applied_at']) report(`grant ${position} does not begin when the payment was applied`);
      if (Number(grant['until']) - Number(grant['granted_at']) !== Number(quote['lasts_ms']))
        report(`grant ${position} ends at another time than was paid for`);
      if (
        next === undefined ||
        syms === undefined ||
        !equal(Object.keys(next).sort(), [...syms].sort()) ||
        !Object.values(next).every(isNumber)
      )
        report(`where grant ${position} begins can not be read, or is of other symbols`);
    }
  }
  return violations;
}

function isNumber(seq: unknown): boolean {
  return Number.isSafeInteger(seq) && Number(seq) >= 1;
}

function equal(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((sym, i) => sym === b[i]);
}

function parse<T>(text: unknown): T | undefined {
  try {
    return JSON.parse(String(text)) as T;
  } catch {
    return undefined;
  }
}
