import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Row } from '../../../src/core/tickerplant/schema.ts';
import { feedConfigSchema } from '../../../src/feed/config.ts';
import { FeedError } from '../../../src/feed/errors.ts';
import { feedOf, fileOf, fixture, JumpingClock, rowsOf, table, trade, WarningLog } from './support.ts';

const prices = { kind: 'replay', file: fixture('prices.csv'), columns: 'sym=symbol,time=date,price=price' };
const PRICE_ROWS: readonly Row[] = [
  ['2000-01-01T00:00:00.000Z', 'MSFT', 39.81, null],
  ['2000-01-01T00:00:00.000Z', 'AMZN', 64.56, null],
  ['2000-02-01T00:00:00.000Z', 'MSFT', 36.35, null],
  ['2000-02-01T00:00:00.000Z', 'IBM', 92.11, null],
];

test('a CSV file is replayed in its order, and a column that it does not have is null', async () => {
  const feed = feedOf(prices);
  expect(await feed.symbols('trade')).toStrictEqual(['MSFT', 'AMZN', 'IBM']);
  expect(await rowsOf(feed)).toStrictEqual(PRICE_ROWS);
  expect(feed.counts).toStrictEqual({ rows: 4, badRows: 0 });
});

test('a gzip file is the same as a plain one, also of several members', async () => {
  const text = await readFile(prices.file, 'utf8');
  const half = text.indexOf('\n', 30) + 1;
  const file = await fileOf('prices.csv.gz', Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(text.slice(half))]));
  expect(await rowsOf(feedOf({ ...prices, file }))).toStrictEqual(PRICE_ROWS);
});

test('a mark, Windows line ends, blanks, quotes and a missing last newline change nothing', async () => {
  const file = await fileOf('odd.csv', '\ufeffsym , time,price\r\n"AA,PL" , 2026-01-01 ,1\r\n\r\n"GO""OG",2026-01-02,2');
  expect((await rowsOf(feedOf({ kind: 'replay', file }))).map((row) => row.slice(1, 3))).toStrictEqual([
    ['AA,PL', 1],
    ['GO"OG', 2],
  ]);
});

test('tabs and other delimiters are taken', async () => {
  const tabs = await fileOf('a.tsv', 'sym\ttime\tprice\nA\t2026-01-01\t1\n');
  const semicolons = await fileOf('a.csv', 'sym;time;price\nA;2026-01-01;1\n');
  const row = ['2026-01-01T00:00:00.000Z', 'A', 1, null];
  expect(await rowsOf(feedOf({ kind: 'replay', file: tabs }))).toStrictEqual([row]);
  expect(await rowsOf(feedOf({ kind: 'replay', file: semicolons, delimiter: ';' }))).toStrictEqual([row]);
});

test('NDJSON is replayed with nanoseconds, longs of 64 bits and numbers as symbols', async () => {
  const feed = feedOf({ kind: 'replay', file: fixture('trades.ndjson') });
  expect(await feed.symbols('trade')).toStrictEqual(['AAPL', 'GOOGL', '700']);
  expect(await rowsOf(feed)).toStrictEqual([
    ['2026-11-20T14:30:00.123456789Z', 'AAPL', 39.81, 9223372036854775807n],
    ['2026-11-20T14:30:00.124Z', 'GOOGL', null, null],
    ['2026-11-20T14:30:01.500Z', '700', 1, 2],
  ]);
});

test.each<[string, string, string]>([
  ['auto', '1795185000', '2026-11-20T14:30:00.000Z'],
  ['auto', '1795185000123456', '2026-11-20T14:30:00.123456Z'],
  ['auto', '1795185000123456789', '2026-11-20T14:30:00.123456789Z'],
  ['auto', '20261120', '2026-11-20T00:00:00.000Z'],
  ['auto', '2026-11-20 15:30:00+01:00', '2026-11-20T14:30:00.000Z'],
  ['iso', '2026-11-20T14:30', '2026-11-20T14:30:00.000Z'],
  ['english', '20 Nov 2026', '2026-11-20T00:00:00.000Z'],
  ['s', '1795185000.25', '2026-11-20T14:30:00.250Z'],
  ['ms', '20261120', '1970-01-01T05:37:41.120Z'],
  ['us', '1', '1970-01-01T00:00:00.000001Z'],
  ['ns', '1', '1970-01-01T00:00:00.000000001Z'],
])('a time in %s, %s, is %s', async (timeFormat, text, expected) => {
  const file = await fileOf('t.csv', `time,sym\n${text},A\n`);
  expect((await rowsOf(feedOf({ kind: 'replay', file, timeFormat })))[0]?.[0]).toBe(expected);
});

