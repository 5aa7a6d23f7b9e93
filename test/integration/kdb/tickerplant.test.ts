import { afterAll, beforeAll, expect, test } from 'vitest';
import { chars, GENERIC_NULL, list, long, symbol, symbols } from '../../../src/kdb/build.ts';
import { encodeMessage } from '../../../src/kdb/message.ts';
import { KDB_EPOCH_NS } from '../../../src/kdb/times.ts';
import type { K } from '../../../src/kdb/types.ts';
import { bigEndian, compress } from '../../unit/kdb/support/wire.ts';
import type { KdbClient } from './support/client.ts';
import { until } from './support/client.ts';
import { plain, typesOf } from './support/plain.ts';
import { Plant } from './support/plant.ts';

let plant: Plant;
beforeAll(async () => {
  plant = await Plant.start();
});
afterAll(() => plant[Symbol.asyncDispose]());

const TIME = '2026-11-20T14:30:00.123456789Z';
const NS = BigInt(Date.parse('2026-11-20T14:30:00Z')) * 1_000_000n + 123_456_789n - KDB_EPOCH_NS;
const row = (sym: string, price: number) => [TIME, sym, price, 100];

/** Subscribes, pays, and waits until it is settled. */
async function buy(client: KdbClient, call: string): Promise<Record<string, string>> {
  const [, , invoice] = (await client.value(call)) as [string, unknown, Record<string, string>];
  await plant.pay(invoice['payment_request'] as string);
  await settled(client, invoice['payment_request'] as string);
  return invoice;
}

