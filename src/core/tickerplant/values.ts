import { Buffer } from 'node:buffer';
import type { Column, ColumnType, Row, TableSchema, Value } from './schema.ts';
import { parseDate, parseTimespan, parseTimestamp, timeOfDayIn, timeOfDayOf, timestampOf } from './times.ts';

/** A value that does not fit its column, or a row that does not fit its table (then `column` is undefined). */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly column: string | undefined;

  constructor(column: string | undefined, message: string) {
    super(column === undefined ? message : `column ${column}: ${message}`);
    this.column = column;
  }
}

/** A table that can't be one: names the table and, where it is one column's fault, the column. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly table: string;
  readonly column: string | undefined;

  constructor(table: string, column: string | undefined, message: string) {
    super(`table ${table}${column === undefined ? '' : `, column ${column}`}: ${message}`);
    this.table = table;
    this.column = column;
  }
}

/** kdb+'s nulls as people export them: `0N`, `0n`, `0Nj`, `0Np`, … */
const NULL_TEXT = /^(?:0N[a-z]?|0n)$/;
const WHOLE = /^[+-]?\d+(?:\.0*)?$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** Largest magnitudes; the one number below the negative is kdb+'s null, and so no value. */
const MAX_SHORT = 2n ** 15n - 1n;
const MAX_INT = 2n ** 31n - 1n;
const MAX_LONG = 2n ** 63n - 1n;
const MAX_DIGITS = 25;

const COERCE: Readonly<Record<ColumnType, (column: Column, input: unknown) => Value>> = {
  timestamp: coerceTimestamp,
  timespan: coerceTimespan,
  date: coerceDate,
  symbol: coerceSymbol,
  string: (column, input) => (typeof input === 'string' ? input.toWellFormed() : refuse(column, input, 'text')),
  float: (column, input) => coerceFloat(column, input, Number.MAX_VALUE),
  real: (column, input) => coerceFloat(column, input, 3.4028234663852886e38),
  long: (column, input) => coerceWhole(column, input, MAX_LONG),
  int: (column, input) => coerceWhole(column, input, MAX_INT),
  short: (column, input) => coerceWhole(column, input, MAX_SHORT),
  boolean: coerceBoolean,
};

/**
 * Brings a value to its column's one form (see `ColumnType`). null, undefined and `''` are null, and so are kdb+'s null
 * texts and NaN in columns of numbers and times. Numbers and times may come as text; a time as a Date too, but never as a bare number,
 * which has no unit. Lone surrogates are repaired in strings, refused in symbols.
 * @throws ValueError naming the column, what is wanted and what was given.
 */
export function coerceValue(column: Column, input: unknown): Value {
  if (input === null || input === undefined || input === '') return null;
  if (typeof input === 'string' && column.type !== 'symbol' && column.type !== 'string' && NULL_TEXT.test(input)) return null;
  return COERCE[column.type](column, input);
}

/**
 * A row of a table, from values in column order or an object by column names (what it has not is null). With `now`
 * (milliseconds since 1970) a row without its time, one value short or without the key, gets it put in front, as in kdb+ tick.
 * @throws ValueError for a value, a wrong number of values, a name that is no column, or a row without a symbol.
 */
export function coerceRow(schema: TableSchema, values: readonly unknown[] | Readonly<Record<string, unknown>>, now?: number): Row {
  const { columns } = schema;
  const inputs = Array.isArray(values) ? inOrder(schema, values, now) : byName(schema, values as Readonly<Record<string, unknown>>, now);
  const row = new Array<Value>(columns.length);
  for (let i = 0; i < columns.length; i++) row[i] = coerceValue(columns[i] as Column, inputs[i]);
  if (row[1] === null) throw new ValueError(columns[1]?.name, 'a row needs its symbol');
  return row;
}

/**
 * Rows as a JSON array of arrays, UTF-8. A bigint is written in bare digits, and a float beyond 2^53 with an exponent, so
 * that {@link decodeRows} can tell them apart.
 */
