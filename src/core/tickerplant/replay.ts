import type { Journal } from '../ports/journal.ts';
import { PublishedRows } from './published-rows.ts';
import { encodeRows } from './values.ts';

const CHUNK_BYTES = 256 * 1024;

/** A replay that is under way. */
export interface Replay {
  /** Last number handed over, per symbol; kept up to date. */
  readonly after: Map<string, number>;
  /** False ends it: the receiver is gone. */
  readonly wanted: () => boolean;
  /** Takes rows in order. */
  readonly rows: (rows: PublishedRows) => void;
  /** Resolves when there is room for more. */
  readonly drained: () => Promise<void>;
}

/**
 * Hands over what the journal has of a table after the given numbers, then calls `join` in the very turn in which nothing
 * is left: publishing is synchronous, so between the last replayed row and the first live one there is neither gap nor
 * repeat, at any speed of publishing.
 * @throws JournalError when the journal can't be read.
 */
export async function replayThenJoin(journal: Journal, table: string, replay: Replay, join: () => void): Promise<void> {
  const filter = { table, after: replay.after };
  let position = journal.seek(filter);
  while (journal.bytesTo(position) > CHUNK_BYTES) {
    const chunk = await journal.read(filter, position, CHUNK_BYTES);
    if (!replay.wanted()) return;
    for (const record of chunk.records) handOver(record, replay);
    position = chunk.next;
    await replay.drained();
    if (!replay.wanted()) return;
  }
  for (const record of journal.readSync(filter, position).records) handOver(record, replay);
  join();
}

/** The part of a record that comes after a number; undefined where none does. */
export function rowsAfter(record: PublishedRows, after: number): PublishedRows | undefined {
  const last = record.seq + record.count - 1;
  if (last <= after) return undefined;
  if (record.seq > after) return record;
  const rows = record.rows.slice(after + 1 - record.seq);
  return new PublishedRows(record.table, record.sym, record.epoch, after + 1, rows.length, encodeRows(rows), rows);
}

/** The first so many rows of a record. */
export function firstRows(record: PublishedRows, count: number): PublishedRows {
  if (count >= record.count) return record;
  const rows = record.rows.slice(0, count);
  return new PublishedRows(record.table, record.sym, record.epoch, record.seq, count, encodeRows(rows), rows);
}

function handOver(record: PublishedRows, { after, rows }: Replay): void {
  const wanted = rowsAfter(record, after.get(record.sym) ?? 0);
  if (wanted === undefined) return;
  after.set(record.sym, record.seq + record.count - 1);
  rows(wanted);
}
