import { afterAll, beforeAll, expect, test } from 'vitest';
import { attenuate } from '../../../src/credentials/l402.ts';
import { type KdbClient, until } from './support/client.ts';
import { Plant, TABLES } from './support/plant.ts';

let plant: Plant;
beforeAll(async () => {
  const { columns } = TABLES.trade;
  const tick = { kind: 'tick', msat: 1_000, prepay: 3_000, topUpBelow: 2_000, lasts: '24h' };
  plant = await Plant.start({
    tables: { trade: { columns, symbols: ['AAPL', 'MSFT'] }, rows: { columns, symbols: ['AAPL'], pricing: tick } },
  });
});
afterAll(() => plant[Symbol.asyncDispose]());

const row = (price: number) => ['2026-11-20T14:30:00.123Z', 'AAPL', price, 100];

interface Pending {
  readonly payment_request: readonly string[];
  readonly reason: readonly string[];
  readonly settled: readonly number[];
}

async function pending(client: KdbClient): Promise<Pending> {
  return (await client.value('.u.pendingInvoices[]')) as Pending;
}

async function buy(client: KdbClient, call: string): Promise<Record<string, string>> {
  const before = plant.server.tickerplant.counters.settled;
  const [, , invoice] = (await client.value(call)) as [string, unknown, Record<string, string>];
  await plant.pay(invoice['payment_request'] as string);
  await until(() => plant.server.tickerplant.counters.settled > before, 'the payment');
  return invoice;
}

test('rows are paid one by one: a top-up stands among the invoices, the balance can be asked for, and paying goes on', async () => {
  const client = await plant.client();
  await buy(client, '.u.sub[`rows;`AAPL]');
  for (let price = 1; price <= 5; price++) {
    plant.publish('rows', row(price));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await client.take(3)).toMatchObject([1, 2, 3].map((price) => ['upd', 'rows', { price: [price] }]));
  let offers = await pending(client);
  const end = performance.now() + 8_000;
  while (!offers.reason.includes('top-up') && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    offers = await pending(client);
  }
  expect(offers.reason).toEqual(['asked', 'top-up']);
  expect(((await client.value('.u.balance[]')) as { balance: bigint[] }).balance.at(-1)).toBeLessThan(2_000n);
  expect(client.unasked).toEqual([]);
  await plant.pay(offers.payment_request[1] as string);
  await until(() => plant.server.tickerplant.counters.settled === 2, 'the top-up');
  plant.publish('rows', row(6));
  await until(() => client.unasked.length > 0, 'rows again');
  const taken = await client.take(client.unasked.length);
  expect(taken.at(-1)).toMatchObject(['upd', 'rows', { price: [6] }]);
  expect(((await client.value('.u.gaps[]')) as { reason: string[] }).reason).toEqual(['balance']);
});

test('who has a narrowed token gets the rows, and never the whole token', async () => {
  const owner = await plant.client();
  const { token = '' } = await buy(owner, '.u.sub[`trade;`AAPL]');
  const narrowed = attenuate(token, `valid_until=${Math.floor(Date.now() / 1000) + 3600}`);
  const guest = await plant.client(`guest:${narrowed}`);
  expect(await guest.value('.u.sub[`trade;`AAPL]')).toHaveLength(2);
  plant.publish('trade', row(1));
  expect(await guest.take(1)).toMatchObject([['upd', 'trade', { price: [1] }]]);
  expect(JSON.stringify(await pending(guest), (_, each) => String(each))).not.toContain(token.slice(0, 100));
  expect((await pending(guest)).payment_request).toEqual([]);
  const [, , another] = (await guest.value('.u.sub[`trade;`MSFT]')) as [string, unknown, Record<string, string>];
  expect(another['token']).not.toBe(token);
  const over = await plant.client(`guest:${attenuate(token, 'valid_until=1000')}`);
  expect([over.capability, over.closed]).toEqual([undefined, true]);
});
