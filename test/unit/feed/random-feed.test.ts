import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/feed/seeded-random.ts';
import { feedOf, JumpingClock, rowsOf, table } from './support.ts';

test('the same seed gives the same rows, another seed others', async () => {
  const rows = (seed: number) => rowsOf(feedOf({ kind: 'random', seed, rowsPerSecond: 50 }), 200);
  expect(await rows(1)).toStrictEqual(await rows(1));
  expect(await rows(1)).not.toStrictEqual(await rows(2));
  expect(await rows(2 ** 33)).not.toStrictEqual(await rows(0));
});

test("without a list the symbols are the whitepaper's, and all of them come", async () => {
  const feed = feedOf({ kind: 'random', seed: 1 });
  expect(await feed.symbols('trade')).toStrictEqual(['AAPL', 'GOOGL', 'MSFT', 'AMZN', 'IBM']);
  expect(await feed.symbols('other')).toStrictEqual([]);
  expect(new Set((await rowsOf(feed, 200)).map((row) => row[1]))).toStrictEqual(new Set(await feed.symbols('trade')));
});

test("the table's own list is what comes, and no other symbol can be asked for", async () => {
  const listed = table('trade', { time: 'timespan', sym: 'symbol', price: 'float' }, ['A', 'B']);
  expect(await feedOf({ kind: 'random', seed: 1 }, { tables: [listed] }).symbols('trade')).toStrictEqual(['A', 'B']);
  expect(() => feedOf({ kind: 'random', symbols: ['C'] }, { tables: [listed] })).toThrow('symbol C is not on table trade');
});

test('rows come at the rate without drifting, each with the time that it was due', async () => {
  const clock = new JumpingClock();
  const start = clock.now();
  const rows = await rowsOf(feedOf({ kind: 'random', seed: 1, rowsPerSecond: 30, rows: 301 }, { clock }));
  expect(rows).toHaveLength(301);
  expect(clock.now() - start).toBeGreaterThanOrEqual(9999);
  expect(clock.now() - start).toBeLessThan(10_050);
  expect(rows[300]?.[0]).toBe('2026-01-01T00:00:10.000Z');
});

test('a high rate goes out in batches, with no more wake-ups than a hundred a second', async () => {
  const clock = new JumpingClock();
  const feed = feedOf({ kind: 'random', seed: 1, rowsPerSecond: 20_000, rows: 20_000 }, { clock });
  let largest = 0;
  for await (const { rows } of feed.batches()) largest = Math.max(largest, rows.length);
  expect(feed.counts).toStrictEqual({ rows: 20_000, badRows: 0 });
  expect(largest).toBeLessThanOrEqual(500);
  expect(clock.sleeps.length).toBeLessThanOrEqual(101);
});

test('what was not taken for a long time is not made up for in a flood', async () => {
  const clock = new JumpingClock();
  const feed = feedOf({ kind: 'random', seed: 1, rowsPerSecond: 100, rows: 300 }, { clock });
  const times: string[] = [];
  for await (const { rows } of feed.batches()) {
    if (times.length === 0) clock.time += 3_600_000;
    times.push(...rows.map((row) => String(row[0])));
  }
  expect(times).toHaveLength(300);
  expect(times[1]).toBe('2026-01-01T01:00:00.000Z');
});

test('rows come on at their rate where the clock is set back', async () => {
  const clock = new JumpingClock();
  const feed = feedOf({ kind: 'random', seed: 1, rowsPerSecond: 100, rows: 300 }, { clock });
  let rows = 0;
  for await (const batch of feed.batches()) {
    rows += batch.rows.length;
    if (rows === 100) clock.time -= 3_600_000;
  }
  expect(rows).toBe(300);
  expect(clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(3_100);
});

test('a rare row does not come earlier for being far off', async () => {
  const clock = new JumpingClock();
  const start = clock.now();
  expect(await rowsOf(feedOf({ kind: 'random', seed: 1, rowsPerSecond: 0.01, rows: 4 }, { clock }))).toHaveLength(4);
  expect(clock.now() - start).toBeGreaterThanOrEqual(300_000);
});

test('every type of column is filled, and bid stays below ask', async () => {
  const all = table('all', {
    time: 'timespan',
    sym: 'symbol',
    bid: 'float',
    ask: 'real',
    n: 'short',
    i: 'int',
    on: 'boolean',
    day: 'date',
    at: 'timestamp',
    note: 'string',
    side: 'symbol',
    rate: 'float',
  });
  for (const row of await rowsOf(feedOf({ kind: 'random', seed: 3 }, { tables: [all] }), 50)) {
    expect(row).not.toContain(null);
    expect(row[2]).toBeLessThan(row[3] as number);
  }
});

test('an aborted or disposed feed ends without an error', async () => {
  const stop = new AbortController();
  const aborted = feedOf({ kind: 'random', seed: 1 });
  let batches = 0;
  for await (const _ of aborted.batches(stop.signal)) if (++batches === 3) stop.abort();
  expect(batches).toBe(3);
  const disposed = feedOf({ kind: 'random', seed: 1 });
  for await (const _ of disposed.batches()) await disposed[Symbol.asyncDispose]();
  expect(disposed.counts.rows).toBe(1);
});

test('the generator repeats from its seed and is even', () => {
  const random = new SeededRandom(1);
  const numbers = Array.from({ length: 1000 }, () => random.fraction());
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
  expect(Math.abs(numbers.reduce((sum, number) => sum + number, 0) / 1000 - 0.5)).toBeLessThan(0.05);
  const again = new SeededRandom(1);
  expect(Array.from({ length: 1000 }, () => again.fraction())).toStrictEqual(numbers);
});