export function encodeRows(rows: readonly Row[]): Uint8Array {
  for (const row of rows) {
    for (const value of row) if (isWide(value)) return Buffer.from(`[${rows.map(encodeWideRow).join(',')}]`);
  }
  return Buffer.from(JSON.stringify(rows));
}

/** The rows that {@link encodeRows} wrote: whole numbers beyond 2^53 in bare digits come back as bigints. @throws SyntaxError where it is no JSON. */
export function decodeRows(json: Uint8Array): readonly Row[] {
  const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString();
  return parseExactJson(text) as readonly Row[];
}

/** JSON.parse, but whole numbers beyond 2^53 in bare digits are read as bigints and lose nothing. @throws SyntaxError. */
export function parseExactJson(text: string): unknown {
  return /\d{16}/.test(text) ? JSON.parse(text, reviveWide) : JSON.parse(text);
}

/**
 * Checks a table: names are letters, digits and `_`, beginning with a letter, and unique; the first column is `time`
 * (timespan or timestamp), the second `sym` (symbol).
 * @throws SchemaError, with kdb+'s word for it, `'timesym`, where the first two are others.
 */
export function validateSchema(definition: TableSchema): void {
  const { name: table, columns } = definition;
  if (!NAME.test(table)) throw new SchemaError(table, undefined, `a name is letters, digits and _, beginning with a letter`);
  const [time, sym] = columns;
  if (time?.name !== 'time' || (time.type !== 'timespan' && time.type !== 'timestamp')) {
    throw new SchemaError(table, time?.name, `'timesym: the first column must be time, a timespan or timestamp`);
  }
  if (sym?.name !== 'sym' || sym.type !== 'symbol')
    throw new SchemaError(table, sym?.name, `'timesym: the second column must be sym, a symbol`);
  const seen = new Set<string>();
  for (const column of columns) {
    if (!NAME.test(column.name)) throw new SchemaError(table, column.name, 'a name is letters, digits and _, beginning with a letter');
    if (!Object.hasOwn(COERCE, column.type)) throw new SchemaError(table, column.name, `unknown type ${JSON.stringify(column.type)}`);
    if (seen.has(column.name)) throw new SchemaError(table, column.name, 'there are two of this name');
    seen.add(column.name);
  }
}

/** A table's schema from its columns by name, in their order: `{ time: 'timestamp', sym: 'symbol', … }`. @throws SchemaError as {@link validateSchema}. */
export function schemaOf(table: string, columns: Readonly<Record<string, ColumnType>>): TableSchema {
  const schema = { name: table, columns: Object.entries(columns).map(([name, type]) => ({ name, type })) };
  validateSchema(schema);
  return schema;
}

function inOrder(schema: TableSchema, values: readonly unknown[], now: number | undefined): readonly unknown[] {
  const wanted = schema.columns.length;
  if (values.length === wanted) return values;
  if (values.length === wanted - 1 && now !== undefined) return [timeFor(schema, now), ...values];
  throw new ValueError(undefined, `table ${schema.name} has ${wanted} columns, the row ${values.length} values`);
}

function byName(schema: TableSchema, values: Readonly<Record<string, unknown>>, now: number | undefined): readonly unknown[] {
  if (typeof values !== 'object' || values === null)
    throw new ValueError(undefined, 'a row is an array of values or an object by column names');
  for (const key of Object.keys(values)) {
    if (!schema.columns.some((column) => column.name === key)) throw new ValueError(key, `table ${schema.name} has no such column`);
  }
  const inputs: unknown[] = schema.columns.map(({ name }) => (Object.hasOwn(values, name) ? values[name] : undefined));
  if (inputs[0] === undefined && now !== undefined) inputs[0] = timeFor(schema, now);
  return inputs;
}

function timeFor(schema: TableSchema, now: number): string {
  return schema.columns[0]?.type === 'timespan' ? timeOfDayOf(now) : timestampOf(now);
}

function coerceTimestamp(column: Column, input: unknown): Value {
  return parseTimestamp(timeText(column, input)) ?? refuse(column, input, 'an ISO 8601 time from 1707 to 2292, to the nanosecond');
}

