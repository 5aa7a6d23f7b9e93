import { expect, test } from 'vitest';
import { run } from './support/run.ts';
import { TinyTickerplant } from './support/tiny-tickerplant.ts';

const row = (sym: string, price: number) => ['2026-11-20T14:30:00.123Z', sym, price] as const;

test('sub, pay, active, rows: only those that were bought', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  expect(quote).toMatchObject({ op: 'quote', table: 'trade', syms: ['AAPL'], amountMsat: '100000', expiresAt: '2026-11-20T14:30:00.000Z' });
  server.plant.publish('trade', [row('AAPL', 1)]);
  server.plant.settle(String(quote['quote']));
  server.plant.publish('trade', [row('AAPL', 2), row('GOOG', 3), row('AAPL', 4)]);
  await buyer.take((message) => message['seq'] === 3);
  expect(buyer.messages).toEqual([
    {
      op: 'active',
      subscription: 's-1',
      quote: quote['quote'],
      table: 'trade',
      syms: ['AAPL'],
      until: '2026-11-21T14:30:00.000Z',
      epoch: 1,
      next: { AAPL: 2 },
    },
    { op: 'upd', table: 'trade', sym: 'AAPL', epoch: 1, seq: 2, rows: [row('AAPL', 2)] },
  ]);
  expect(buyer.problems).toEqual([]);
});

test('a buyer who has not paid gets no row', async () => {
  await using server = await run();
  await using buyer = await server.client();
  await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: '*' });
  server.plant.publish('trade', [row('AAPL', 1)]);
  await buyer.settled();
  expect(buyer.messages).toEqual([]);
});

test('an id comes back as it was given, a number as a number', async () => {
  await using server = await run();
  await using buyer = await server.client();
  expect(await buyer.ask({ op: 'ping', id: 7 })).toEqual({ op: 'pong', id: 7 });
  expect(await buyer.ask({ op: 'ping', id: '7' })).toEqual({ op: 'pong', id: '7' });
  buyer.send({ op: 'ping' });
  expect(await buyer.take('pong')).toEqual({ op: 'pong' });
});

test('every table at once is one quote that says which symbols are whose', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: '*', syms: '*' });
  expect(quote).toMatchObject({ table: '*', schema: [], amountMsat: '300000', syms: ['AAPL', 'GOOG'] });
  expect(quote['tables']).toMatchObject([
    { table: 'trade', syms: ['AAPL', 'GOOG'] },
    { table: 'halt', syms: ['AAPL'] },
  ]);
  expect(buyer.problems).toEqual([]);
});

test('where nothing is left to pay, the answer is an active with the request’s id', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  expect(await buyer.ask({ op: 'sub', id: '2', table: 'trade', syms: ['AAPL'] })).toMatchObject({ op: 'active', id: '2', syms: ['AAPL'] });
});

test('a quote that is paid before its answer is out is still announced first', async () => {
  const plant = new TinyTickerplant();
  plant.onSubscribe = async ({ quote }) => {
    plant.settle(quote);
    plant.publish('trade', [row('AAPL', 1)]);
    await new Promise((resolve) => setImmediate(resolve));
    plant.publish('trade', [row('AAPL', 2)]);
  };
  await using server = await run({ plant });
  await using buyer = await server.client();
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  buyer.send({ op: 'ping', id: '2' });
  await buyer.take((message) => message['seq'] === 2);
  expect(buyer.messages.map(({ op }) => op).filter((op) => op !== 'pong')).toEqual(['quote', 'active', 'upd']);
});

test('a row that overtakes the answer to a sub that is paid already waits for it', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: '*' });
  server.plant.settle(String(quote['quote']));
  await buyer.take('active');
  await buyer.ask({ op: 'unsub', id: '2', subscription: quote['subscription'], table: 'trade', syms: ['GOOG'] });
  server.plant.onGranted = () => server.plant.publish('trade', [row('GOOG', 1), row('AAPL', 1)]);
  buyer.send({ op: 'sub', id: '3', table: 'trade', syms: ['GOOG'] });
  await buyer.take((message) => message['sym'] === 'AAPL');
  expect(buyer.messages.map(({ op }) => op)).toEqual(['active', 'upd']);
});

