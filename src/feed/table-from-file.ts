import type { Column, ColumnType, TableSchema } from '../core/tickerplant/schema.ts';
import { coerceValue, validateSchema } from '../core/tickerplant/values.ts';
import { fileSource } from './bytes.ts';
import { type ColumnMapping, type ColumnSource, parseColumnMapping, tableColumnName } from './column-mapping.ts';
import type { ReplayFeedConfig } from './config.ts';
import { FeedError } from './errors.ts';
import { delimiterOf, formatOf, type SourceRecord } from './records.ts';
import { recordsOf } from './text-feed.ts';

const MAX_COLUMNS = 1000;
/** Text that repeats and is short names things (kdb+'s symbol); other text is said once (string). */
const MAX_SYMBOL_VALUES = 1000;
const MAX_SYMBOL_LENGTH = 64;

/**
 * The table that a file makes: `time` and `sym` as they are mapped, then the other mapped columns, then the file's
 * unmapped ones in its order, under names that columns can have. Types are what all values of the file fit: float,
 * boolean, symbol (up to 1000 different texts of up to 64 characters) or string; `time` is a timestamp, or a timespan where the file has
 * times of day. Reads the file through once, in bounded memory.
 * @throws FeedError `CONFIG` without a `sym`, `NOT_FOUND`, `IO`, `FORMAT`.
 */
export async function tableFromFile(config: ReplayFeedConfig, table: string, signal?: AbortSignal): Promise<TableSchema> {
  const source = fileSource(config.file, config.gzip);
  const mapping = parseColumnMapping(config.columns);
  const read = { delimiter: config.delimiter ?? delimiterOf(config.file), lenientQuotes: config.onBadRow === 'count' };
  const found = new Map<string, Sniffer>();
  let header: readonly string[] | undefined;
  for await (const batch of recordsOf(source, config.format ?? formatOf(config.file), read, signal ?? new AbortController().signal)) {
    header = batch.header;
    for (const name of header ?? []) if (!found.has(name)) found.set(name, new Sniffer());
    for (const record of batch.records) sniff(found, header, record);
    if (found.size > MAX_COLUMNS) throw new FeedError('FORMAT', { source: source.name }, `has more than ${MAX_COLUMNS} columns`);
  }
  const schema = { name: table, columns: columnsOf(mapping, found, source.name) };
  try {
    validateSchema(schema);
  } catch (error) {
    throw new FeedError('CONFIG', { source: source.name }, (error as Error).message, { cause: error });
  }
  return schema;
}

function sniff(found: Map<string, Sniffer>, header: readonly string[] | undefined, { values, problem }: SourceRecord): void {
  if (problem !== undefined) return;
  for (const [name, value] of header === undefined
    ? Object.entries(values)
    : header.map((name, i) => [name, (values as readonly unknown[])[i]] as const)) {
    let sniffer = found.get(name);
    if (sniffer === undefined) {
      sniffer = new Sniffer();
      found.set(name, sniffer);
    }
    sniffer.see(value);
  }
}

function columnsOf(mapping: ColumnMapping, found: ReadonlyMap<string, Sniffer>, source: string): readonly Column[] {
  const left = new Map(found);
  const byTableName = (name: string): string | undefined => [...found.keys()].find((key) => tableColumnName(key) === name);
  const take = (column: string, mapped: ColumnSource | undefined): Sniffer | undefined => {
    if (mapped?.kind === 'constant') return new Sniffer(mapped.text);
    const name = mapped?.name ?? byTableName(column);
    const sniffer = name === undefined ? undefined : found.get(name);
    if (name !== undefined) left.delete(name);
    if (mapped !== undefined && sniffer === undefined) {
      throw new FeedError(
        'CONFIG',
        { source, column: mapped.name },
        `is mapped, but the file has ${[...found.keys()].map((key) => JSON.stringify(key)).join(', ')}`,
      );
    }
    return sniffer;
  };
  const time = take('time', mapping.get('time'));
  if (take('sym', mapping.get('sym')) === undefined) {
    throw new FeedError('CONFIG', { source }, `nothing is mapped to sym: name a column, or a constant like sym='ALL'`);
  }
  const columns: Column[] = [
    { name: 'time', type: time?.isTimeOfDay === true ? 'timespan' : 'timestamp' },
    { name: 'sym', type: 'symbol' },
  ];
  for (const [name, mapped] of mapping) {
    if (name !== 'time' && name !== 'sym') columns.push({ name, type: take(name, mapped)?.type ?? 'string' });
  }
  for (const [name, sniffer] of left) columns.push({ name: tableColumnName(name), type: sniffer.type });
  return columns;
}

/** What all values of one column fit. */
class Sniffer {
  #float = true;
  #boolean = true;
  #timeOfDay = true;
  #any = false;
  #texts: Set<string> | undefined = new Set();

  constructor(value?: unknown) {
    this.see(value);
  }

  get isTimeOfDay(): boolean {
    return this.#any && this.#timeOfDay;
  }

  get type(): ColumnType {
    if (this.#any && this.#float) return 'float';
    if (this.#any && this.#boolean) return 'boolean';
    return this.#texts === undefined ? 'string' : 'symbol';
  }

  see(value: unknown): void {
    if (value === null || value === undefined || value === '') return;
    this.#any = true;
    this.#float &&= typeof value !== 'boolean' && fits('float', value);
    this.#boolean &&= typeof value === 'boolean' || (typeof value === 'string' && /^(?:true|false)$/i.test(value));
    this.#timeOfDay &&= typeof value === 'string' && /^\d\d:/.test(value) && fits('timespan', value);
    const text = String(value);
    this.#texts?.add(text);
    if (text.length > MAX_SYMBOL_LENGTH || !fits('symbol', text) || (this.#texts?.size ?? 0) > MAX_SYMBOL_VALUES) this.#texts = undefined;
  }
}

function fits(type: ColumnType, value: unknown): boolean {
  try {
    coerceValue({ name: 'x', type }, value);
    return true;
  } catch {
    return false;
  }
}