async function settled(client: KdbClient, request: string): Promise<void> {
  for (;;) {
    const pending = (await client.value('.u.pendingInvoices[]')) as { payment_request: string[]; settled: number[] };
    if (pending.settled[pending.payment_request.indexOf(request)] === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Prices of a symbol up to one; what may have been had before is cut off in front. */
async function pricesFrom(client: KdbClient, sym: string, first: number, last: number): Promise<readonly number[]> {
  const prices: number[] = [];
  while (prices.at(-1) !== last) {
    const [message] = (await client.take(1)) as [[string, string, { sym: string[]; price: number[] }]];
    expect(message[2].sym).toEqual([sym]);
    prices.push(...message[2].price);
  }
  return prices.filter((price) => price >= first);
}

test('sub, pay, upd with types and values, end of day', async () => {
  const client = await plant.client();
  expect(client.capability).toBe(3);
  const answer = await client.ask('.u.sub[`trade;`AAPL`GOOGL]');
  if (answer.kind !== 'list') throw new Error('no list');
  const [name, schema, invoice] = answer.items as [K, K, K];
  expect(plain(name)).toBe('trade');
  expect(typesOf(schema)).toEqual({ time: 'p', sym: 'g#s', price: 'f', size: 'j' });
  const details = plain(invoice) as Record<string, unknown>;
  expect(Object.keys(details)).toEqual(['r_hash', 'payment_request', 'add_index', 'amount', 'expiry', 'token']);
  expect(details).toMatchObject({ amount: 200_000n, add_index: expect.stringMatching(/^\d+$/) });
  expect(Buffer.from(details['r_hash'] as string, 'base64')).toHaveLength(32);

  plant.publish('trade', row('AAPL', 1));
  await plant.pay(details['payment_request'] as string);
  await settled(client, details['payment_request'] as string);
  plant.publish('trade', row('AAPL', 2.5), row('MSFT', 3), row('GOOGL', 4));
  expect(await client.take(2)).toEqual([
    ['upd', 'trade', { time: [NS], sym: ['AAPL'], price: [2.5], size: [100n] }],
    ['upd', 'trade', { time: [NS], sym: ['GOOGL'], price: [4], size: [100n] }],
  ]);
  expect(await plant.endDay()).toBe('2030-01-01');
  expect(await client.take(1)).toEqual([['.u.end', 10_958]]);
  expect(await client.value('.u.sub[`trade;`AAPL`GOOGL]')).toEqual(['trade', { time: [], sym: [], price: [], size: [] }]);
});

test('every column type has its kdb+ type, and null its null', async () => {
  const client = await plant.client();
  await buy(client, '.u.sub[`every;`AAPL]');
  const long_ = 9_007_199_254_740_993n;
  plant.publish('every', ['0D14:30:00.5', 'AAPL', TIME, '-1D00:00:00.000000001', '2026-11-20', 'n', 'héllo', 1.5, 0.5, long_, -7, 3, true]);
  plant.publish('every', ['0D14:30:00.5', 'AAPL', null, null, null, null, null, null, null, null, null, null, null]);
  await until(() => client.unasked.length === 2, 'two messages');
  const [values, nulls] = await client.take(2);
  const half = 52_200_500_000_000n;
  expect(values).toEqual([
    'upd',
    'every',
    {
      time: [half],
      sym: ['AAPL'],
      ts: [NS],
      span: [-86_400_000_000_001n],
      day: [9820],
      name: ['n'],
      text: ['héllo'],
      f: [1.5],
      e: [0.5],
      j: [long_],
      i: [-7],
      h: [3],
      b: [1],
    },
  ]);
  const none = -(2n ** 63n);
  expect(nulls).toEqual([
    'upd',
    'every',
    {
      time: [half],
      sym: ['AAPL'],
      ts: [none],
      span: [none],
      day: [-(2 ** 31)],
      name: [''],
      text: [''],
      f: [Number.NaN],
      e: [Number.NaN],
      j: [none],
      i: [-(2 ** 31)],
      h: [-(2 ** 15)],
      b: [0],
    },
  ]);
  const again = await client.ask('.u.sub[`every;`AAPL]');
  expect(typesOf((again.kind === 'list' ? again.items[1] : again) as K)).toEqual({
    time: 'n',
    sym: 'g#s',
    ts: 'p',
    span: 'n',
    day: 'd',
    name: 's',
    text: '*',
    f: 'f',
    e: 'e',
    j: 'j',
    i: 'i',
    h: 'h',
    b: 'b',
  });
});

const FORMS: readonly (readonly [string, string | K, number])[] = [
  ['a string', '.u.sub[`trade;`AAPL]', 1],
  ['a string with two', '.u.sub[`trade;`AAPL`GOOGL]', 2],
  ['a string with all', '.u.sub[`trade;`]', 3],
  ['a string with blanks', ' .u.sub[ `trade ; `AAPL ] ', 1],
  ['a string of a string', '.u.sub[`trade;`$"AAPL"]', 1],
  ['a string of strings', '.u.sub[`trade;`$("AAPL";"GOOGL")]', 2],
  ['a string with enlist', '.u.sub[`trade;enlist `AAPL]', 1],
  ['a string with (),', '.u.sub[`trade;(),`AAPL]', 1],
  ['a string with a list', '.u.sub[`trade;(`AAPL;`GOOGL)]', 2],
  ['a function by string, symbols', list(chars('.u.sub'), symbol('trade'), symbols(['AAPL', 'GOOGL'])), 2],
  ['a function by symbol, an atom', list(symbol('.u.sub'), symbol('trade'), chars('AAPL')), 1],
  ['a symbol vector', symbols(['.u.sub', 'trade', 'AAPL']), 1],
  ['a vector of all', list(chars('.u.sub'), symbol('trade'), symbols([''])), 3],
  ['the null symbol', list(chars('.u.sub'), symbol('trade'), symbol('')), 3],
  ['a list of atoms', list(chars('.u.sub'), symbol('trade'), list(symbol('AAPL'), symbol('MSFT'))), 2],
  ['a list of strings', list(chars('.u.sub'), chars('trade'), list(chars('AAPL'), chars('MSFT'))), 2],
  ['a char atom', list(chars('.u.sub'), symbol('every'), { kind: 'atom', type: 'char', value: 0x58 }), 1],
];

test('every form of symbols that clients send is taken', async () => {
  const client = await plant.client();
  for (const [form, call, count] of FORMS) {
    const [, , invoice] = (await client.value(call)) as [string, unknown, Record<string, unknown>];
    expect(invoice['amount'], form).toBe(BigInt(count) * 100_000n);
  }
});

test('every table at once answers exact pairs, and one invoice for all of them stands in .u.pendingInvoices[]', async () => {
  const client = await plant.client();
  const other = await plant.client();
  expect(await client.value('.u.sub[`;`]')).toEqual([
    ['trade', { time: [], sym: [], price: [], size: [] }],
    ['every', expect.objectContaining({ time: [], sym: [] })],
  ]);
  const pending = (await client.value('.u.pendingInvoices[]')) as Record<string, unknown[]>;
  expect(pending).toMatchObject({ amount: [500_000n], settled: [0] });
  expect(pending['request']).toEqual([
    [
      ['trade', ['AAPL', 'GOOGL', 'MSFT']],
      ['every', ['AAPL', 'X']],
    ],
  ]);
  expect(((await other.value('.u.pendingInvoices[]')) as Record<string, unknown[]>)['amount']).toEqual([]);
  await plant.pay(pending['payment_request']?.[0] as string);
  await settled(client, pending['payment_request']?.[0] as string);
  plant.publish('trade', row('MSFT', 7));
  expect(await client.take(1)).toMatchObject([['upd', 'trade', { sym: ['MSFT'] }]]);
});

test('symbols add up, and unsub narrows', async () => {
  const client = await plant.client();
  await buy(client, '.u.sub[`trade;`AAPL]');
  const [, , more] = (await client.value('.u.sub[`trade;`AAPL`GOOGL]')) as [string, unknown, Record<string, unknown>];
  expect(more['amount']).toBe(100_000n);
  plant.publish('trade', row('AAPL', 1));
  await plant.pay(more['payment_request'] as string);
  await settled(client, more['payment_request'] as string);
  plant.publish('trade', row('AAPL', 2), row('GOOGL', 3));
  expect(await client.take(3)).toHaveLength(3);
  expect(await client.value('.u.unsub[`trade;`AAPL]')).toEqual(['AAPL']);
  plant.publish('trade', row('AAPL', 4), row('GOOGL', 5));
  expect(await client.take(1)).toMatchObject([['upd', 'trade', { price: [5] }]]);
  expect(await client.value('.u.unsub[`;`]')).toEqual({ trade: ['GOOGL'], every: [] });
  plant.publish('trade', row('AAPL', 6), row('GOOGL', 7));
  expect(await client.value('.u.sub[`trade;`AAPL]')).toHaveLength(2);
  plant.publish('trade', row('AAPL', 8), row('GOOGL', 9));
  expect(await client.take(1)).toMatchObject([['upd', 'trade', { price: [8] }]]);
  expect(client.unasked).toEqual([]);
});

test('a login with a token subscribes to what is paid, from where it was', async () => {
  const first = await plant.client();
  const { token = '' } = await buy(first, '.u.sub[`trade;`AAPL`GOOGL]');
  plant.publish('trade', row('AAPL', 1), row('GOOGL', 1));
  await first.take(2);
  await first[Symbol.asyncDispose]();
  plant.publish('trade', row('AAPL', 2), row('GOOGL', 2));
  const second = await plant.client(`rdb:${token}`);
  expect(second.unasked).toEqual([]);
  expect(await second.value('.u.sub[`trade;`AAPL]')).toHaveLength(2);
  expect(await pricesFrom(second, 'AAPL', 2, 2)).toEqual([2]);
  plant.publish('trade', row('AAPL', 3), row('GOOGL', 3));
  expect(await pricesFrom(second, 'AAPL', 1, 3)).toEqual([3]);
  expect(await second.value('.u.sub[`trade;`GOOGL]')).toHaveLength(2);
  expect(await pricesFrom(second, 'GOOGL', 2, 3)).toEqual([2, 3]);
  expect(await second.value('.u.sub[`trade;`MSFT]')).toHaveLength(3);
  plant.publish('trade', row('AAPL', 4), row('GOOGL', 4));
  expect(await second.take(2)).toMatchObject([
    ['upd', 'trade', { price: [4] }],
    ['upd', 'trade', { price: [4] }],
  ]);
  expect(second.unasked).toEqual([]);
});

test('resume goes on after what the client has for sure, at the start, or live; the older connection ends', async () => {
  const first = await plant.client();
  const { token = '' } = await buy(first, '.u.sub[`trade;`AAPL]');
  plant.publish('trade', row('AAPL', 1));
  await first.take(1);
  const second = await plant.client();
  expect(await second.value(`.u.resume["${token}"]`)).toEqual({ trade: ['AAPL'] });
  await first.waitForClose();
  plant.publish('trade', row('AAPL', 2));
  expect(await pricesFrom(second, 'AAPL', 2, 2)).toEqual([2]);
  const third = await plant.client();
  expect(await third.value(`.u.resume[\`$"${token}";\`start]`)).toEqual({ trade: ['AAPL'] });
  expect(await third.take(2)).toMatchObject([
    ['upd', 'trade', { price: [1] }],
    ['upd', 'trade', { price: [2] }],
  ]);
  const fourth = await plant.client();
  expect(await fourth.value(list(chars('.u.resume'), chars(token), symbol('live')))).toEqual({ trade: ['AAPL'] });
  plant.publish('trade', row('AAPL', 3));
  expect(await fourth.take(1)).toMatchObject([['upd', 'trade', { price: [3] }]]);
});

test('the rest of the interface', async () => {
  const client = await plant.client();
  expect(await client.value('.u `i`L')).toEqual([-(2n ** 63n), '']);
  expect(await client.value('`.u `i`L')).toEqual([-(2n ** 63n), '']);
  expect(await client.value('.u.t')).toEqual(['trade', 'every']);
  expect(await client.value(symbol('.u.t'))).toEqual(['trade', 'every']);
  expect(await client.value('tables[]')).toEqual(['every', 'trade']);
  expect(await client.value('tables `.')).toEqual(['every', 'trade']);
  expect(await client.value('cols `trade')).toEqual(['time', 'sym', 'price', 'size']);
  expect(await client.value('cols trade')).toEqual(['time', 'sym', 'price', 'size']);
  const meta = { keys: { c: ['time', 'sym', 'price', 'size'] }, values: { t: 'psfj', f: ['', '', '', ''], a: ['', 'g', '', ''] } };
  for (const call of ['meta trade', 'meta `trade', 'meta[`trade]', list(symbol('meta'), symbol('trade'))]) {
    expect(await client.value(call)).toEqual(meta);
  }
  expect(await client.value('.u.gaps[]')).toEqual({ table: [], sym: [], epoch: [], from: [], to: [], reason: [] });
  expect(await client.value('::')).toBeNull();
  expect(await client.value('')).toBeNull();
});

test('errors are kdb+ errors, and nothing is evaluated', async () => {
  const client = await plant.client();
  expect(await client.error('.u.sub[`nosuch;`AAPL]')).toBe('nosuch');
  expect(await client.error('meta nosuch')).toBe('nosuch');
  expect(await client.error('.u.sub[`trade;`ZZZ]')).toMatch(/^sym: .*ZZZ/);
  expect(await client.error('.u.sub[`trade;1 2 3]')).toMatch(/^nyi/);
  expect(await client.error(list(chars('.u.sub'), symbol('trade'), long(1n)))).toMatch(/^type/);
  expect(await client.error('.u.sub[`trade]')).toMatch(/^rank/);
  expect(await client.error('.u.resume["nonsense"]')).toMatch(/^access/);
  for (const evil of [
    'system "ls"',
    '\\ls',
    'hopen 80',
    '{x+y}[1;2]',
    'value ".u.t"',
    '.u.sub[`trade;.z.w]',
    '.u.sub[`trade;`AAPL];exit 0',
    '1+1',
    '.z.pw',
    'delete from `trade',
    '.u.sub',
    `.u.sub[\`trade;${'('.repeat(5_000)}`,
    '.u.upd[`trade;`x]',
  ]) {
    expect(await client.error(evil), evil).toMatch(/^(nyi|rank|access)/);
  }
  expect(await client.error({ kind: 'lambda', namespace: '', source: Buffer.from('{system "ls"}') })).toMatch(/^nyi/);
  expect(await client.error(list({ kind: 'lambda', namespace: '', source: Buffer.from('{x}') }, long(1n)))).toMatch(/^nyi/);
  expect(await client.error(list(chars('{x}'), long(1n)))).toMatch(/^nyi/);
  expect(await client.error(long(1n))).toMatch(/^type/);
  expect(await client.error(GENERIC_NULL)).toMatch(/^type/);
  expect(await client.error(list(symbol('upd'), symbol('trade'), list(symbol('AAPL'), long(1n), long(1n))))).toMatch(/^access/);
  expect(await client.value('.u.t')).toEqual(['trade', 'every']);
});

test('big-endian and compressed calls are answered, in the order in which they came', async () => {
  const client = await plant.client();
  const call = list(chars('.u.sub'), symbol('trade'), symbols(['AAPL', 'MSFT']));
  client.send(
    Buffer.concat([bigEndian(1, call), compress(encodeMessage('sync', chars('.u.t'))), encodeMessage('sync', chars('cols trade'))]),
  );
  await until(() => client.responses.length === 3, 'three answers');
  expect(client.responses.map((bytes) => bytes[8])).toEqual([0, 11, 11]);
  client.responses.length = 0;
  client.tell('.u.sub[`trade;`AAPL]');
  expect(await client.value('.u.pendingInvoices[]')).toMatchObject({ amount: [200_000n, 100_000n] });
});