test('a timespan column takes the time of day, from text and from numbers', async () => {
  const spans = table('spans', { time: 'timespan', sym: 'symbol' });
  const file = await fileOf('t.csv', 'time,sym\n2026-11-20T14:30:00.5Z,A\n14:30:01,A\n1795185002000,A\n');
  expect((await rowsOf(feedOf({ kind: 'replay', file }, { tables: [spans] }))).map((row) => row[0])).toStrictEqual([
    '0D14:30:00.500000000',
    '0D14:30:01.000000000',
    '0D14:30:02.000000000',
  ]);
});

test('rows of a file without times get the time at which they are read', async () => {
  const file = await fileOf('t.csv', 'sym,price\nA,1\n');
  const lines = await fileOf('t.ndjson', '{"sym":"A","price":1}\n');
  const row = ['2026-01-01T00:00:00.000Z', 'A', 1, null];
  expect(await rowsOf(feedOf({ kind: 'replay', file }))).toStrictEqual([row]);
  expect(await rowsOf(feedOf({ kind: 'replay', file: lines }))).toStrictEqual([row]);
});

test('a constant stands in every row, and is the only symbol', async () => {
  const feed = feedOf({
    kind: 'replay',
    file: fixture('sensors.csv'),
    columns: { sym: "'SEATTLE'", time: 'date', price: '"air pressure"', size: "'7'" },
  });
  expect(await feed.symbols('trade')).toStrictEqual(['SEATTLE']);
  expect((await rowsOf(feed))[2]).toStrictEqual(['2010-01-01T03:00:00.000Z', 'SEATTLE', 1016.7, 7]);
});

test('a bad row ends the replay with file, line and column, after all rows before it', async () => {
  const feed = feedOf({ kind: 'replay', file: fixture('bad-rows.csv') });
  const rows: Row[] = [];
  const failure = await (async () => {
    for await (const batch of feed.batches()) rows.push(...batch.rows);
  })().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FeedError);
  expect(failure).toMatchObject({ code: 'BAD_ROW', place: { line: 3, column: 'price' } });
  expect((failure as FeedError).message).toMatch(/bad-rows\.csv:3: column price: float must be a number, not "many"$/);
  expect(rows).toHaveLength(1);
});

test('bad rows are counted and told where the option says so', async () => {
  const logger = new WarningLog();
  const feed = feedOf({ kind: 'replay', file: fixture('bad-rows.csv'), onBadRow: 'count' }, { logger });
  expect(await feed.symbols('trade')).toStrictEqual(['AAPL', 'GOOG']);
  expect((await rowsOf(feed)).map((row) => row[2])).toStrictEqual([1, 5]);
  expect(feed.counts).toStrictEqual({ rows: 2, badRows: 4 });
  expect(logger.warnings.map(({ line, column }) => [line, column])).toStrictEqual([
    [3, 'price'],
    [4, undefined],
    [5, 'time'],
    [6, 'sym'],
  ]);
});

test('a thousand bad rows are counted, and not told one by one', async () => {
  const logger = new WarningLog();
  const file = await fileOf('bad.ndjson', '{"sym":1,\n'.repeat(1000));
  const feed = feedOf({ kind: 'replay', file, onBadRow: 'count' }, { logger });
  expect(await rowsOf(feed)).toStrictEqual([]);
  expect(feed.counts.badRows).toBe(1000);
  expect(logger.warnings).toHaveLength(11);
});

test('the line of a row is where it begins, also after values of several lines', async () => {
  const file = await fileOf('t.csv', 'time,sym,note,price\n2026-01-01,A,"x\ny",1\n\n2026-01-01,"B","x\r\ny\n",bad\n');
  await expect(rowsOf(feedOf({ kind: 'replay', file }))).rejects.toMatchObject({ place: { line: 5, column: 'price' } });
});

test('an unclosed quote ends the replay at its line, after the rows before it', async () => {
  const file = await fileOf('t.csv', 'time,sym\n2026-01-01,A\n2026-01-02,"B\n2026-01-03,C\n');
  const feed = feedOf({ kind: 'replay', file });
  await expect(rowsOf(feed)).rejects.toMatchObject({ code: 'FORMAT' });
  expect(feed.counts.rows).toBe(1);
});

