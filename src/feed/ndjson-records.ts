import { parseExactJson } from '../core/tickerplant/values.ts';
import { tableColumnName } from './column-mapping.ts';
import { MAX_RECORD_BYTES, type RecordBatch, type SourceRecord } from './records.ts';

const NEWLINE = 0x0a;

/**
 * Cuts newline-delimited JSON into records, a batch for what each chunk of bytes completes. A line that is no JSON object
 * or too long comes with a `problem`; empty lines are no rows. Whole numbers beyond 2^53 keep their digits.
 */
export async function* ndjsonRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<RecordBatch, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  let skipping = false;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk]);
    const records: SourceRecord[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      line++;
      const record = skipping || end - start > MAX_RECORD_BYTES ? tooLong(line) : recordOf(bytes.toString('utf8', start, end), line);
      skipping = false;
      if (record !== undefined) records.push(record);
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > MAX_RECORD_BYTES) {
      skipping = true;
      rest = Buffer.alloc(0);
    }
    yield { header: undefined, records };
  }
  const last = skipping ? tooLong(line + 1) : recordOf(rest.toString(), line + 1);
  if (last !== undefined) yield { header: undefined, records: [last] };
}

function recordOf(text: string, line: number): SourceRecord | undefined {
  const trimmed = (line === 1 ? text.replace(/^\ufeff/, '') : text).trim();
  if (trimmed === '') return undefined;
  try {
    const values = parseExactJson(trimmed);
    if (typeof values === 'object' && values !== null && !Array.isArray(values))
      return { line, values: withTableNames(values as Record<string, unknown>) };
    return { line, values: {}, problem: 'a row must be a JSON object' };
  } catch (error) {
    return { line, values: {}, problem: `no JSON (${(error as Error).message})` };
  }
}

/** Keys that can't be a table's column are found under the name that one would have, too. */
function withTableNames(values: Record<string, unknown>): Readonly<Record<string, unknown>> {
  for (const key of Object.keys(values)) {
    const name = tableColumnName(key);
    if (name !== key && !Object.hasOwn(values, name)) Object.defineProperty(values, name, { value: values[key], enumerable: false });
  }
  return values;
}

function tooLong(line: number): SourceRecord {
  return { line, values: {}, problem: `the line is longer than ${MAX_RECORD_BYTES} bytes` };
}