test.each(['q-1', 'of an earlier connection'])(
  'an active within a sub stands before the rows that overtook it (quote %s)',
  async (paid) => {
    await using server = await run();
    await using buyer = await server.client();
    const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['GOOG'] });
    server.plant.settle(String(quote['quote']));
    await buyer.take('active');
    await buyer.ask({ op: 'unsub', id: '2', subscription: 's-1', table: 'trade', syms: ['GOOG'] });
    server.plant.onSubscribe = async () => {
      const live = server.plant.subscriptions.get('s-1')?.live;
      live?.stopped.clear();
      server.plant.publish('trade', [row('GOOG', 1)]);
      await new Promise((resolve) => setImmediate(resolve));
      live?.sink.active(server.plant.activeEvent('s-1', paid, 'trade', ['GOOG']));
      server.plant.publish('trade', [row('GOOG', 2)]);
    };
    buyer.send({ op: 'sub', id: '3', table: 'trade', syms: ['AAPL', 'GOOG'] });
    await buyer.take((message) => message['seq'] === 2);
    expect(buyer.messages.map(({ op }) => op).filter((op) => op !== 'quote')).toEqual(['active', 'upd']);
  },
);

test('what waits for a quote’s answer is let go when there is no answer', async () => {
  const plant = new TinyTickerplant();
  plant.onSubscribe = ({ quote }) => {
    plant.settle(quote);
    throw new Error('the node went away');
  };
  await using server = await run({ plant });
  await using buyer = await server.client();
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  expect(await buyer.take('error')).toMatchObject({ id: '1', code: 'INTERNAL', retry: 'later' });
  expect(await buyer.take('active')).toMatchObject({ quote: 'q-1' });
});

test('unsub stops rows and says which symbols it stopped; taking them again is free', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: '*' });
  server.plant.settle(String(quote['quote']));
  await buyer.take('active');
  const subscription = quote['subscription'];
  expect(await buyer.ask({ op: 'unsub', id: '2', subscription, table: 'trade', syms: ['GOOG', 'IBM'] })).toEqual({
    op: 'unsubscribed',
    id: '2',
    subscription,
    table: 'trade',
    syms: ['GOOG'],
  });
  server.plant.publish('trade', [row('GOOG', 1), row('AAPL', 2)]);
  expect(await buyer.take('upd')).toMatchObject({ sym: 'AAPL' });
  await buyer.ask({ op: 'sub', id: '3', table: 'trade', syms: ['GOOG'] });
  server.plant.publish('trade', [row('GOOG', 3)]);
  expect(await buyer.take('upd')).toMatchObject({ sym: 'GOOG', seq: 2 });
});

test('resume: resumed first, then the rows after the position, then live', async () => {
  await using server = await run();
  const first = await server.client();
  const quote = await first.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  server.plant.publish('trade', [row('AAPL', 1), row('AAPL', 2)]);
  await first.take((message) => message['seq'] === 2);
  await first[Symbol.asyncDispose]();
  server.plant.publish('trade', [row('AAPL', 3)]);

  await using again = await server.client();
  again.send({ op: 'resume', id: '2', token: quote['token'], after: { trade: { epoch: 1, seqs: { AAPL: 1 } } } });
  await again.take((message) => message['seq'] === 3);
  server.plant.publish('trade', [row('AAPL', 4)]);
  await again.take((message) => message['seq'] === 4);
  expect(again.messages).toMatchObject([
    {
      op: 'resumed',
      id: '2',
      subscription: 's-1',
      tables: [{ table: 'trade', syms: ['AAPL'], until: '2026-11-21T14:30:00.000Z', epoch: 1 }],
    },
    { op: 'upd', seq: 2 },
  ]);
  expect(again.problems).toEqual([]);
});