test('a quote that is never closed does not fill the memory', async () => {
  const file = await fileOf('t.csv', `time,sym\n2026-01-01,"B\n${'2026-01-03,C\n'.repeat(200_000)}`);
  await expect(rowsOf(feedOf({ kind: 'replay', file }))).rejects.toMatchObject({ code: 'FORMAT' });
});

test('a stray quote is a bad row or part of its value where bad rows are counted', async () => {
  const file = await fileOf('t.csv', 'time,sym,price\n2026-01-01,A,1"x\n2026-01-02,A,2\n');
  const feed = feedOf({ kind: 'replay', file, onBadRow: 'count' });
  expect((await rowsOf(feed)).map((row) => row[2])).toStrictEqual([2]);
  expect(feed.counts.badRows).toBe(1);
});

test('a JSON line that is too long is a bad row, and the next one is read', async () => {
  const file = await fileOf('t.ndjson', `{"sym":"A","x":"${'x'.repeat(3_000_000)}"}\n{"sym":"B"}\n[1]\n{"sym":"C"}`);
  const feed = feedOf({ kind: 'replay', file, onBadRow: 'count' });
  expect((await rowsOf(feed)).map((row) => row[1])).toStrictEqual(['B', 'C']);
  expect(feed.counts.badRows).toBe(2);
});

test('a symbol that is not on the table’s list is a bad row', async () => {
  const tables = [table('trade', { time: 'timestamp', sym: 'symbol', price: 'float' }, ['MSFT', 'IBM'])];
  const feed = feedOf({ ...prices, onBadRow: 'count' }, { tables });
  expect(await feed.symbols('trade')).toStrictEqual(['MSFT', 'IBM']);
  expect(await rowsOf(feed)).toHaveLength(3);
  await expect(rowsOf(feedOf(prices, { tables }))).rejects.toThrow(
    'prices.csv:3: column symbol: symbol "AMZN" is not on table trade\'s list',
  );
});

test.each<[string, object, string]>([
  [
    'a mapped column that the file has not',
    { columns: 'sym=ticker,time=date' },
    'column ticker: is mapped, but the file has "symbol", "date", "price"',
  ],
  [
    'a mapped column that the table has not',
    { columns: 'sym=symbol,prize=price' },
    'column prize: is mapped, but table trade has "time", "sym", "price", "size"',
  ],
  ['no symbol', { columns: 'time=date' }, 'nothing is mapped to sym'],
  [
    'an extra column where that is an error',
    { columns: 'sym=symbol,time=date', extraColumns: 'error', table: 'bare' },
    'column price: goes to no column',
  ],
  [
    'a constant that does not fit',
    { columns: "sym=symbol,time=date,size='many'" },
    'the constant for column size: long must be a whole number',
  ],
  ['a file that is not there', { file: '/nowhere/at/all.csv' }, '/nowhere/at/all.csv: there is no such file'],
  ['a directory', { file: fixture('.'), format: 'csv' }, "can't be read"],
])('%s is told at once', async (_, options, message) => {
  const tables = [trade, table('bare', { time: 'timestamp', sym: 'symbol' })];
  const feed = feedOf({ ...prices, table: 'trade', ...options }, { tables });
  await expect(rowsOf(feed)).rejects.toThrow(message);
});

test('an extra key of a JSON row is a bad row where that is an error', async () => {
  const feed = feedOf({ kind: 'replay', file: fixture('trades.ndjson'), extraColumns: 'error' });
  await expect(rowsOf(feed)).rejects.toThrow('trades.ndjson:2: column venue: goes to no column');
});

test.each<[string, string | Uint8Array, string]>([
  ['an empty file', '', 'is empty'],
  ['a gzip file that is none', 'sym,time\n', 'the gzip data is broken'],
  ['a gzip file that was cut off', gzipSync('sym,time\n'.repeat(1000)).subarray(0, 30), 'the gzip data is broken or cut off'],
  ['two columns of one name', 'sym,sym\n', 'column sym: there are two columns of this name'],
])('%s is told', async (_, content, message) => {
  const file = await fileOf(message.includes('gzip') ? 'a.csv.gz' : 'a.csv', content);
  await expect(rowsOf(feedOf({ kind: 'replay', file }))).rejects.toThrow(message);
  await expect(rowsOf(feedOf({ kind: 'replay', file }))).rejects.toMatchObject({ code: 'FORMAT' });
});

