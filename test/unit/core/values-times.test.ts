import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  epochToNs,
  MAX_TIMESPAN_NS,
  MAX_TIMESTAMP_NS,
  MIN_TIMESTAMP_NS,
  nsToTimespan,
  nsToTimestamp,
  parseDate,
  parseEnglishDate,
  parseTimespan,
  parseTimestamp,
  timeOfDayOf,
  timespanToNs,
  timestampOf,
  timestampToNs,
} from '../../../src/core/tickerplant/times.ts';

const timestamps = fc.bigInt({ min: MIN_TIMESTAMP_NS, max: MAX_TIMESTAMP_NS });
const spans = fc.bigInt({ min: -MAX_TIMESPAN_NS, max: MAX_TIMESPAN_NS });

test('nanoseconds since 1970 and timestamps are one and the same', () => {
  fc.assert(
    fc.property(fc.oneof(timestamps, fc.constantFrom(MIN_TIMESTAMP_NS, MAX_TIMESTAMP_NS, -1n, 0n, 1_000_000n, 1000n)), (ns) => {
      const text = nsToTimestamp(ns);
      expect(timestampToNs(text)).toBe(ns);
      expect(parseTimestamp(text)).toBe(text);
    }),
  );
});

test('nanoseconds and timespans are one and the same', () => {
  fc.assert(
    fc.property(fc.oneof(spans, fc.constantFrom(MAX_TIMESPAN_NS, -MAX_TIMESPAN_NS, -1n, 0n)), (ns) => {
      const text = nsToTimespan(ns);
      expect(timespanToNs(text)).toBe(ns);
      expect(parseTimespan(text)).toBe(text);
    }),
  );
});

test('a timestamp has three, six or nine fraction digits, as few as hold it', () => {
  expect(nsToTimestamp(0n)).toBe('1970-01-01T00:00:00.000Z');
  expect(nsToTimestamp(1_000n)).toBe('1970-01-01T00:00:00.000001Z');
  expect(nsToTimestamp(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
  expect(parseTimestamp('1970-01-01T00:00:00.120000000000Z')).toBe('1970-01-01T00:00:00.120Z');
});

test('the ends are those of kdb+', () => {
  expect(nsToTimestamp(MIN_TIMESTAMP_NS)).toBe('1707-09-22T00:12:43.145224194Z');
  expect(nsToTimestamp(MAX_TIMESTAMP_NS)).toBe('2292-04-10T23:47:16.854775806Z');
  expect(nsToTimespan(MAX_TIMESPAN_NS)).toBe('106751D23:47:16.854775806');
  expect(parseTimestamp('2292-04-10T23:47:16.854775807Z')).toBeUndefined();
  expect(parseTimespan('106751D23:47:16.854775807')).toBeUndefined();
  expect(() => nsToTimestamp(MAX_TIMESTAMP_NS + 1n)).toThrow(RangeError);
  expect(() => nsToTimespan(MAX_TIMESPAN_NS + 1n)).toThrow(RangeError);
});

test.each([
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20T14:30', '2026-11-20T14:30:00.000Z'],
  ['2026-11-20 14:30:01', '2026-11-20T14:30:01.000Z'],
  ['2026-11-20t14:30:01,5z', '2026-11-20T14:30:01.500Z'],
  ['2026-11-20T00:30:00+01:00', '2026-11-19T23:30:00.000Z'],
  ['2026-12-31T23:30:00.000000001-0100', '2027-01-01T00:30:00.000000001Z'],
  ['2026-11-20T14:30:00 +05', '2026-11-20T09:30:00.000Z'],
  ['2026.11.20D14:30:00.123456789', '2026-11-20T14:30:00.123456789Z'],
])('the time %s is %s', (text, expected) => {
  expect(parseTimestamp(text)).toBe(expected);
});

test.each([
  'now',
  '2026',
  '2026-13-01',
  '2026-02-29',
  '2026-11.20',
  '2026-11-20T24:00:00',
  '2026-11-20T14:60',
  '2026-11-20T14:30:60Z',
  '2026-11-20T14:30:00+24:00',
  '2026-11-20T14:30:00Zulu',
  '2026-11-20Z',
])('%s is no time', (text) => {
  expect(parseTimestamp(text)).toBeUndefined();
  expect(() => timestampToNs(text)).toThrow(RangeError);
});

test.each([
  ['14:30', '0D14:30:00.000000000'],
  ['-0D00:00:00.000000001', '-0D00:00:00.000000001'],
  ['-00:00', '0D00:00:00.000000000'],
  ['2d01:00:00.5', '2D01:00:00.500000000'],
  ['24:00', undefined],
  ['1D', undefined],
  ['', undefined],
])('the span %s is %s', (text, expected) => {
  expect(parseTimespan(text)).toBe(expected);
});

test.each([
  ['Jan 1 2000', '2000-01-01'],
  ['Sept 30, 1999', '1999-09-30'],
  ['February 29 2000', '2000-02-29'],
  ['1 May 2004', '2004-05-01'],
  ['01-dec-2004', '2004-12-01'],
  ['February 29 2001', undefined],
  ['Foo 1 2000', undefined],
  ['Janu 1 2000', undefined],
])('the English date %s is %s', (text, expected) => {
  expect(parseEnglishDate(text)).toBe(expected);
});

test('a date is a day of the calendar', () => {
  expect(parseDate('0001-01-01')).toBe('0001-01-01');
  expect(parseDate('1900-02-29')).toBeUndefined();
  expect(parseDate('2000.02.29')).toBe('2000-02-29');
  expect(parseDate('0000-01-01')).toBeUndefined();
});

test('epoch numbers keep what they have down to the nanosecond, and say no to more', () => {
  expect(epochToNs('1700000000.123456789', 's')).toBe(1_700_000_000_123_456_789n);
  expect(epochToNs('1700000000.1234567891', 's')).toBeUndefined();
  expect(epochToNs(1_700_000_000_123.5, 'ms')).toBe(1_700_000_000_123_500_000n);
  expect(epochToNs('-1', 'us')).toBe(-1000n);
  expect(epochToNs(5n, 'ns')).toBe(5n);
  expect(epochToNs('0.5', 'ns')).toBeUndefined();
  expect(epochToNs('1e9', 's')).toBeUndefined();
  expect(epochToNs('99999999999999999999', 's')).toBeUndefined();
  expect(epochToNs(Number.NaN, 's')).toBeUndefined();
});

test('an epoch number of a unit comes back as it was', () => {
  fc.assert(fc.property(timestamps, (ns) => epochToNs(ns, 'ns') === ns));
  fc.assert(fc.property(fc.bigInt({ min: -8_000_000_000n, max: 9_000_000_000n }), (s) => epochToNs(s, 's') === s * 1_000_000_000n));
});

test("a clock's milliseconds give timestamp and time of day, before 1970 too", () => {
  expect(timestampOf(Date.UTC(2026, 0, 1) + 0.25)).toBe('2026-01-01T00:00:00.000250Z');
  expect(timestampOf(-0.5)).toBe('1969-12-31T23:59:59.999500Z');
  expect(timeOfDayOf(-1)).toBe('0D23:59:59.999000000');
  expect(() => timestampOf(Number.NaN)).toThrow(RangeError);
});
