import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTimeZone, parseTimeOfDay, type TradingCalendar, tradingCalendar } from '../../../src/core/tickerplant/trading-calendar.ts';

const DAY_MS = 86_400_000;

/** The ends within a stretch, asked one after the other: `2026-11-20 2026-11-20T22:00:00.000Z`. */
function ends(calendar: TradingCalendar, from: string, until: string): readonly string[] {
  const found: string[] = [];
  for (let end = calendar.nextEnd(Date.parse(from)); end.at <= Date.parse(until); end = calendar.nextEnd(end.at)) {
    expect(calendar.lastEnd(end.at)).toEqual(end);
    found.push(`${end.date} ${new Date(end.at).toISOString()}`);
  }
  return found;
}

test('midnight UTC ends the day before', () => {
  const calendar = tradingCalendar({ at: '00:00', zone: 'UTC' });
  expect(ends(calendar, '2026-12-31T12:00:00Z', '2027-01-02T12:00:00Z')).toEqual([
    '2026-12-31 2027-01-01T00:00:00.000Z',
    '2027-01-01 2027-01-02T00:00:00.000Z',
  ]);
});

test('any other time ends the date on which it falls in its zone', () => {
  const calendar = tradingCalendar({ at: '17:00', zone: 'America/New_York' });
  expect(ends(calendar, '2026-10-31T00:00:00Z', '2026-11-02T23:00:00Z')).toEqual([
    '2026-10-31 2026-10-31T21:00:00.000Z',
    '2026-11-01 2026-11-01T22:00:00.000Z',
    '2026-11-02 2026-11-02T22:00:00.000Z',
  ]);
});

test('a time that a day leaves out is the first instant after the hole', () => {
  const calendar = tradingCalendar({ at: '02:30', zone: 'Europe/Berlin' });
  expect(ends(calendar, '2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
    '2026-03-28 2026-03-28T01:30:00.000Z',
    '2026-03-29 2026-03-29T01:00:00.000Z',
    '2026-03-30 2026-03-30T00:30:00.000Z',
  ]);
});

test('a time that a day has twice is the first of the two, and there is no second', () => {
  for (const [at, first] of [
    ['01:30', '2026-11-01T05:30:00.000Z'],
    ['01:59', '2026-11-01T05:59:00.000Z'],
    ['01:00', '2026-11-01T05:00:00.000Z'],
  ] as const) {
    const calendar = tradingCalendar({ at, zone: 'America/New_York' });
    expect(ends(calendar, '2026-11-01T00:00:00Z', '2026-11-02T05:00:00Z')).toEqual([`2026-11-01 ${first}`]);
  }
});

test('where midnight itself is left out, the day before ends at the first instant of the new one', () => {
  const calendar = tradingCalendar({ at: '00:00', zone: 'America/Santiago' });
  expect(ends(calendar, '2026-09-05T12:00:00Z', '2026-09-07T12:00:00Z')).toEqual([
    '2026-09-05 2026-09-06T04:00:00.000Z',
    '2026-09-06 2026-09-07T03:00:00.000Z',
  ]);
});

test('where clocks go back from midnight to the day before, that day ends once, when it is over', () => {
  const calendar = tradingCalendar({ at: '00:00', zone: 'America/Santiago' });
  expect(ends(calendar, '2026-04-04T12:00:00Z', '2026-04-06T12:00:00Z')).toEqual([
    '2026-04-04 2026-04-05T04:00:00.000Z',
    '2026-04-05 2026-04-06T04:00:00.000Z',
  ]);
});

test('a date that a zone has left out does not end', () => {
  const calendar = tradingCalendar({ at: '17:00', zone: 'Pacific/Apia' });
  const dates = ends(calendar, '2011-12-29T00:00:00Z', '2012-01-01T12:00:00Z').map((end) => end.slice(0, 10));
  expect(dates).toEqual(['2011-12-28', '2011-12-29', '2011-12-31', '2012-01-01']);
});

test('times and zones that are none are told', () => {
  expect(['24:00', '7:00', '17', '17:60', '', '17:00:00'].map(parseTimeOfDay)).toEqual(Array.from({ length: 6 }, () => undefined));
  expect(isTimeZone('Europe/Lonon')).toBe(false);
  expect(() => tradingCalendar({ at: '25:00', zone: 'UTC' })).toThrow(RangeError);
  expect(() => tradingCalendar({ at: '17:00', zone: 'Mars/Olympus' })).toThrow(RangeError);
});

test('in every zone, at every time: dates and instants only go forward, about a day apart, and what was asked last does not matter', () => {
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone')];
  const minute = fc.integer({ min: 0, max: 1439 });
  const at = minute.map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
  const start = fc.integer({ min: Date.parse('1972-01-01T00:00:00Z'), max: Date.parse('2037-01-01T00:00:00Z') });
  fc.assert(
    fc.property(fc.constantFrom(...zones), at, start, (zone, time, from) => {
      const calendar = tradingCalendar({ at: time, zone });
      let end = calendar.lastEnd(from);
      expect(end.at).toBeLessThanOrEqual(from);
      for (let day = 0; day < 5; day += 1) {
        const next = calendar.nextEnd(end.at);
        expect(next.date > end.date).toBe(true);
        expect(next.at - end.at).toBeGreaterThan(DAY_MS - 4 * 3_600_000);
        expect(calendar.lastEnd(next.at)).toEqual(next);
        expect(calendar.lastEnd(next.at - 1)).toEqual(end);
        expect(tradingCalendar({ at: time, zone }).lastEnd(next.at - 1)).toEqual(end);
        end = next;
      }
    }),
    { numRuns: 60 },
  );
});