function coerceTimespan(column: Column, input: unknown): Value {
  const text = timeText(column, input);
  const span = parseTimespan(text);
  if (span !== undefined) return span;
  const timestamp = parseTimestamp(text);
  return timestamp === undefined ? refuse(column, input, 'a time of day or span, 0D14:30:00.123456789') : timeOfDayIn(timestamp);
}

function coerceDate(column: Column, input: unknown): Value {
  const text = timeText(column, input);
  return parseDate(text) ?? parseTimestamp(text)?.slice(0, 10) ?? refuse(column, input, 'a date, 2026-11-20');
}

function timeText(column: Column, input: unknown): string {
  if (typeof input === 'string') return input;
  if (input instanceof Date && !Number.isNaN(input.getTime())) return input.toISOString();
  if (typeof input === 'number' || typeof input === 'bigint') return refuse(column, input, 'text or a Date (a bare number has no unit)');
  return refuse(column, input, 'text or a Date');
}

function coerceSymbol(column: Column, input: unknown): Value {
  if (typeof input !== 'string') return refuse(column, input, 'text');
  if (input.includes('\0') || !input.isWellFormed()) return refuse(column, input, 'a symbol, well-formed Unicode without NUL');
  return input;
}

function coerceFloat(column: Column, input: unknown, max: number): Value {
  if (input === 'NaN' || input === 'nan') return null;
  const number =
    typeof input === 'number' || typeof input === 'bigint' || (typeof input === 'string' && DECIMAL.test(input))
      ? Number(input)
      : undefined;
  if (number === undefined) return refuse(column, input, 'a number');
  if (Number.isNaN(number)) return null;
  if (Math.abs(number) > max) return refuse(column, input, Number.isFinite(number) ? 'a number of 4 bytes' : 'a finite number');
  return number + 0;
}

function coerceWhole(column: Column, input: unknown, max: bigint): Value {
  if (typeof input === 'number' && Number.isNaN(input)) return null;
  if (typeof input === 'number' && !Number.isSafeInteger(input)) {
    return refuse(column, input, Number.isInteger(input) ? 'a bigint or text beyond 2^53, where a number loses digits' : 'a whole number');
  }
  if (typeof input === 'number') return Math.abs(input) <= max ? input + 0 : refuse(column, input, `a whole number from -${max} to ${max}`);
  const exact =
    typeof input === 'bigint'
      ? input
      : typeof input === 'string' && input.length <= MAX_DIGITS && WHOLE.test(input)
        ? BigInt(input.split('.')[0]?.replace('+', '') ?? '')
        : undefined;
  if (exact === undefined) return refuse(column, input, 'a whole number');
  if (exact > max || exact < -max) return refuse(column, input, `a whole number from -${max} to ${max}`);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

function coerceBoolean(column: Column, input: unknown): Value {
  if (typeof input === 'boolean') return input;
  const text = typeof input === 'string' ? input.toLowerCase() : input;
  if (text === 'true' || text === '1' || text === '1b' || text === 1) return true;
  if (text === 'false' || text === '0' || text === '0b' || text === 0) return false;
  return refuse(column, input, 'true or false');
}

function refuse(column: Column, input: unknown, wanted: string): never {
  throw new ValueError(column.name, `${column.type} must be ${wanted}, not ${shown(input)}`);
}

function shown(input: unknown): string {
  if (typeof input === 'string') return JSON.stringify(input.length > 40 ? `${input.slice(0, 40)}…` : input);
  if (typeof input === 'number' || typeof input === 'bigint' || typeof input === 'boolean') return String(input);
  if (Array.isArray(input)) return 'an array';
  return input instanceof Date ? 'an invalid Date' : `a value of type ${typeof input}`;
}

function isWide(value: Value): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER));
}

function encodeWideRow(row: Row): string {
  return `[${row.map((value) => (typeof value === 'bigint' ? String(value) : isWide(value) ? (value as number).toExponential() : JSON.stringify(value))).join(',')}]`;
}

function reviveWide(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
