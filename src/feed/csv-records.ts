import { CsvError, type Parser, parse } from 'csv-parse';
import { FeedError } from './errors.ts';
import { MAX_RECORD_BYTES, type ReadOptions, type RecordBatch, type SourceRecord } from './records.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
/** The parser looks three bytes ahead before it takes a row for complete; a few more do no harm, empty lines are no rows. */
const LOOKAHEAD = Buffer.from('\n'.repeat(8));

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
  const collector = new Collector(source);
  const parser = parse({
    bom: true,
    delimiter: options.delimiter,
    max_record_size: MAX_RECORD_BYTES,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    relax_quotes: options.lenientQuotes,
    skip_empty_lines: true,
    trim: options.delimiter !== '\t' && options.delimiter !== ' ',
    // Records are taken out of the parser as they are found: those that a failing stream has buffered would be lost.
    on_record: (values: string[], { lines }) => collector.add(values, lines),
  });
  parser.on('error', () => {});
  parser.resume();
  let insideQuotes = false;
  try {
    for await (const chunk of chunks) {
      for (let at = chunk.indexOf(QUOTE); at !== -1; at = chunk.indexOf(QUOTE, at + 1)) insideQuotes = !insideQuotes;
      // The last row of a chunk would wait for the next chunk, which on a live input may be long in coming.
      const push = chunk.at(-1) === NEWLINE && !insideQuotes;
      const failure = await write(parser, push ? Buffer.concat([chunk, LOOKAHEAD]) : chunk);
      if (push) collector.extraLines += LOOKAHEAD.length;
      yield collector.take();
      if (failure !== undefined) throw failure;
    }
    const failure = await end(parser);
    yield collector.take();
    if (failure !== undefined) throw failure;
    if (collector.header === undefined) throw new FeedError('FORMAT', { source }, 'is empty: the first line must name the columns');
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] - collector.extraLines : undefined;
    throw new FeedError('FORMAT', { source, line }, error.message.replace(/ at line \d+/, ''), { cause: error });
  } finally {
    parser.destroy();
  }
}

/** Gathers what the parser finds, and knows the lines better than it does. */
class Collector {
  header: readonly string[] | undefined;
  /** Lines that the parser has counted so far and the source does not have. */
  extraLines = 0;
  readonly #source: string;
  #records: SourceRecord[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  add(values: string[], endLine: number): null {
    let line = endLine - this.extraLines;
    for (const value of values) {
      const feeds = count(value, '\n');
      const returns = count(value, '\r');
      line -= feeds + returns;
      // Within quotes the parser takes a carriage return for a line of its own.
      this.extraLines += returns;
    }
    if (this.header === undefined) this.header = headerOf(values, this.#source, line);
    else if (values.length === this.header.length) this.#records.push({ line, values });
    else {
      const problem = `the row has ${values.length} values, the header ${this.header.length} columns`;
      this.#records.push({ line, values: [], problem });
    }
    return null;
  }

  take(): RecordBatch {
    const records = this.#records;
    this.#records = [];
    return { header: this.header, records };
  }
}

function count(text: string, letter: string): number {
  return text.includes(letter) ? text.split(letter).length - 1 : 0;
}

function headerOf(values: readonly string[], source: string, line: number): readonly string[] {
  const names = values.map((name) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw new FeedError('FORMAT', { source, line, column: twice }, 'there are two columns of this name');
  return names;
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
