import { once } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import { chars, list, symbol } from '../../../src/kdb/build.ts';
import { encodeMessage } from '../../../src/kdb/message.ts';
import { ListenError } from '../../../src/transport/shared/listen-error.ts';
import { compress } from '../../unit/kdb/support/wire.ts';
import { KdbClient, until } from './support/client.ts';
import { Plant, TABLES } from './support/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
async function start(options: Parameters<typeof Plant.start>[0] = {}): Promise<Plant> {
  const plant = await Plant.start({ tables: { trade: TABLES.trade }, ...options });
  open.push(plant);
  return plant;
}

const row = (price: number, text = 'AAPL') => ['2026-11-20T14:30:00.123Z', text, price, 100];

async function buy(plant: Plant, client: KdbClient, call: string): Promise<Record<string, string>> {
  const before = plant.server.tickerplant.counters.settled;
  const [, , invoice] = (await client.value(call)) as [string, unknown, Record<string, string>];
  await plant.pay(invoice['payment_request'] as string);
  await until(() => plant.server.tickerplant.counters.settled > before, 'the payment');
  return invoice;
}

test('with a list of users only they come in, and whoever holds a token', async () => {
  const network = { users: [{ user: 'alice', password: 'correct horse' }] };
  const plant = await start({ kdb: network });
  const alice = await plant.client('alice:correct horse');
  expect(alice.capability).toBe(3);
  const { token = '' } = await buy(plant, alice, '.u.sub[`trade;`AAPL]');
  const holder = await plant.client(`anybody:${token}`);
  expect(await holder.value('.u.sub[`trade;`AAPL]')).toHaveLength(2);
  for (const login of ['alice:wrong', 'alice:', 'bob:correct horse', '', `x:${'A'.repeat(200)}`, `x:${token.slice(0, -8)}AAAAAAAA`]) {
    const refused = await plant.client(login);
    expect([refused.capability, refused.closed], login).toEqual([undefined, true]);
  }
});

test('a login that never ends, or is too long, is ended', async () => {
  const plant = await start({ kdb: { loginTimeoutSeconds: 0.2 } });
  const silent = KdbClient.open(plant.port);
  const long = KdbClient.open(plant.port);
  open.push(silent, long);
  await once(long.socket, 'connect');
  long.send(Buffer.alloc(10_000, 0x41));
  await long.waitForClose();
  await silent.waitForClose();
});

test('a token that is not paid says so, and works once it is', async () => {
  const plant = await start();
  const first = await plant.client();
  const [, , invoice] = (await first.value('.u.sub[`trade;`AAPL]')) as [string, unknown, Record<string, string>];
  const second = await plant.client(`rdb:${invoice['token']}`);
  expect(await second.value('.u.pendingInvoices[]')).toMatchObject({ payment_request: [invoice['payment_request']] });
  expect(await second.error('.u.sub[`trade;`AAPL]')).toMatch(/^unpaid/);
  await plant.pay(invoice['payment_request'] as string);
  await until(() => plant.server.tickerplant.counters.settled === 1, 'the payment');
  expect(await second.value('.u.sub[`trade;`AAPL]')).toHaveLength(2);
  plant.publish('trade', row(1));
  expect(await second.take(1)).toMatchObject([['upd', 'trade', { price: [1] }]]);
});

test('what is too long, inflates too far, or is no message at all costs one connection', async () => {
  const plant = await start({ kdb: { maxMessageBytes: 4096, maxInflatedBytes: 8192 } });
  const other = await plant.client();
  const client = await plant.client();
  const bomb = compress(encodeMessage('sync', chars('A'.repeat(100_000))));
  expect(bomb.length).toBeLessThan(4096);
  client.send(bomb);
  await until(() => client.responses.length === 1, 'an error');
  expect(Buffer.from(client.responses.splice(0)[0] as Uint8Array).toString('latin1')).toContain('badmsg: inflates to');
  client.send(encodeMessage('sync', list(symbol('.u.t'), chars(''))).with(9, 99));
  await until(() => client.responses.length === 1, 'another error');
  client.responses.length = 0;
  expect(await client.value('.u.t')).toEqual(['trade']);
  client.send(encodeMessage('sync', chars('A'.repeat(5_000))));
  await client.waitForClose();
  expect(Buffer.from(client.responses[0] as Uint8Array).toString('latin1')).toContain('at most 4096 bytes');
  const garbage = await plant.client();
  garbage.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  await garbage.waitForClose();
  expect(await other.value('.u.t')).toEqual(['trade']);
});

