import type { Column, ColumnType, Row, Value } from '../core/tickerplant/schema.ts';
import type { RowsEvent } from './events.ts';

/** How rows are written: for people, for spreadsheets, for programs. */
export const ROW_FORMATS = ['table', 'csv', 'ndjson'] as const;

/** One of {@link ROW_FORMATS}. */
export type RowFormatName = (typeof ROW_FORMATS)[number];

/** Turns rows into lines, each with its line end. */
export interface RowFormat {
  /** Whether a heading is written once for all runs with one state (CSV), or at the beginning of each (table). */
  readonly headedOnce: boolean;
  /** The heading line; undefined where the format has none. */
  heading(table: string, columns: readonly Column[]): string | undefined;
  /** One row; `seq` is its number. */
  line(event: Pick<RowsEvent, 'table' | 'columns' | 'epoch'>, row: Row, seq: number): string;
}

const OWN_FIELDS = ['table', 'epoch', 'seq'];

/** A column's name beside our own fields: one that is called like one of them gets an underscore behind it. */
function outputName(column: Column): string {
  return OWN_FIELDS.includes(column.name) ? `${column.name}_` : column.name;
}

function jsonValue(value: Value | undefined): string {
  // JSON.stringify refuses bigints; JSON itself has no limit on digits.
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value ?? null);
}

const ndjson: RowFormat = {
  headedOnce: false,
  heading: () => undefined,
  line({ table, columns, epoch }, row, seq) {
    let text = `{"table":${JSON.stringify(table)},"epoch":${epoch},"seq":${seq}`;
    for (const [index, column] of columns.entries()) text += `,${JSON.stringify(outputName(column))}:${jsonValue(row[index])}`;
    return `${text}}\n`;
  },
};

/** RFC 4180 quoting; an absent value is empty, an empty text is `""`. */
function csvValue(value: Value | undefined): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csv: RowFormat = {
  headedOnce: true,
  heading: (_table, columns) => `${[...OWN_FIELDS, ...columns.map((column) => csvValue(outputName(column)))].join(',')}\n`,
  line({ table, columns, epoch }, row, seq) {
    let text = `${csvValue(table)},${epoch},${seq}`;
    for (const index of columns.keys()) text += `,${csvValue(row[index])}`;
    return `${text}\n`;
  },
};

const WIDTHS: Readonly<Record<ColumnType, number>> = {
  timestamp: 30,
  timespan: 20,
  date: 10,
  symbol: 8,
  string: 16,
  float: 12,
  real: 12,
  long: 10,
  int: 10,
  short: 6,
  boolean: 5,
};
const NUMBERS: readonly ColumnType[] = ['float', 'real', 'long', 'int', 'short'];
const SEQ_WIDTH = 9;

function cell(text: string, { name, type }: Column): string {
  const width = Math.max(WIDTHS[type], name.length);
  return NUMBERS.includes(type) ? text.padStart(width) : text.padEnd(width);
}

/** Control characters from a server must not reach a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u{fffd}');
}

const table: RowFormat = {
  headedOnce: false,
  heading: (name, columns) =>
    `${[name.padEnd(8), 'seq'.padStart(SEQ_WIDTH), ...columns.map((column) => cell(column.name, column))].join('  ').trimEnd()}\n`,
  line({ table: name, columns }, row, seq) {
    const cells = columns.map((column, index) => cell(printable(String(row[index] ?? '')), column));
    return `${[name.padEnd(8), String(seq).padStart(SEQ_WIDTH), ...cells].join('  ').trimEnd()}\n`;
  },
};

/** The format of a name. */
export function rowFormat(name: RowFormatName): RowFormat {
  return { table, csv, ndjson }[name];
}
