import type { Column, Value } from '../core/tickerplant/schema.ts';
import { nsToTimespan } from '../core/tickerplant/times.ts';
import { isInfinite, isNull } from './nulls.ts';
import { textOf } from './text.ts';
import { dateOfDays, dateOfMonth, timespanOfMs, timestampOfDatetime, timestampOfNs } from './times.ts';
import type { BasicType, K, KVector } from './types.ts';

const MS_PER_MINUTE = 60_000;
const MS_PER_SECOND = 1000;

/** Data that can't be rows of its table. The message is one of kdb+'s words and why. */
export class RowsError extends Error {
  override readonly name = 'RowsError';
}

/** How data is read that comes from elsewhere. */
export interface RowsOptions {
  /** The names of the columns in a list of columns or values, in its order. Left out: the table's own. */
  readonly names?: readonly string[] | undefined;
  /** Columns that the table has not are left out, not an error. */
  readonly ignoreOthers?: boolean | undefined;
}

/**
 * The rows in the data of an `upd`: a table, a dictionary, a list of columns, or the values of one row. Values are in a form that the core's
 * `coerceRow` takes; columns in the table's order, without the time where the data has none. Nulls are null, and so are
 * the infinities, which the core doesn't know.
 * @throws RowsError.
 */
export function rowsOfData(columns: readonly Column[], data: K, options: RowsOptions = {}): readonly (readonly Value[])[] {
  const { names, values } = columnsOf(options.names ?? columns.map(({ name }) => name), data);
  const count = values[0]?.length ?? 0;
  if (values.some((column) => column.length !== count)) throw new RowsError('length: columns of different lengths');
  const unknown = names.find((name) => !columns.some((column) => column.name === name));
  if (unknown !== undefined && options.ignoreOthers !== true) throw new RowsError(`${unknown}: there is no such column`);
  const wanted = names.includes('time') ? columns : columns.slice(1);
  const places = wanted.map(({ name }) => names.indexOf(name));
  const rows: Value[][] = [];
  for (let i = 0; i < count; i++) rows.push(places.map((place) => values[place]?.[i] ?? null));
  return rows;
}

interface NamedColumns {
  readonly names: readonly string[];
  readonly values: readonly (readonly Value[])[];
}

function columnsOf(names: readonly string[], data: K): NamedColumns {
  switch (data.kind) {
    case 'table':
      return { names: data.columns.map(({ name }) => name), values: data.columns.map(({ values }) => itemsOf(values)) };
    case 'dictionary':
      if (data.keys.kind !== 'vector' || data.keys.type !== 'symbol') break;
      return { names: data.keys.values, values: itemsOf(data.values).map((value) => [value]) };
    case 'vector':
      return unnamed(
        names,
        itemsOf(data).map((value) => [value]),
      );
    case 'list': {
      // As kdb+ tick tells them apart: what begins with an atom is a row.
      const isRow = data.items[0] === undefined || data.items[0].kind === 'atom';
      return unnamed(names, isRow ? data.items.map((item) => [itemValue(item)]) : data.items.map(itemsOf));
    }
    default:
  }
  throw new RowsError('type: rows are a table, a list of columns, or a list of values');
}

/** As many columns as there are names, or one less: then the time is missing. */
function unnamed(names: readonly string[], values: NamedColumns['values']): NamedColumns {
  if (values.length === names.length) return { names, values };
  if (values.length === names.length - 1 && names[0] === 'time') return { names: names.slice(1), values };
  throw new RowsError(`length: the table has ${names.length} columns, the data ${values.length}`);
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
