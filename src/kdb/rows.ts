import type { Column, Value } from '../core/tickerplant/schema.ts';
import { nsToTimespan } from '../core/tickerplant/times.ts';
import { isInfinite, isNull } from './nulls.ts';
import { textOf } from './text.ts';
import { dateOfDays, dateOfMonth, timespanOfMs, timestampOfDatetime, timestampOfNs } from './times.ts';
import type { BasicType, K, KColumn, KList, KTable, KVector } from './types.ts';

const MS_PER_MINUTE = 60_000;
const MS_PER_SECOND = 1000;

/** Data that can't be rows of its table. The message is one of kdb+'s words and why. */
export class RowsError extends Error {
  override readonly name = 'RowsError';
}

/**
 * The rows in the data of an `upd`: a table, a list of columns, or the values of one row. Values are in a form that the core's `coerceRow`
 * takes; columns in the schema's order, without the time where the data has none. Nulls are null, and so are the
 * infinities, which the core doesn't know.
 * @throws RowsError.
 */
export function rowsOfData(columns: readonly Column[], data: K): readonly (readonly Value[])[] {
  if (data.kind === 'table') return rowsOfTable(columns, data);
  if (data.kind === 'dictionary' && data.keys.kind === 'vector' && data.keys.type === 'symbol') {
    const { values: names } = data.keys;
    const row = itemsOf(data.values);
    return [inOrder(columns, names).map((index) => (index === undefined ? null : (row[index] ?? null)))];
  }
  if (data.kind === 'vector') return [widthChecked(columns, itemsOf(data))];
  if (data.kind === 'list') return rowsOfList(columns, data);
  throw new RowsError('type: rows are a table, a list of columns, or a list of values');
}

function rowsOfList(columns: readonly Column[], { items }: KList): readonly (readonly Value[])[] {
  const [first] = items;
  // As kdb+ tick tells them apart: what begins with an atom is a row.
  if (first === undefined || first.kind === 'atom') return [widthChecked(columns, items.map(itemValue))];
  return transposed(widthChecked(columns, items).map(itemsOf));
}

function rowsOfTable(columns: readonly Column[], table: KTable): readonly (readonly Value[])[] {
  const names = table.columns.map(({ name }) => name);
  const rows = rowCount(table.columns);
  const empty: readonly Value[] = new Array<Value>(rows).fill(null);
  return transposed(
    inOrder(columns, names).map((index) => (index === undefined ? empty : itemsOf((table.columns[index] as KColumn).values))),
  );
}

/** For each column of the table (without time, where the data has none) where it is in the data. */
function inOrder(columns: readonly Column[], names: readonly string[]): readonly (number | undefined)[] {
  const unknown = names.find((name) => !columns.some((column) => column.name === name));
  if (unknown !== undefined) throw new RowsError(`${unknown}: there is no such column`);
  const wanted = names.includes('time') ? columns : columns.slice(1);
  return wanted.map(({ name }) => (names.includes(name) ? names.indexOf(name) : undefined));
}

function widthChecked<Item>(columns: readonly Column[], items: readonly Item[]): readonly Item[] {
  if (items.length === columns.length || items.length === columns.length - 1) return items;
  throw new RowsError(`length: the table has ${columns.length} columns, the data ${items.length}`);
}

function transposed(columns: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  const count = columns[0]?.length ?? 0;
  if (columns.some((column) => column.length !== count)) throw new RowsError('length: columns of different lengths');
  const rows: Value[][] = [];
  for (let i = 0; i < count; i++) rows.push(columns.map((column) => column[i] ?? null));
  return rows;
}

function rowCount(columns: readonly KColumn[]): number {
  const first = columns[0]?.values;
  if (first === undefined) return 0;
  return first.kind === 'vector' ? first.values.length : first.items.length;
}

/** The items of a list as values of rows. @throws RowsError. */
function itemsOf(values: K): readonly Value[] {
  if (values.kind === 'list') return values.items.map(itemValue);
  if (values.kind !== 'vector') throw new RowsError('type: a column is a list');
  return vectorItems(values);
}

function vectorItems({ type, values }: KVector): readonly Value[] {
  const items: Value[] = [];
  for (const value of values) items.push(scalarOf(type, value));
  return items;
}

/** One item of a row: an atom, or a char vector, which is text. @throws RowsError. */
function itemValue(item: K): Value {
  if (item.kind === 'atom') return scalarOf(item.type, item.value);
  if (item.kind === 'vector' && item.type === 'char') return textOf(item.values);
  // An empty string is an empty general list where nothing says that it is text.
  if (item.kind === 'list' && item.items.length === 0) return null;
  if (item.kind === 'unary' && item.code === 0) return null;
  throw new RowsError('type: a value of a row is an atom or a string');
}

function scalarOf(type: BasicType, value: number | bigint | string | boolean): Value {
  if (isNull(type, value) || isInfinite(type, value)) return null;
  try {
    return FORM[type](value as never);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RowsError(`type: a ${type} beyond what can be held`);
  }
}

const asNumber = (value: number): Value => value;

const FORM: { readonly [Type in BasicType]: (value: never) => Value } = {
  boolean: (value: boolean | number) => value === true || value === 1,
  guid: (value: string) => value,
  byte: asNumber,
  short: asNumber,
  int: asNumber,
  long: (value: bigint) => (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value),
  real: asNumber,
  float: asNumber,
  char: (value: number) => textOf(Uint8Array.of(value)),
  symbol: (value: string) => value,
  timestamp: timestampOfNs,
  month: dateOfMonth,
  date: dateOfDays,
  datetime: timestampOfDatetime,
  timespan: nsToTimespan,
  minute: (value: number) => timespanOfMs(value * MS_PER_MINUTE),
  second: (value: number) => timespanOfMs(value * MS_PER_SECOND),
  time: timespanOfMs,
};
