import type { Journal } from '../ports/journal.ts';
import type { Row } from './schema.ts';

const PROBE_BYTES = 64 * 1024;

/** Which symbol is searched, and between which numbers, both included. */
export interface SearchRange {
  readonly table: string;
  readonly sym: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The first number whose row is not before something, found by halving: a symbol's rows are taken to be in order of time, as
 * feeds bring them. Answers `to + 1` where every row is before it.
 * @throws JournalError
 */
export async function firstNotBefore(journal: Journal, range: SearchRange, isBefore: (row: Row) => boolean): Promise<number> {
  let low = range.from;
  let high = range.to + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await rowOf(journal, range.table, range.sym, middle);
    // What is not kept any more is older than all that is.
    if (row === undefined || isBefore(row)) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function rowOf(journal: Journal, table: string, sym: string, seq: number): Promise<Row | undefined> {
  const filter = { table, after: new Map([[sym, seq - 1]]) };
  for (let position = journal.seek(filter); journal.bytesTo(position) > 0; ) {
    const { records, next } = await journal.read(filter, position, PROBE_BYTES);
    const [first] = records;
    if (first !== undefined) return first.rows[seq - first.seq];
    position = next;
  }
  return undefined;
}
