import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { Column, Row, TableDefinition } from '../../../src/core/tickerplant/schema.ts';
import { feedConfigSchema, type KdbFeedConfig } from '../../../src/feed/config.ts';
import { KdbFeed } from '../../../src/feed/kdb/kdb-feed.ts';
import { chars, list, long, symbol, symbols, table } from '../../../src/kdb/build.ts';
import type { KVector } from '../../../src/kdb/types.ts';
import { compress } from '../../unit/kdb/support/wire.ts';
import { type KdbClient, until } from './support/client.ts';
import { Plant, TABLES } from './support/plant.ts';
import { Tick } from './support/tick.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
function kept<T extends AsyncDisposable>(thing: T): T {
  open.push(thing);
  return thing;
}

const COLUMNS: readonly Column[] = [
  { name: 'time', type: 'timespan' },
  { name: 'sym', type: 'symbol' },
  { name: 'price', type: 'float' },
  { name: 'size', type: 'long' },
];
const TRADE: TableDefinition = {
  name: 'trade',
  columns: COLUMNS,
  symbols: undefined,
  pricing: { kind: 'flat', msat: 1n, lastsMs: 1, replayMs: 0 },
};

const timespans = (...values: bigint[]): KVector => ({
  kind: 'vector',
  type: 'timespan',
  attribute: 'none',
  values: BigInt64Array.from(values),
});
const floats = (...values: number[]): KVector => ({ kind: 'vector', type: 'float', attribute: 'none', values: Float64Array.from(values) });
const longs = (...values: bigint[]): KVector => ({ kind: 'vector', type: 'long', attribute: 'none', values: BigInt64Array.from(values) });
const NOON = 43_200_000_000_000n;

/** Runs a feed and gathers what it brings. */
function run(config: Partial<KdbFeedConfig> & { readonly port: number }, tables: readonly TableDefinition[] = [TRADE]) {
  const parsed = feedConfigSchema.parse({ kind: 'kdb', ...config }) as KdbFeedConfig;
  const feed = new KdbFeed(parsed, tables, { clock: systemClock, logger: silentLogger });
  const rows: Row[] = [];
  const stop = new AbortController();
  let failure: unknown;
  const ended = (async () => {
    for await (const batch of feed.batches(stop.signal)) rows.push(...batch.rows);
  })().catch((error: unknown) => {
    failure = error;
  });
  kept({
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  });
  return { feed, rows, ended, failure: () => failure };
}

test('tables, columns, single rows and rows without a time are taken from a tickerplant, in order, compressed too', async () => {
  const tick = kept(await new Tick({ trade: COLUMNS }).start());
  const { rows, feed } = run({ port: tick.port, user: 'feed', password: 'secret' });
  await until(() => tick.sockets.size === 1, 'a subscriber');
  expect(tick.logins).toEqual(['feed:secret']);
  expect(tick.calls).toEqual([['.u.sub', 'trade', '']]);
  tick.update(
    'trade',
    table({ time: timespans(NOON, NOON), sym: symbols(['AAPL', 'MSFT']), price: floats(1.5, Number.NaN), size: longs(1n, -(2n ** 63n)) }),
  );
  tick.update('trade', list(timespans(NOON), symbols(['AAPL']), floats(2), longs(2n ** 60n)));
  tick.update(
    'trade',
    list({ kind: 'atom', type: 'timespan', value: NOON }, symbol('AAPL'), { kind: 'atom', type: 'float', value: 3 }, long(3n)),
  );
  tick.update('trade', list(symbols(['AAPL']), floats(4), longs(4n)));
  tick.update('other', list(symbols(['AAPL']), floats(4), longs(4n)));
  tick.update('trade', table({ time: timespans(NOON), sym: symbols(['AAPL']), price: floats(5), size: longs(5n) }), compress);
  await until(() => rows.length === 6, 'six rows');
  const noon = '0D12:00:00.000000000';
  expect(rows.map((row, i) => (i === 4 ? row.slice(1) : row))).toEqual([
    [noon, 'AAPL', 1.5, 1],
    [noon, 'MSFT', null, null],
    [noon, 'AAPL', 2, 2n ** 60n],
    [noon, 'AAPL', 3, 3],
    ['AAPL', 4, 4],
    [noon, 'AAPL', 5, 5],
  ]);
  expect(rows[4]?.[0]).toMatch(/^0D\d\d:\d\d:\d\d\.\d{9}$/);
  expect(feed.counts).toEqual({ rows: 6, badRows: 0 });
});

test('columns are matched by name, a time of day gets its date, and bad rows are left out and counted', async () => {
  const upstream: readonly Column[] = [...COLUMNS.slice(0, 2), { name: 'venue', type: 'symbol' }, ...COLUMNS.slice(2)];
  const tick = kept(await new Tick({ trade: upstream }).start());
  const ours: TableDefinition = {
    ...TRADE,
    columns: [{ name: 'time', type: 'timestamp' }, ...COLUMNS.slice(1), { name: 'note', type: 'string' }],
    symbols: ['AAPL'],
  };
  const { rows, feed } = run({ port: tick.port }, [ours]);
  await until(() => tick.sockets.size === 1, 'a subscriber');
  expect(tick.calls).toEqual([['.u.sub', 'trade', ['AAPL']]]);
  tick.update(
    'trade',
    list(timespans(NOON, NOON, NOON), symbols(['AAPL', 'ZZZ', '']), symbols(['N', 'N', 'N']), floats(1, 2, 3), longs(1n, 2n, 3n)),
  );
  tick.update('trade', list(symbols(['AAPL']), symbols(['AAPL'])));
  tick.update('trade', chars('nonsense'));
  tick.update('trade', list(timespans(NOON), symbols(['AAPL']), symbols(['N']), floats(4), longs(4n)));
  await until(() => rows.length === 2, 'two rows');
  expect(rows.map(([, ...rest]) => rest)).toEqual([
    ['AAPL', 1, 1, null],
    ['AAPL', 4, 4, null],
  ]);
  expect(rows[0]?.[0]).toMatch(/^\d{4}-\d\d-\d\dT12:00:00\.000Z$/);
  expect(feed.counts).toEqual({ rows: 2, badRows: 4 });
});

