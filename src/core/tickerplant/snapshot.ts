import type { Journal } from '../ports/journal.ts';
import { PublishedRows } from './published-rows.ts';
import { encodeRows } from './values.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * The last row of each symbol up to a number, as the journal has it: most often the journal's last record; where rows have come since, it is
 * looked for. A symbol that has none is left out. `next`: the number that a symbol's next row will have.
 * @throws JournalError.
 */
export async function readSnapshots(
  journal: Journal,
  table: string,
  upTo: ReadonlyMap<string, number>,
  next: (sym: string) => number,
): Promise<readonly PublishedRows[]> {
  const found = new Map<string, PublishedRows>();
  const [newest, older] = [[] as string[], new Map<string, number>()];
  for (const [sym, last] of upTo) {
    if (last + 1 >= next(sym)) newest.push(sym);
    else older.set(sym, last - 1);
  }
  if (newest.length > 0) for (const record of await journal.last(table, newest)) keep(record, upTo, found);
  // Where rows have come meanwhile, the last record is not the one before them any more.
  for (const sym of newest) if (!found.has(sym)) older.set(sym, (upTo.get(sym) ?? 0) - 1);
  if (older.size > 0) {
    const filter = { table, after: older };
    let position = journal.seek(filter);
    while (older.size > 0 && journal.bytesTo(position) > 0) {
      const chunk = await journal.read(filter, position, CHUNK_BYTES);
      for (const record of chunk.records) if (keep(record, upTo, found)) older.delete(record.sym);
      position = chunk.next;
    }
  }
  return [...found.values()];
}

/** The same at once, where the wanted rows are the journal's last and it has them at hand; else undefined. @throws JournalError. */
export function readSnapshotsSync(
  journal: Journal,
  table: string,
  upTo: ReadonlyMap<string, number>,
  next: (sym: string) => number,
): readonly PublishedRows[] | undefined {
  for (const [sym, last] of upTo) if (last + 1 < next(sym)) return undefined;
  const found = new Map<string, PublishedRows>();
  const records = journal.lastSync(table, [...upTo.keys()]);
  return records?.every((record) => keep(record, upTo, found)) === true ? [...found.values()] : undefined;
}

/** Keeps a record's row of the wanted number; false where the record does not have it. */
function keep(record: PublishedRows, upTo: ReadonlyMap<string, number>, found: Map<string, PublishedRows>): boolean {
  const number = upTo.get(record.sym) ?? 0;
  if (number < record.seq || number >= record.seq + record.count) return false;
  found.set(record.sym, record.count === 1 ? record : rowOf(record, number));
  return true;
}

function rowOf(record: PublishedRows, number: number): PublishedRows {
  const rows = record.rows.slice(number - record.seq, number - record.seq + 1);
  return new PublishedRows(record.table, record.sym, record.epoch, number, 1, encodeRows(rows), rows);
}
