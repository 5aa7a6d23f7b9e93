import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type { Column, Row, TableSchema } from '../../core/tickerplant/schema.ts';
import { type RecordSelection, readRecords } from '../../storage/journal/offline/read-records.ts';
import type { OnProgress } from '../../storage/journal/offline/verify-journal.ts';

/** Rows of one record that are wanted: `seq` is the number of the first. */
export interface RowRun {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly epoch: number;
  readonly seq: number;
  readonly rows: readonly Row[];
}

/** Which rows to bring, and with which names. */
export interface RowsOptions {
  readonly dir: string;
  readonly selection: RecordSelection;
  /** Of the config; a table that is not among them has columns by their number. */
  readonly tables: readonly TableSchema[];
  readonly limit?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The rows of a journal, a list for each stretch that was read at once. @throws JournalError `CORRUPT` naming file and byte, `IO`. */
export async function* rowsOf({ dir, selection, tables, limit, onProgress }: RowsOptions): AsyncGenerator<readonly RowRun[]> {
  const columnsOf = columnNames(tables);
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const { records, doneBytes, allBytes } of readRecords(dir, selection)) {
    const runs: RowRun[] = [];
    for (const record of records) {
      if (left <= 0) break;
      const { seq, rows } = within(record, selection, left);
      if (rows.length === 0) continue;
      left -= rows.length;
      runs.push({ table: record.table, columns: columnsOf(record.table, rows), epoch: record.epoch, seq, rows });
    }
    onProgress?.(doneBytes, allBytes);
    yield runs;
    if (left <= 0) return;
  }
}

function within(
  record: PublishedRows,
  { fromSeq, toSeq }: RecordSelection,
  left: number,
): { readonly seq: number; readonly rows: readonly Row[] } {
  const skip = Math.max(0, (fromSeq ?? 0) - record.seq);
  const end = Math.min(record.count, toSeq === undefined ? record.count : toSeq - record.seq + 1, skip + left);
  return { seq: record.seq + skip, rows: skip === 0 && end === record.count ? record.rows : record.rows.slice(skip, end) };
}

/** Names come from the config; where it has none, the first two are what every table has. */
function columnNames(tables: readonly TableSchema[]): (table: string, rows: readonly Row[]) => readonly Column[] {
  const known = new Map(tables.map(({ name, columns }) => [name, columns]));
  return (table, rows) => {
    const width = rows[0]?.length ?? 0;
    const columns = known.get(table);
    if (columns !== undefined && columns.length === width) return columns;
    // Rows of before the table was changed, or of a table that is gone.
    const key = `${table}\0${width}`;
    const made = known.get(key) ?? Array.from({ length: width }, (_, i) => unknownColumn(i));
    known.set(key, made);
    return made;
  };
}

function unknownColumn(i: number): Column {
  if (i === 0) return { name: 'time', type: 'string' };
  return i === 1 ? { name: 'sym', type: 'symbol' } : { name: `column${i + 1}`, type: 'string' };
}