test('it connects again when the tickerplant has gone, and says when it is refused for good', async () => {
  const first = await new Tick({ trade: COLUMNS }).start();
  const { rows } = run({ port: first.port });
  await until(() => first.sockets.size === 1, 'a subscriber');
  await first[Symbol.asyncDispose]();
  const second = kept(await new Tick({ trade: COLUMNS }).start(first.port));
  await until(() => second.sockets.size === 1, 'a subscriber again');
  second.update('trade', list(symbols(['AAPL']), floats(4), longs(4n)));
  await until(() => rows.length === 1, 'a row');

  const stranger = kept(await new Tick({ quote: COLUMNS }).start());
  const refused = run({ port: stranger.port });
  await refused.ended;
  expect(refused.failure()).toMatchObject({ code: 'CONFIG', message: expect.stringContaining("'trade") });
});

test('a tickerplant behind a paid one: it logs in with its token, and sells on what it gets', async () => {
  const upstream = kept(await Plant.start({ tables: { trade: TABLES['trade'] } }));
  const operator = await upstream.client();
  const [, , invoice] = (await operator.value('.u.sub[`trade;`]')) as [string, unknown, Record<string, string>];
  await upstream.pay(invoice['payment_request'] as string);
  await until(() => upstream.server.tickerplant.counters.settled === 1, 'the payment');
  const feed = { kind: 'kdb', port: upstream.port, password: invoice['token'] };
  const downstream = kept(await Plant.start({ tables: { trade: TABLES['trade'] }, feed }));
  const buyer = await downstream.client();
  await buy(downstream, buyer, '.u.sub[`trade;`MSFT]');
  await operator.waitForClose();
  upstream.publish('trade', ['2026-11-20T14:30:00.123456789Z', 'MSFT', 1.25, 7]);
  expect(await buyer.take(1)).toMatchObject([['upd', 'trade', { sym: ['MSFT'], price: [1.25], size: [7n] }]]);
});

test('publishers publish in every form, and nobody else does', async () => {
  const publishers = [{ user: 'feedhandler', password: 'long-enough' }];
  const plant = kept(await Plant.start({ tables: { trade: { columns: TABLES['trade'].columns } }, kdb: { publishers } }));
  const publisher = await plant.client('feedhandler:long-enough');
  const atoms = list(symbol('AAPL'), { kind: 'atom', type: 'float', value: 1 }, long(1n));
  expect(await publisher.value(list(chars('.u.upd'), symbol('trade'), atoms))).toBeNull();
  const buyer = await plant.client();
  await buy(plant, buyer, '.u.sub[`trade;`AAPL]');
  publisher.tell(list(symbol('.u.upd'), symbol('trade'), list(symbols(['AAPL', 'NEW']), floats(2, 3), longs(2n, 3n))));
  publisher.tell(list(symbol('upd'), symbol('trade'), table({ sym: symbols(['AAPL']), size: longs(4n), price: floats(4) })));
  expect(await buyer.take(2)).toMatchObject([
    ['upd', 'trade', { sym: ['AAPL'], price: [2], size: [2n] }],
    ['upd', 'trade', { sym: ['AAPL'], price: [4], size: [4n] }],
  ]);
  expect(plant.server.tickerplant.symbols('trade')).toEqual(['AAPL', 'NEW']);
  expect(await publisher.error(list(symbol('.u.upd'), symbol('trade'), list(symbols(['AAPL']), floats(2))))).toMatch(/^length/);
  expect(await publisher.error(list(symbol('.u.upd'), symbol('nosuch'), atoms))).toBe('nosuch');
  expect(await publisher.error(list(symbol('.u.upd'), symbol('trade'), list(symbol(''), long(1n), long(1n))))).toMatch(/^domain/);
  expect(await publisher.error(list(symbol('.u.upd'), symbol('trade'), list(symbols(['AAPL']), symbols(['x']), longs(1n))))).toMatch(
    /^domain/,
  );
  expect(await buyer.error(list(symbol('.u.upd'), symbol('trade'), atoms))).toMatch(/^access/);
  const impostor = await plant.client('feedhandler:wrong-password');
  expect([impostor.capability, impostor.closed]).toEqual([undefined, true]);
  const huge = Buffer.alloc(12);
  huge.set([1, 1, 0, 0]);
  huge.writeUInt32LE(2 ** 31, 4);
  buyer.send(huge);
  await buyer.waitForClose();
});

async function buy(plant: Plant, client: KdbClient, call: string): Promise<void> {
  const before = plant.server.tickerplant.counters.settled;
  const [, , invoice] = (await client.value(call)) as [string, unknown, Record<string, string>];
  await plant.pay(invoice['payment_request'] as string);
  await until(() => plant.server.tickerplant.counters.settled > before, 'the payment');
}