test('a file of a header alone has no rows, and looping it ends', async () => {
  const file = await fileOf('a.csv', 'time,sym\n');
  expect(await rowsOf(feedOf({ kind: 'replay', file, atEnd: 'loop' }))).toStrictEqual([]);
});

test('the table must be told where there are several, and must be there', () => {
  const tables = [trade, table('quote', { time: 'timestamp', sym: 'symbol' })];
  expect(() => feedOf(prices, { tables })).toThrow('say which table the rows are for: trade, quote');
  expect(() => feedOf({ ...prices, table: 'trades' }, { tables })).toThrow('there is no table trades, only trade, quote');
  expect(() => feedOf({ kind: 'replay', file: 'rows.txt' })).toThrow('rows.txt: the name does not tell the format');
});

test('a config with a typo or a mapping that makes no sense is refused with its path', () => {
  expect(() => feedConfigSchema.parse({ ...prices, colums: {} })).toThrow('colums');
  const issues = feedConfigSchema.safeParse({ ...prices, columns: 'sym' }).error?.issues;
  expect(issues?.[0]).toMatchObject({ path: ['columns'], message: expect.stringContaining('can\'t read "sym"') });
  expect(feedConfigSchema.safeParse({ ...prices, speed: 0 }).success).toBe(false);
  expect(feedConfigSchema.safeParse({ kind: 'carrier-pigeon' }).success).toBe(false);
});

test('at original speed rows are as far apart as their times, scaled at another', async () => {
  const month = 31 * 86_400_000;
  for (const [speed, elapsed] of [
    ['original', month],
    [1000, month / 1000],
    ['full', 0],
  ] as const) {
    const clock = new JumpingClock();
    const start = clock.now();
    const sizes: number[] = [];
    for await (const { rows } of feedOf({ ...prices, speed }, { clock }).batches()) sizes.push(rows.length);
    expect(clock.now() - start).toBe(elapsed);
    expect(sizes).toStrictEqual(speed === 'full' ? [4] : [2, 2]);
    expect(Math.max(0, ...clock.sleeps)).toBeLessThan(2 ** 31);
  }
});

test('a clock that is set back while rows wait does not make them wait longer', async () => {
  const clock = new JumpingClock();
  const slept: number[] = [];
  const sleep = clock.sleep.bind(clock);
  clock.sleep = async (ms, signal) => {
    await sleep(ms, signal);
    slept.push(ms);
    if (slept.length === 1) clock.time -= 3_600_000;
  };
  expect(await rowsOf(feedOf({ ...prices, speed: 1000 }, { clock }), 4)).toHaveLength(4);
  expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan((32 * 86_400_000) / 1000);
});

test('a replay that loops begins again, also at original speed', async () => {
  expect(await rowsOf(feedOf({ ...prices, atEnd: 'loop', speed: 'original' }), 10)).toStrictEqual([
    ...PRICE_ROWS,
    ...PRICE_ROWS,
    ...PRICE_ROWS.slice(0, 2),
  ]);
});

test('a large file comes in batches of at most 500 rows, none lost and none moved', async () => {
  const file = await fileOf('large.csv', `sym,price\n${Array.from({ length: 20_000 }, (_, i) => `S${i % 7},${i}\n`).join('')}`);
  let next = 0;
  for await (const { rows } of feedOf({ kind: 'replay', file }).batches()) {
    expect(rows.length).toBeLessThanOrEqual(500);
    for (const row of rows) expect(row[2]).toBe(next++);
  }
  expect(next).toBe(20_000);
});

test('a mapping that makes a symbol of every row is found out', async () => {
  const file = await fileOf('t.csv', `time,sym\n${Array.from({ length: 100_002 }, (_, i) => `,${i}\n`).join('')}`);
  await expect(feedOf({ kind: 'replay', file }).symbols('trade')).rejects.toMatchObject({ code: 'TOO_MANY_SYMBOLS' });
});

test('an aborted replay ends without an error, an aborted scan with the reason', async () => {
  const stop = new AbortController();
  const feed = feedOf({ ...prices, atEnd: 'loop' });
  let batches = 0;
  for await (const _ of feed.batches(stop.signal)) if (++batches === 5) stop.abort(new Error('enough'));
  expect(batches).toBe(5);
  await expect(feed.symbols('trade', stop.signal)).rejects.toThrow('enough');
});
