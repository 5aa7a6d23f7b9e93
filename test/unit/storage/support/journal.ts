import type { Journal, JournalFilter } from '../../../../src/core/ports/journal.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { PublishedRows } from '../../../../src/core/tickerplant/published-rows.ts';
import { type JournalOptions, openJournal } from '../../../../src/storage/journal/open-journal.ts';
import { TestClock } from './clock.ts';

/** Opens a journal as on a machine that was started once, unless told otherwise. */
export function open(dir: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal({ dir, clock: new TestClock(), logger: silentLogger, bootId: 'boot one', fsync: 'never', ...options });
}

/** Rows of a table's symbol from `seq` on; each says what it is. */
export function rows(table: string, sym: string, epoch: number, seq: number, count: number, filler = ''): PublishedRows {
  const values = Array.from({ length: count }, (_, i) => ['2026-11-20T14:30:00.123Z', sym, seq + i, filler]);
  return new PublishedRows(table, sym, epoch, seq, count, Buffer.from(JSON.stringify(values)));
}

/** What makes a record the same: all of it but the object. */
export function plain(record: PublishedRows): readonly unknown[] {
  return [record.table, record.sym, record.epoch, record.seq, record.count, Buffer.from(record.json).toString()];
}

/** Everything that matches, from where the journal says to begin, in chunks of so many bytes. */
export async function readAll(journal: Journal, filter: JournalFilter, maxBytes = 4096): Promise<PublishedRows[]> {
  const records: PublishedRows[] = [];
  let position = journal.seek(filter);
  while (journal.bytesTo(position) > 0) {
    const chunk = await journal.read(filter, position, maxBytes);
    records.push(...chunk.records);
    if (journal.bytesTo(chunk.next) >= journal.bytesTo(position)) throw new Error('reading does not get on');
    position = chunk.next;
  }
  return records;
}

/** A filter for symbols of a table, all from their first number on unless given. */
export function filterOf(table: string, after: Readonly<Record<string, number>>): JournalFilter {
  return { table, after: new Map(Object.entries(after)) };
}
