import type { TextFormat } from './config.ts';
import { FeedError } from './errors.ts';

/** One row as it stands in the source, before any column of ours is known. */
export interface SourceRecord {
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** In the header's order (CSV), or by name (NDJSON). */
  readonly values: readonly unknown[] | Readonly<Record<string, unknown>>;
  /** Why it is none, where it could not be read; then `values` is empty. */
  readonly problem?: string;
}

/** Rows that came together. */
export interface RecordBatch {
  /** CSV: the columns' names, the same array with every batch. NDJSON has none. */
  readonly header: readonly string[] | undefined;
  readonly records: readonly SourceRecord[];
}

/** How text is cut into records. */
export interface ReadOptions {
  readonly delimiter: string;
  /** A stray quote inside a value is taken as it is; otherwise it is an error that ends the reading. */
  readonly lenientQuotes: boolean;
}

/** The longest row that is taken, in bytes; what is longer is a file of another kind or an unclosed quote. */
export const MAX_RECORD_BYTES: number = 1024 * 1024;

/** The format that a file's name tells: `.csv`, `.tsv`, `.ndjson`, `.jsonl`, also with `.gz`. @throws FeedError `CONFIG`. */
export function formatOf(file: string): TextFormat {
  const extension = /\.(csv|tsv|ndjson|jsonl)(?:\.gz)?$/i.exec(file)?.[1]?.toLowerCase();
  if (extension === undefined)
    throw new FeedError('CONFIG', { source: file }, 'the name does not tell the format: give format, csv or ndjson');
  return extension === 'csv' || extension === 'tsv' ? 'csv' : 'ndjson';
}

/** The character between values that a file's name tells: a tab for `.tsv`, or else a comma. */
export function delimiterOf(file: string): string {
  return /\.tsv(?:\.gz)?$/i.test(file) ? '\t' : ',';
}