test('a connection over the limit is not taken, and a port that is taken is named', async () => {
  const plant = await start({ kdb: { maxConnections: 1 } });
  const first = await plant.client();
  const second = await plant.client();
  expect(second.closed).toBe(true);
  expect(await first.value('.u.t')).toEqual(['trade']);
  const taken = Plant.start({ kdb: { port: plant.port } });
  await expect(taken).rejects.toBeInstanceOf(ListenError);
  await expect(taken).rejects.toThrow(/kdb: can't listen on 127\.0\.0\.1:\d+: another program.*transports\.kdb\.port/);
});

test('one who does not read holds up nobody, and gets every row in the end', async () => {
  const columns = { ...TABLES.trade.columns, text: 'string' };
  const plant = await start({ tables: { trade: { columns, symbols: ['AAPL'] } }, kdb: { maxBufferedBytes: 4 * 1024 * 1024 } });
  const slow = await plant.client();
  const quick = await plant.client();
  await buy(plant, slow, '.u.sub[`trade;`AAPL]');
  await buy(plant, quick, '.u.sub[`trade;`AAPL]');
  slow.socket.pause();
  const filler = 'x'.repeat(10_000);
  const count = 3_000;
  for (let i = 1; i <= count; i++) {
    plant.publish('trade', [...row(i), filler]);
    if (i % 20 === 0) await until(() => quick.unasked.length >= i - 40, 'the quick one');
  }
  await until(() => quick.unasked.length === count, 'everything at the quick one');
  quick.unasked.length = 0;
  slow.socket.resume();
  await until(() => slow.unasked.length === count, 'everything at the slow one');
  const prices = (await slow.take(count)).map((message) => (message as [string, string, { price: number[] }])[2].price[0]);
  expect(prices).toEqual(Array.from({ length: count }, (_, i) => i + 1));
});

test('with the policy to disconnect, one who does not read is disconnected', async () => {
  const columns = { ...TABLES.trade.columns, text: 'string' };
  const plant = await start({
    tables: { trade: { columns, symbols: ['AAPL'] } },
    kdb: { maxBufferedBytes: 4 * 1024 * 1024 },
    slowConsumer: 'disconnect',
  });
  const slow = await plant.client();
  await buy(plant, slow, '.u.sub[`trade;`AAPL]');
  slow.socket.pause();
  const filler = 'x'.repeat(10_000);
  for (let i = 1; i <= 4_000 && plant.server.tickerplant.counters.sessions > 0; i++) {
    plant.publish('trade', [...row(i), filler]);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => plant.server.tickerplant.counters.sessions === 0, 'the end of its session');
});

test('stopping ends the connections in order, with what was on its way', async () => {
  const plant = await start();
  const client = await plant.client();
  await buy(plant, client, '.u.sub[`trade;`AAPL]');
  plant.publish('trade', row(1));
  await plant.server.stop();
  await client.waitForClose();
  expect(client.unasked).toHaveLength(1);
});

test('a token goes on on another connection with what was published in between', async () => {
  const plant = await start();
  const client = await plant.client();
  const { token = '' } = await buy(plant, client, '.u.sub[`trade;`AAPL]');
  plant.publish('trade', row(1));
  await client.take(1);
  await client[Symbol.asyncDispose]();
  plant.publish('trade', row(2));
  const again = await plant.client();
  expect(await again.value(list(chars('.u.resume'), chars(token)))).toEqual({ trade: ['AAPL'] });
  await until(() => again.unasked.length >= 1, 'a row');
  const last = (await again.take(again.unasked.length)).at(-1);
  expect(last).toMatchObject(['upd', 'trade', { price: [2] }]);
});
