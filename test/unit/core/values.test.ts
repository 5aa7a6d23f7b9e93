import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import type { Column, ColumnType, Row, TableSchema } from '../../../src/core/tickerplant/schema.ts';
import {
  coerceRow,
  coerceValue,
  decodeRows,
  encodeRows,
  SchemaError,
  schemaOf,
  ValueError,
  validateSchema,
} from '../../../src/core/tickerplant/values.ts';
import { codePoint } from '../../support/code-point.ts';

const column = (type: ColumnType): Column => ({ name: 'x', type });
const trade: TableSchema = schemaOf('trade', { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' });
const spans: TableSchema = schemaOf('spans', { time: 'timespan', sym: 'symbol' });

test.each<[ColumnType, unknown, unknown]>([
  ['timestamp', '2026-11-20T14:30:00Z', '2026-11-20T14:30:00.000Z'],
  ['timestamp', '2026-11-20 14:30', '2026-11-20T14:30:00.000Z'],
  ['timestamp', '2026-11-20T14:30:00.123456+02:00', '2026-11-20T12:30:00.123456Z'],
  ['timestamp', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['timestamp', '0Np', null],
  ['timespan', '14:30:00.5', '0D14:30:00.500000000'],
  ['timespan', '-1D00:00:01', '-1D00:00:01.000000000'],
  ['timespan', '2026-11-20T14:30:00.000000001Z', '0D14:30:00.000000001'],
  ['timespan', '0Nn', null],
  ['date', '2026.11.20', '2026-11-20'],
  ['date', '2026-11-20T23:30:00-01:00', '2026-11-21'],
  ['date', new Date(0), '1970-01-01'],
  ['symbol', 'AAPL', 'AAPL'],
  ['symbol', '0N', '0N'],
  ['string', 'a\ud800b', 'a\ufffdb'],
  ['string', '', null],
  ['float', '39.81', 39.81],
  ['float', -0, 0],
  ['float', Number.NaN, null],
  ['float', '0n', null],
  ['float', 7n, 7],
  ['real', 1.5, 1.5],
  ['long', 9007199254740991, 9007199254740991],
  ['long', 9007199254740991n, 9007199254740991],
  ['long', '9007199254740993', 9007199254740993n],
  ['long', '12.0', 12],
  ['long', '0N', null],
  ['int', '+5', 5],
  ['short', -32767, -32767],
  ['boolean', '1b', true],
  ['boolean', 0, false],
  ['boolean', 'False', false],
  ['float', undefined, null],
])('a %s given as %o becomes %o', (type, input, expected) => {
  expect(coerceValue(column(type), input)).toStrictEqual(expected);
});

test.each<[ColumnType, unknown]>([
  ['timestamp', 1700000000],
  ['timestamp', '2026-02-30T00:00:00Z'],
  ['timestamp', '2300-01-01T00:00:00Z'],
  ['timestamp', '2026-11-20T14:30:00.1234567891Z'],
  ['timestamp', new Date(Number.NaN)],
  ['timespan', '25:00'],
  ['date', '2025-02-29'],
  ['symbol', 5],
  ['symbol', 'A\0B'],
  ['symbol', 'A\ud800'],
  ['string', { text: 'a' }],
  ['float', '1e999'],
  ['float', Number.POSITIVE_INFINITY],
  ['float', '0x10'],
  ['float', true],
  ['real', 1e39],
  ['long', 2 ** 53],
  ['long', 2n ** 63n],
  ['long', -(2n ** 63n)],
  ['long', '1'.repeat(1000)],
  ['int', 2147483648],
  ['int', 1.5],
  ['short', '-32768'],
  ['boolean', 'yes'],
])('a %s given as %o is refused, naming the column', (type, input) => {
  expect(() => coerceValue(column(type), input)).toThrow(ValueError);
  expect(() => coerceValue(column(type), input)).toThrow(/^column x: /);
});

test('coercing twice changes nothing', () => {
  const value = fc.oneof(
    fc.string({ unit: codePoint }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.date(),
    fc.boolean(),
    fc.constantFrom('12:00', '2026-01-01', '7'),
  );
  const type = fc.constantFrom<ColumnType[]>(
    'timestamp',
    'timespan',
    'date',
    'symbol',
    'string',
    'float',
    'real',
    'long',
    'int',
    'short',
    'boolean',
  );
  fc.assert(
    fc.property(type, value, (kind, input) => {
      let once: unknown;
      try {
        once = coerceValue(column(kind), input);
      } catch (error) {
        expect(error).toBeInstanceOf(ValueError);
        return;
      }
      expect(coerceValue(column(kind), once)).toStrictEqual(once);
    }),
  );
});

test('a row is made from values in order or by name, and what is absent by name is null', () => {
  const row = ['2026-11-20T14:30:00.123Z', 'AAPL', 39.81, null];
  expect(coerceRow(trade, ['2026-11-20T14:30:00.123Z', 'AAPL', '39.81', ''])).toStrictEqual(row);
  expect(coerceRow(trade, { sym: 'AAPL', price: 39.81, time: '2026-11-20T14:30:00.123Z' })).toStrictEqual(row);
});

test('a row without its time gets the time put in front, of the kind that the column has', () => {
  const now = Date.UTC(2026, 10, 20, 14, 30, 0, 123) + 0.456;
  expect(coerceRow(trade, ['AAPL', 1, 2], now)).toStrictEqual(['2026-11-20T14:30:00.123456Z', 'AAPL', 1, 2]);
  expect(coerceRow(spans, ['AAPL'], now)).toStrictEqual(['0D14:30:00.123456000', 'AAPL']);
  expect(coerceRow(spans, { sym: 'AAPL' }, now)).toStrictEqual(['0D14:30:00.123456000', 'AAPL']);
  expect(() => coerceRow(trade, ['AAPL', 1, 2])).toThrow('table trade has 4 columns, the row 3 values');
});

test('a row without a symbol, with a column too many or of no kind at all is refused', () => {
  expect(() => coerceRow(trade, [null, '', 1, 2])).toThrow('column sym: a row needs its symbol');
  expect(() => coerceRow(trade, [null, 'AAPL', 1, 2, 3])).toThrow('has 4 columns, the row 5 values');
  expect(() => coerceRow(trade, { sym: 'AAPL', prize: 1 })).toThrow('column prize: table trade has no such column');
  expect(() => coerceRow(trade, 'AAPL' as never)).toThrow('a row is an array of values');
  expect(() => coerceRow(trade, JSON.parse('{"sym":"AAPL","__proto__":1}'))).toThrow('column __proto__');
});

test('rows go through JSON unchanged, with longs of 64 bits and large floats told apart', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.constantFrom(null, true, false, 1e17, -1e20, -(2n ** 60n), '12345678901234567890'),
  );
  fc.assert(
    fc.property(fc.array(fc.array(cell, { maxLength: 5 }), { maxLength: 5 }), (rows: Row[]) => {
      expect(decodeRows(encodeRows(rows))).toStrictEqual(rows);
    }),
  );
});

test('bigints are bare digits in the JSON, and published rows read them back', () => {
  const json = encodeRows([[null, 'AAPL', 1e17, 2n ** 62n]]);
  expect(Buffer.from(json).toString()).toBe('[[null,"AAPL",1e+17,4611686018427387904]]');
  expect(new PublishedRows('trade', 'AAPL', 1, 1, 1, json).rows).toStrictEqual([[null, 'AAPL', 1e17, 2n ** 62n]]);
});

test.each<[string, Column[], string | undefined]>([
  ['trade', [{ name: 'sym', type: 'symbol' }], "'timesym"],
  [
    'trade',
    [
      { name: 'time', type: 'date' },
      { name: 'sym', type: 'symbol' },
    ],
    "column time: 'timesym",
  ],
  [
    'trade',
    [
      { name: 'time', type: 'timespan' },
      { name: 'sym', type: 'string' },
    ],
    "column sym: 'timesym",
  ],
  ['trade', [], "'timesym"],
  ['1trade', [...spans.columns], 'table 1trade: a name is'],
  ['trade', [...spans.columns, { name: 'a-b', type: 'float' }], 'column a-b: a name is'],
  ['trade', [...spans.columns, { name: 'sym', type: 'float' }], 'column sym: there are two'],
  ['trade', [...spans.columns, { name: 'p', type: 'decimal' as ColumnType }], 'unknown type "decimal"'],
])('the table %s with columns %o is refused', (name, columns, message) => {
  expect(() => validateSchema({ name, columns })).toThrow(SchemaError);
  expect(() => validateSchema({ name, columns })).toThrow(message);
});
