import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bought, openWorld, type World } from './support/world.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-11-20T14:00:00.000Z');
const COUNT = 120;
let world: World;
let bought: Bought;

const timeOf = (n: number) => new Date(START + (n - 1) * MINUTE).toISOString();

beforeAll(async () => {
  world = await openWorld({ http: { history: 'kept' } });
  for (let n = 1; n <= COUNT; n += 1) {
    world.tickerplant.publish('trade', [
      [timeOf(n), 'AAPL', n, 1],
      [timeOf(n), 'GOOG', -n, 1],
    ]);
  }
  // One record with many rows, so that pages end within it.
  world.tickerplant.publish(
    'trade',
    Array.from({ length: 50 }, (_, i) => [timeOf(COUNT + 1), 'IBM', i + 1, 1]),
  );
  bought = await world.buy('*');
});
afterAll(() => world[Symbol.asyncDispose]());

interface Page {
  readonly rows: readonly { readonly sym: string; readonly seq: number; readonly rows: readonly (readonly unknown[])[] }[];
  readonly next: string | null;
  readonly gaps: readonly unknown[];
}

async function get(query: string): Promise<Page> {
  const response = await world.fetch(`/v1/history?${query}`, { headers: bought.headers });
  expect([response.status, query]).toEqual([200, query]);
  return (await response.json()) as Page;
}

async function all(query: string): Promise<{ readonly rows: readonly string[]; readonly pages: number }> {
  const rows: string[] = [];
  let cursor = '';
  for (let pages = 1; ; pages += 1) {
    const page = await get(`${query}${cursor}`);
    for (const { sym, seq, rows: values } of page.rows) rows.push(...values.map((_, i) => `${sym}${seq + i}`));
    if (page.next === null) return { rows, pages };
    cursor = `&cursor=${page.next}`;
  }
}

const names = (sym: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${sym}${from + i}`);

test('pages of any size give every row once, in the order in which they were published', async () => {
  const whole = await all('table=trade&limit=10000');
  expect(whole.pages).toBe(1);
  expect(whole.rows.length).toBe(2 * COUNT + 50);
  expect(whole.rows.slice(0, 4)).toEqual(['AAPL1', 'GOOG1', 'AAPL2', 'GOOG2']);
  for (const limit of [7, 33, 100]) expect((await all(`table=trade&limit=${limit}`)).rows).toEqual(whole.rows);
});

test('by number, both ends included', async () => {
  expect((await all('table=trade&syms=AAPL&fromSeq=10&toSeq=12')).rows).toEqual(names('AAPL', 10, 12));
  expect((await all('table=trade&syms=IBM&fromSeq=49&limit=1')).rows).toEqual(names('IBM', 49, 50));
  expect((await all('table=trade&syms=IBM&fromSeq=51')).rows).toEqual([]);
});

test('by time, from the one up to but not including the other', async () => {
  const time = (n: number) => encodeURIComponent(timeOf(n));
  expect((await all(`table=trade&syms=AAPL&from=${time(10)}&to=${time(13)}`)).rows).toEqual(names('AAPL', 10, 12));
  expect((await all(`table=trade&syms=AAPL&from=${time(COUNT)}`)).rows).toEqual(names('AAPL', COUNT, COUNT));
  expect((await all(`table=trade&syms=AAPL&to=${time(1)}`)).rows).toEqual([]);
  expect((await all(`table=trade&syms=GOOG&from=2026-11-20T14:00:30Z&to=2026-11-20T14:02:00.0001Z`)).rows).toEqual(names('GOOG', 2, 3));
  const page = await get(`table=trade&syms=AAPL&from=${time(5)}&limit=1`);
  expect(page.rows).toEqual([{ table: 'trade', sym: 'AAPL', epoch: 1, seq: 5, rows: [[timeOf(5), 'AAPL', 5, 1]] }]);
});

test('as lines until all is there, or until the limit', async () => {
  const lines = async (query: string, headers = {}) => {
    const response = await world.fetch(`/v1/history?${query}`, { headers: { ...bought.headers, ...headers } });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    return (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const whole = await lines('table=trade', { Accept: 'application/x-ndjson' });
  expect(whole.length).toBe(2 * COUNT + 2);
  expect(whole.at(-1)).toEqual({ op: 'done', next: null });
  const some = await lines('table=trade&format=ndjson&limit=3');
  expect(some.map(({ op }) => op)).toEqual(['upd', 'upd', 'upd', 'done']);
  const rest = await lines(`table=trade&format=ndjson&cursor=${some.at(-1)?.['next']}`);
  expect(rest[0]).toMatchObject({ sym: 'GOOG', seq: 2 });
});

test('what can not be meant is refused, and a cursor that was made up too', async () => {
  const status = async (query: string) => (await world.fetch(`/v1/history?${query}`, { headers: bought.headers })).status;
  const { next } = await get('table=trade&limit=1');
  const forged = Buffer.from(next as string, 'base64url');
  forged[forged.length - 2] = (forged.at(-2) as number) ^ 1;
  for (const query of [
    ...['table=trade&limit=0', 'table=trade&fromSeq=-1', 'table=trade&from=yesterday', 'syms=AAPL', 'table=trade&cursor=abc'],
    ...[`table=trade&cursor=${forged.toString('base64url')}`, 'table=trade&syms=', 'table=halt&from=2026-11-20T14:00:00Z'],
  ]) {
    expect([query, await status(query)]).toEqual([query, query.startsWith('table=halt') ? 402 : 400]);
  }
  expect(await status('table=nope')).toBe(404);
  expect(await status('table=trade&syms=NOPE')).toBe(404);
  const other = await world.buy(['AAPL']);
  expect((await world.fetch(`/v1/history?table=trade&syms=AAPL&cursor=${next}`, { headers: other.headers })).status).toBe(400);
});

test('publishing goes on while history is read', async () => {
  const reading = world.fetch('/v1/history?table=trade&format=ndjson', { headers: bought.headers });
  for (let i = 0; i < 20; i += 1) {
    world.publish('IBM', 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await (await reading).text()).endsWith('{"op":"done","next":null}\n')).toBe(true);
});

test('by default a payment opens rows from its own time on, and nobody is asked to pay for earlier ones', async () => {
  const granted = await openWorld();
  try {
    granted.publish('AAPL', 1, 2);
    const { headers } = await granted.buy(['AAPL']);
    granted.publish('AAPL', 3);
    const response = await granted.fetch('/v1/history?table=trade&syms=AAPL', { headers });
    expect(await response.json()).toMatchObject({ rows: [{ seq: 3 }], next: null });
    const earlier = await granted.fetch('/v1/history?table=trade&syms=AAPL&to=2020-01-01T00:00:00Z');
    expect([earlier.status, ((await earlier.json()) as { code: string }).code]).toEqual([403, 'FORBIDDEN']);
  } finally {
    await granted[Symbol.asyncDispose]();
  }
});
