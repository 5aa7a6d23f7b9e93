import { CsvError, type Parser, parse } from 'csv-parse';
import { FeedError } from './errors.ts';
import { MAX_RECORD_BYTES, type ReadOptions, type RecordBatch, type SourceRecord } from './records.ts';

/**
 * Cuts CSV (RFC 4180, header first, UTF-8 with or without mark) into records, a batch for what each chunk of bytes completes. A
 * row with too few or too many values comes with a `problem`. Empty lines are no rows.
 * @throws FeedError `FORMAT` with the line, after everything before it was yielded: broken quoting leaves no next row to go on with.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  options: ReadOptions,
): AsyncGenerator<RecordBatch, void, undefined> {
  let header: readonly string[] | undefined;
  let records: SourceRecord[] = [];
  // Records are taken out of the parser as they are found: those that a failing stream has buffered would be lost.
  const parser = parse({
    bom: true,
    delimiter: options.delimiter,
    max_record_size: MAX_RECORD_BYTES,
    relax_column_count: true,
    relax_quotes: options.lenientQuotes,
    skip_empty_lines: true,
    trim: options.delimiter !== '\t' && options.delimiter !== ' ',
    on_record: (values: string[], { lines }) => {
      if (header === undefined) header = headerOf(values, source, lines);
      else records.push(recordOf(values, lines, header.length));
      return null;
    },
  });
  parser.on('error', () => {});
  parser.resume();
  try {
    for await (const chunk of chunks) {
      const failure = await write(parser, chunk);
      yield { header, records };
      records = [];
      if (failure !== undefined) throw failure;
    }
    const failure = await end(parser);
    if (records.length > 0) yield { header, records };
    if (failure !== undefined) throw failure;
    if (header === undefined) throw new FeedError('FORMAT', { source }, 'is empty: the first line must name the columns');
  } catch (error) {
    throw error instanceof CsvError ? new FeedError('FORMAT', { source, line: lineOf(error) }, error.message, { cause: error }) : error;
  } finally {
    parser.destroy();
  }
}

function headerOf(values: readonly string[], source: string, line: number): readonly string[] {
  const names = values.map((name) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw new FeedError('FORMAT', { source, line, column: twice }, 'there are two columns of this name');
  return names;
}

function recordOf(values: readonly string[], endLine: number, expected: number): SourceRecord {
  let line = endLine;
  for (const value of values) if (value.includes('\n')) line -= value.split('\n').length - 1;
  if (values.length === expected) return { line, values };
  return { line, values: [], problem: `the row has ${values.length} values, the header ${expected} columns` };
}

function write(parser: Parser, chunk: Uint8Array): Promise<unknown> {
  return new Promise((resolve) => {
    parser.write(chunk, (error) => resolve(error ?? undefined));
  });
}

function end(parser: Parser): Promise<unknown> {
  return new Promise((resolve) => {
    parser.once('error', resolve);
    parser.end(() => resolve(undefined));
  });
}

function lineOf(error: CsvError): number | undefined {
  return typeof error['lines'] === 'number' ? error['lines'] : undefined;
}
