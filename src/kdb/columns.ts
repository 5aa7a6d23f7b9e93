import { Buffer } from 'node:buffer';
import type { Column, ColumnType, Row, Value } from '../core/tickerplant/schema.ts';
import type { ByteWriter } from './byte-writer.ts';
import { writeListHead, writeSymbol, writeTableHead, writeVectorHead } from './encode.ts';
import { NULL_INT, NULL_LONG, NULL_SHORT } from './nulls.ts';
import { daysOfDate, nsOfTimespan, nsOfTimestamp } from './times.ts';
import { type BasicType, type KTable, type KVector, TYPE_LETTERS } from './types.ts';

/** What our columns are in kdb+. A string column is a list of char vectors, which has no type of its own. */
export const KDB_TYPES: Readonly<Record<ColumnType, BasicType | undefined>> = {
  timestamp: 'timestamp',
  timespan: 'timespan',
  date: 'date',
  symbol: 'symbol',
  string: undefined,
  float: 'float',
  real: 'real',
  long: 'long',
  int: 'int',
  short: 'short',
  boolean: 'boolean',
};

/** The letter that `meta` shows for a column: `C` for strings. */
export function letterOf(type: ColumnType): string {
  const basic = KDB_TYPES[type];
  return basic === undefined ? 'C' : TYPE_LETTERS[basic];
}

const EMPTY: Readonly<Record<BasicType, () => KVector['values']>> = {
  boolean: () => new Uint8Array(0),
  guid: () => [],
  byte: () => new Uint8Array(0),
  short: () => new Int16Array(0),
  int: () => new Int32Array(0),
  long: () => new BigInt64Array(0),
  real: () => new Float32Array(0),
  float: () => new Float64Array(0),
  char: () => new Uint8Array(0),
  symbol: () => [],
  timestamp: () => new BigInt64Array(0),
  month: () => new Int32Array(0),
  date: () => new Int32Array(0),
  datetime: () => new Float64Array(0),
  timespan: () => new BigInt64Array(0),
  minute: () => new Int32Array(0),
  second: () => new Int32Array(0),
  time: () => new Int32Array(0),
};

/** A table without rows: what `.u.sub` answers, with `g#` on `sym` as a tickerplant has it. */
export function emptyTable(columns: readonly Column[]): KTable {
  return {
    kind: 'table',
    attribute: 'none',
    columns: columns.map(({ name, type }) => {
      const basic = KDB_TYPES[type];
      if (basic === undefined) return { name, values: { kind: 'list', items: [] } };
      const attribute = name === 'sym' ? 'grouped' : 'none';
      return { name, values: { kind: 'vector', type: basic, attribute, values: EMPTY[basic]() } as KVector };
    }),
  };
}

/** Writes rows in their one form (see `ColumnType`) as a table. Null is kdb+'s null of the type; a boolean, which has none, is false. */
export function writeRows(writer: ByteWriter, columns: readonly Column[], names: readonly string[], rows: readonly Row[]): void {
  writeTableHead(writer, names);
  for (let i = 0; i < columns.length; i++) {
    const { type } = columns[i] as Column;
    const basic = KDB_TYPES[type];
    if (basic === undefined) writeListHead(writer, rows.length);
    else writeVectorHead(writer, basic, 'none', rows.length);
    const writeValue = WRITE[type];
    for (const row of rows) writeValue(writer, row[i] ?? null);
  }
}

const WRITE: Readonly<Record<ColumnType, (writer: ByteWriter, value: Value) => void>> = {
  timestamp: (writer, value) => writer.int64(value === null ? NULL_LONG : nsOfTimestamp(value as string)),
  timespan: (writer, value) => writer.int64(value === null ? NULL_LONG : nsOfTimespan(value as string)),
  date: (writer, value) => writer.int32(value === null ? NULL_INT : daysOfDate(value as string)),
  symbol: (writer, value) => writeSymbol(writer, (value ?? '') as string),
  string: (writer, value) => {
    const text = (value ?? '') as string;
    writeVectorHead(writer, 'char', 'none', Buffer.byteLength(text));
    writer.text(text);
  },
  float: (writer, value) => writer.float64(value === null ? Number.NaN : Number(value)),
  real: (writer, value) => writer.float32(value === null ? Number.NaN : Number(value)),
  long: (writer, value) => writer.int64(value === null ? NULL_LONG : BigInt(value as number | bigint)),
  int: (writer, value) => writer.int32(value === null ? NULL_INT : Number(value)),
  short: (writer, value) => writer.int16(value === null ? NULL_SHORT : Number(value)),
  boolean: (writer, value) => writer.uint8(value === true ? 1 : 0),
};