test('a subscription that is taken over is told so, gets no more rows, and its connection stays', async () => {
  await using server = await run();
  await using older = await server.client();
  const quote = await older.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  await older.take('active');

  await using newer = await server.client();
  await newer.ask({ op: 'resume', id: '2', token: quote['token'] });
  expect(await older.take('superseded')).toEqual({ op: 'superseded', subscription: 's-1' });
  server.plant.publish('trade', [row('AAPL', 1)]);
  await newer.take('upd');
  await older.settled();
  expect(older.messages).toEqual([]);
  expect(older.closed).toBeUndefined();
});

test('end of day, gaps and expiry are passed on', async () => {
  await using server = await run();
  await using buyer = await server.client();
  await buyer.settled();
  const [connection] = server.plant.connections;
  server.plant.endOfDay('2026-11-20');
  connection?.sink.gap({ table: 'trade', sym: 'AAPL', epoch: 1, from: 17, to: 40, reason: 'retention' });
  connection?.sink.gap({ table: 'trade', sym: 'AAPL', epoch: 1, from: 41, to: undefined, reason: 'epoch' });
  connection?.sink.expired({ quote: 'q-1', reason: 'unpaid' });
  connection?.sink.expired({ quote: 'q-2', reason: 'ended' });
  await buyer.take((message) => message['quote'] === 'q-2');
  expect(buyer.messages).toEqual([
    { op: 'end', date: '2026-11-20' },
    { op: 'gap', table: 'trade', sym: 'AAPL', epoch: 1, from: 17, to: 40, reason: 'retention' },
    { op: 'gap', table: 'trade', sym: 'AAPL', epoch: 1, from: 41, reason: 'epoch' },
    { op: 'expired', quote: 'q-1', reason: 'unpaid' },
  ]);
  expect(buyer.problems).toEqual([]);
});

test('a connection that ends is closed towards the core', async () => {
  await using server = await run();
  const buyer = await server.client();
  await buyer.settled();
  expect(server.plant.connections.size).toBe(1);
  await buyer[Symbol.asyncDispose]();
  await expect.poll(() => server.plant.connections.size).toBe(0);
});

test.each([
  ['without compression', false],
  ['with compression', true],
])('many rows of one turn arrive once and in order, %s', async (_name, compression) => {
  await using server = await run({ config: { compression } });
  await using buyer = await server.client({ perMessageDeflate: compression });
  await using twin = await server.client({ perMessageDeflate: false });
  for (const each of [buyer, twin]) {
    const quote = await each.ask({ op: 'sub', id: '1', table: 'trade', syms: '*' });
    server.plant.settle(String(quote['quote']));
    await each.take('active');
  }
  expect(buyer.webSocket.extensions).toBe(compression ? 'permessage-deflate' : '');
  const count = 5_000;
  for (let i = 1; i <= count; i++) {
    server.plant.publish('trade', [row(i % 2 === 0 ? 'AAPL' : 'GOOG', i)]);
    if (i === count / 2) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const each of [buyer, twin]) {
    await expect.poll(() => each.messages.length, { timeout: 8_000 }).toBe(count);
    const seqs = (sym: string) => each.messages.filter((message) => message['sym'] === sym).map((message) => message['seq']);
    const expected = Array.from({ length: count / 2 }, (_, i) => i + 1);
    expect(seqs('AAPL')).toEqual(expected);
    expect(seqs('GOOG')).toEqual(expected);
    expect(each.problems).toEqual([]);
  }
});

test('a message longer than 64 KiB arrives whole', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  const long = 'x'.repeat(200_000);
  server.plant.publish('trade', [[long, 'AAPL', 1]]);
  expect((await buyer.take('upd'))['rows']).toEqual([[long, 'AAPL', 1]]);
});
