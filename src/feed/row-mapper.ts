import type { Column, Row, TableDefinition, Value } from '../core/tickerplant/schema.ts';
import { coerceRow, coerceValue, ValueError } from '../core/tickerplant/values.ts';
import { type ColumnMapping, type ColumnSource, tableColumnName } from './column-mapping.ts';
import type { TimeFormat } from './config.ts';
import { FeedError } from './errors.ts';
import type { SourceRecord } from './records.ts';
import { isTimeType, readTime } from './time-format.ts';

/** What a mapper needs to know besides the records. */
export interface MapperOptions {
  readonly source: string;
  readonly table: TableDefinition;
  readonly mapping: ColumnMapping;
  readonly extraColumns: 'ignore' | 'error';
  readonly timeFormat: TimeFormat;
  /** The time of rows whose source has none: milliseconds since 1970. */
  readonly now: () => number;
}

type Getter = (record: SourceRecord) => unknown;

/** How one column is filled; `from` is the source's column for messages. */
interface Cell {
  readonly column: Column;
  readonly from: string | undefined;
  readonly get: Getter;
}

/** Turns records of one source into rows of one table. */
export class RowMapper {
  readonly #options: MapperOptions;
  readonly #cells: readonly Cell[];
  readonly #timeless: boolean;
  readonly #used: ReadonlySet<string>;
  readonly #checkKeys: boolean;
  readonly #listed: ReadonlySet<string> | undefined;

  /**
   * `header`: the source's columns, undefined for NDJSON.
   * @throws FeedError `CONFIG` for a mapping to or from a column that is not there, or an extra column where that is an error.
   */
  constructor(options: MapperOptions, header: readonly string[] | undefined) {
    const { table, mapping, source } = options;
    this.#options = options;
    for (const name of mapping.keys()) {
      if (!table.columns.some((column) => column.name === name)) {
        throw new FeedError(
          'CONFIG',
          { source, column: name },
          `is mapped, but table ${table.name} has ${list(table.columns.map((column) => column.name))}`,
        );
      }
    }
    this.#cells = table.columns.map((column) => cellFor(column, mapping.get(column.name), header, options));
    this.#timeless = header !== undefined && this.#cells[0]?.from === undefined && !mapping.has('time');
    this.#used = new Set(this.#cells.flatMap((cell) => (cell.from === undefined ? [] : [cell.from])));
    this.#checkKeys = header === undefined && options.extraColumns === 'error';
    this.#listed = table.symbols === undefined ? undefined : new Set(table.symbols);
    const extra = options.extraColumns === 'error' ? header?.find((name) => !this.#used.has(name)) : undefined;
    if (extra !== undefined) throw new FeedError('CONFIG', { source, line: 1, column: extra }, `goes to no column of table ${table.name}`);
  }

  /** @throws FeedError `BAD_ROW` with line and column. */
  row(record: SourceRecord): Row {
    if (record.problem !== undefined) throw this.#bad(record, undefined, record.problem);
    if (this.#checkKeys) {
      const extra = Object.keys(record.values).find((key) => !this.#used.has(key) && !this.#used.has(tableColumnName(key)));
      if (extra !== undefined) throw this.#bad(record, extra, `goes to no column of table ${this.#options.table.name}`);
    }
    const inputs = this.#cells.map((cell) => this.#input(cell, record));
    const now = this.#timeless || inputs[0] === undefined ? this.#options.now() : undefined;
    let row: Row;
    try {
      row = coerceRow(this.#options.table, now === undefined ? inputs : inputs.slice(1), now);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const from = this.#cells.find((cell) => cell.column.name === error.column)?.from;
      throw this.#bad(record, from ?? error.column, error.message.replace(/^column \w+: /, ''));
    }
    if (this.#listed?.has(row[1] as string) === false) {
      throw this.#bad(
        record,
        this.#cells[1]?.from ?? 'sym',
        `symbol ${JSON.stringify(row[1])} is not on table ${this.#options.table.name}'s list`,
      );
    }
    return row;
  }

  /** The symbol alone; undefined where the row is bad in it or not on the table's list. */
  symbol(record: SourceRecord): string | undefined {
    const cell = this.#cells[1];
    if (cell === undefined || record.problem !== undefined) return undefined;
    try {
      const symbol = coerceValue(cell.column, asText(cell.get(record))) as string | null;
      return symbol === null || this.#listed?.has(symbol) === false ? undefined : symbol;
    } catch {
      return undefined;
    }
  }

  #input({ column, from, get }: Cell, record: SourceRecord): unknown {
    const input = get(record);
    if (column.type === 'symbol' || column.type === 'string') return asText(input);
    if (!isTimeType(column.type) || from === undefined) return input;
    if (input === undefined) return undefined;
    try {
      return readTime(input, this.#options.timeFormat);
    } catch (error) {
      throw this.#bad(record, from, `${column.type}: ${(error as Error).message}`);
    }
  }

  #bad(record: SourceRecord, column: string | undefined, message: string): FeedError {
    return new FeedError('BAD_ROW', { source: this.#options.source, line: record.line, column }, message);
  }
}

function cellFor(column: Column, mapped: ColumnSource | undefined, header: readonly string[] | undefined, options: MapperOptions): Cell {
  const { source } = options;
  if (mapped?.kind === 'constant') {
    const value = constantOf(column, mapped.text, options);
    return { column, from: undefined, get: () => value };
  }
  if (header === undefined) {
    const name = mapped?.name ?? column.name;
    return {
      column,
      from: name,
      get: ({ values }) => (Object.hasOwn(values, name) ? (values as Readonly<Record<string, unknown>>)[name] : undefined),
    };
  }
  const index = mapped === undefined ? header.findIndex((name) => tableColumnName(name) === column.name) : header.indexOf(mapped.name);
  if (index === -1) {
    if (mapped !== undefined)
      throw new FeedError('CONFIG', { source, line: 1, column: mapped.name }, `is mapped, but the file has ${list(header)}`);
    if (column.name === 'sym')
      throw new FeedError('CONFIG', { source, line: 1 }, `nothing is mapped to sym, and the file has only ${list(header)}`);
    return { column, from: undefined, get: () => null };
  }
  return { column, from: header[index], get: ({ values }) => (values as readonly unknown[])[index] };
}

function constantOf(column: Column, text: string, options: MapperOptions): Value {
  try {
    return coerceValue(column, isTimeType(column.type) ? readTime(text, options.timeFormat) : text);
  } catch (error) {
    throw new FeedError('CONFIG', { source: options.source }, `the constant for ${(error as Error).message}`, { cause: error });
  }
}

/** NDJSON may have numbers where we have names: `"sym": 700`. */
function asText(input: unknown): unknown {
  return typeof input === 'number' || typeof input === 'bigint' || typeof input === 'boolean' ? String(input) : input;
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
