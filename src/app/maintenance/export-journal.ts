import { once } from 'node:events';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { type RowFormat, rowFormat } from '../../client/row-format.ts';
import { JournalError } from '../../core/ports/journal.ts';
import { type RowRun, type RowsOptions, rowsOf } from './journal-rows.ts';
import { ParquetRows, type Sink } from './parquet.ts';

/** What a journal can be written as. */
export const EXPORT_FORMATS = ['csv', 'ndjson', 'parquet'] as const;

/** One of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const BATCH_CHARACTERS = 256 * 1024;

/** Rows that were written. */
export interface Exported {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Writes rows of a journal in a format. CSV and Parquet hold one table.
 * @throws JournalError `CORRUPT` naming file and byte (what came before was written), `IO`; whatever the sink throws.
 */
export async function exportRows(options: RowsOptions, format: ExportFormat, sink: Sink): Promise<Exported> {
  let bytes = 0;
  const counted: Sink = (chunk) => {
    bytes += chunk.length;
    return sink(chunk);
  };
  const rows = format === 'parquet' ? await asParquet(options, counted) : await asText(options, rowFormat(format), counted);
  return { rows, bytes };
}

async function asText(options: RowsOptions, format: RowFormat, sink: Sink): Promise<number> {
  let count = 0;
  let text = '';
  let heading: string | undefined;
  for await (const runs of rowsOf(options)) {
    for (const run of runs) {
      const head = format.heading(run.table, run.columns);
      if (head !== undefined && heading !== undefined && head !== heading) throw otherColumns(run);
      if (head !== undefined && heading === undefined) text += head;
      heading = head;
      for (const [i, row] of run.rows.entries()) text += format.line(run, row, run.seq + i);
      count += run.rows.length;
      if (text.length < BATCH_CHARACTERS) continue;
      await sink(Buffer.from(text));
      text = '';
    }
  }
  if (text !== '') await sink(Buffer.from(text));
  return count;
}

async function asParquet(options: RowsOptions, sink: Sink): Promise<number> {
  let count = 0;
  let writer: ParquetRows | undefined;
  let of: RowRun | undefined;
  const named = options.tables.find(({ name }) => name === options.selection.table);
  for await (const runs of rowsOf(options)) {
    for (const run of runs) {
      of ??= run;
      if (run.table !== of.table || run.columns !== of.columns) throw otherColumns(run);
      writer ??= new ParquetRows(run.columns, sink);
      await writer.add(run);
      count += run.rows.length;
    }
  }
  writer ??= new ParquetRows(named?.columns ?? [], sink);
  await writer.end();
  return count;
}

function otherColumns({ table, epoch, seq }: RowRun): JournalError {
  return new JournalError(
    'IO',
    `from ${table} number ${seq} of epoch ${epoch} on, rows have other columns: name one --table, or a range; NDJSON takes any`,
  );
}

/** Standard output as a sink: waits where its reader is slower. */
export async function toStdout(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

/**
 * Writes a file that has its name when it is complete and on the disk; what is there is only replaced where that is wanted.
 * @throws JournalError `IO` where it is there, and whatever `write` and the file system throw.
 */
export async function toFile<T>(path: string, overwrite: boolean, write: (sink: Sink) => Promise<T>): Promise<T> {
  const isThere = () => new JournalError('IO', `${path} is there already; --force replaces it`);
  if (!overwrite && statSync(path, { throwIfNoEntry: false }) !== undefined) throw isThere();
  const unfinished = `${path}.${process.pid}.tmp`;
  const fd = openSync(unfinished, 'wx', 0o640);
  let open = true;
  try {
    const result = await write(async (bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    });
    fsyncSync(fd);
    closeSync(fd);
    open = false;
    if (overwrite) renameSync(unfinished, path);
    else linkSync(unfinished, path);
    return result;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw isThere();
    throw error;
  } finally {
    if (open) closeSync(fd);
    rmSync(unfinished, { force: true });
  }
}
