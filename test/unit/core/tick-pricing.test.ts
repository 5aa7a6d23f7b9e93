import { expect, test } from 'vitest';
import type { TickPricing } from '../../../src/core/tickerplant/schema.ts';
import { openWorld, run, turn } from './support/pricing-world.ts';

const DAY_MS = 86_400_000;
const TICK: TickPricing = {
  kind: 'tick',
  msat: 10n,
  prepayMsat: 10_000n,
  topUpBelowMsat: 2_000n,
  lastsMs: 30 * DAY_MS,
  replayMs: DAY_MS,
};

test('what is paid beforehand is the balance, and a row is billed once it has left', async () => {
  await using world = await openWorld(TICK);
  const buyer = world.connect();
  const offer = await buyer.buy();
  expect(offer.amountMsat).toBe(10_000n);
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 10000']);
  buyer.outlet.isStuck = true;
  world.publish('AAPL', 3);
  world.publish('AAPL', 2);
  await turn();
  world.clock.advance(1_000);
  await turn();
  expect((await world.subscription(offer)).billed).toEqual([]);
  buyer.outlet.leave();
  await turn();
  world.clock.advance(1_000);
  await expect
    .poll(async () => (await world.subscription(offer)).billed)
    .toEqual([{ table: 'trade', sym: 'AAPL', epoch: 1, ranges: [[1, 5]] }]);
  buyer.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_950n);
});

test('rows that never left are free, and are billed when they are fetched later', async () => {
  await using world = await openWorld(TICK);
  const buyer = world.connect();
  const offer = await buyer.buy();
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 10000']);
  world.publish('AAPL', 5);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual(run(1, 5));
  buyer.outlet.isStuck = true;
  world.publish('AAPL', 5);
  buyer.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_950n);
  const again = world.connect();
  await again.resume(offer, { AAPL: 2 });
  await expect.poll(() => again.outlet.numbers('AAPL')).toEqual(run(3, 10));
  await turn();
  again.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_900n);
  expect((await world.subscription(offer)).billed).toEqual([{ table: 'trade', sym: 'AAPL', epoch: 1, ranges: [[1, 10]] }]);
});

test('a record that can not be paid whole is cut; dry is told, and a payment goes on after a gap', async () => {
  await using world = await openWorld({ ...TICK, prepayMsat: 100n, topUpBelowMsat: 20n });
  const buyer = world.connect();
  const offer = await buyer.buy();
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 100']);
  world.publish('AAPL', 14);
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 100', 'dry 0']);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual(run(1, 10));
  await expect.poll(() => buyer.offered?.reason).toBe('top-up');
  expect(buyer.offered).toMatchObject({ subscription: offer.subscription, amountMsat: 100n });
  world.publish('AAPL', 6);
  await turn();
  expect(buyer.outlet.numbers('AAPL')).toEqual(run(1, 10));
  await world.pay(buyer.offered as NonNullable<typeof buyer.offered>);
  world.publish('AAPL', 2);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([...run(1, 10), 21, 22]);
  expect(buyer.outlet.of('gap').map(({ event }) => event)).toEqual([
    { table: 'trade', sym: 'AAPL', epoch: 1, from: 11, to: 20, reason: 'balance' },
  ]);
  // What is left is told once the payment is lent, before or after the two rows.
  expect(buyer.outlet.balances.slice(0, 2)).toEqual(['ok 100', 'dry 0']);
  expect(buyer.outlet.balances[2]).toMatch(/^ok (100|80)$/);
  expect(buyer.outlet.of('snapshot')).toEqual([]);
  // One who comes back from before the gap has those rows too, as far as the balance goes.
  buyer.drop();
  const again = world.connect();
  await again.resume(offer, { AAPL: 5 });
  await expect.poll(() => again.outlet.numbers('AAPL')).toEqual(run(6, 18));
  await expect.poll(() => again.outlet.balances.at(-1)).toBe('dry 0');
});

test('a top-up is offered before the balance runs dry, once, and again when it has run out', async () => {
  await using world = await openWorld({ ...TICK, prepayMsat: 1_000n, topUpBelowMsat: 500n }, { quoteExpirySeconds: 60 });
  const buyer = world.connect();
  await buyer.buy({ syms: ['AAPL', 'GOOGL'] });
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 2000']);
  world.publish('AAPL', 101);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(101);
  await turn();
  world.clock.advance(1_000);
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 2000', 'low 990']);
  await expect.poll(() => buyer.offered?.amountMsat).toBe(2_000n);
  world.publish('AAPL', 5);
  await turn();
  world.clock.advance(2_000);
  await turn();
  expect(buyer.outlet.of('offer')).toHaveLength(1);
  world.clock.advance(60_000);
  await expect.poll(() => buyer.outlet.of('offer').length).toBe(2);
  expect(buyer.outlet.of('expired')).toHaveLength(1);
  await world.pay(buyer.offered as NonNullable<typeof buyer.offered>);
  await expect.poll(() => buyer.outlet.balances.at(-1)).toBe('ok 2940');
  expect(buyer.outlet.of('gap')).toEqual([]);
  world.publish('AAPL', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(107);
});

test('who comes back dry is resumed, told so, and offered the same top-up', async () => {
  await using world = await openWorld({ ...TICK, prepayMsat: 50n, topUpBelowMsat: 10n });
  const buyer = world.connect();
  const offer = await buyer.buy();
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 50']);
  world.publish('AAPL', 9);
  await expect.poll(() => buyer.offered?.quote).toBeDefined();
  const [topUp] = buyer.outlet.of('offer');
  await turn();
  buyer.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(0n);
  const again = world.connect();
  expect((await again.resume(offer, { AAPL: 2 })).tables).toMatchObject([{ table: 'trade', syms: ['AAPL'] }]);
  await expect.poll(() => again.outlet.balances).toEqual(['dry 0']);
  // What was billed before comes again, free.
  await expect.poll(() => again.outlet.numbers('AAPL')).toEqual([3, 4, 5]);
  await expect.poll(() => again.offered?.quote).toBe(topUp?.offer.quote);
  await world.pay(again.offered as NonNullable<typeof again.offered>);
  world.publish('AAPL', 1);
  await expect.poll(() => again.outlet.numbers('AAPL')).toEqual([3, 4, 5, 10]);
});

test('a process that is killed gives the lease back, and what it had recorded stays spent', async () => {
  await using world = await openWorld(TICK);
  const buyer = world.connect();
  const offer = await buyer.buy();
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 10000']);
  world.publish('AAPL', 20);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(20);
  await turn();
  world.clock.advance(1_000);
  await expect.poll(async () => (await world.subscription(offer)).billed).toHaveLength(1);
  world.publish('AAPL', 7);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(27);
  await world.restart('killed');
  expect((await world.subscription(offer)).balanceMsat).toBe(9_800n);
});

test('a newer connection takes over in the middle of a stream: nothing is billed twice', async () => {
  await using world = await openWorld(TICK);
  const first = world.connect();
  const offer = await first.buy();
  await expect.poll(() => first.outlet.balances).toEqual(['ok 10000']);
  world.publish('AAPL', 10);
  await expect.poll(() => first.outlet.numbers('AAPL')).toHaveLength(10);
  first.outlet.isStuck = true;
  world.publish('AAPL', 10);
  const second = world.connect();
  await second.resume(offer, { AAPL: 4 });
  expect(first.outlet.isSuperseded).toBe(true);
  world.publish('AAPL', 10);
  await expect.poll(() => second.outlet.numbers('AAPL')).toEqual(run(5, 30));
  first.outlet.leave();
  await turn();
  first.drop();
  second.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_700n);
});

test('what is conflated for a slow reader is free', async () => {
  await using world = await openWorld(TICK);
  const buyer = world.connect();
  const offer = await buyer.buy({ slow: 'conflate' });
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 10000']);
  world.publish('AAPL', 1);
  const gate = Promise.withResolvers<void>();
  buyer.outlet.drained = () => gate.promise;
  buyer.outlet.full = true;
  for (let at = 0; at < 8; at += 1) world.publish('AAPL', 1);
  buyer.outlet.full = false;
  gate.resolve();
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([1, 9]);
  await turn();
  buyer.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_980n);
});

test('of a table with a choice of pricings the one that is asked for counts, and a kind that it has not is refused', async () => {
  const flat = { kind: 'flat', msat: 5_000n, lastsMs: 'day', replayMs: DAY_MS } as const;
  await using world = await openWorld([TICK, flat]);
  const buyer = world.connect();
  expect((await buyer.quote()).items[0]?.terms.kind).toBe('tick');
  await expect(buyer.quote({ syms: ['GOOGL'], pricing: 'time' })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    message: 'table trade is not sold by time; its pricing is tick or flat',
  });
  const bought = await buyer.buy({ syms: ['GOOGL'], pricing: 'flat' });
  expect(bought.until).toBe((Math.floor(world.clock.now() / DAY_MS) + 1) * DAY_MS);
  world.publish('GOOGL', 3);
  await expect.poll(() => buyer.outlet.numbers('GOOGL')).toEqual([1, 2, 3]);
  expect(buyer.outlet.balances).toEqual([]);
  world.clock.advance(DAY_MS);
  await expect.poll(() => buyer.outlet.of('expired').some(({ quote }) => quote === bought.quote)).toBe(true);
});

test('who pays by the row and then flat pays for no row twice, and by the row again when the flat one has ended', async () => {
  const flat = { kind: 'flat', msat: 5_000n, lastsMs: 3_600_000, replayMs: DAY_MS } as const;
  await using world = await openWorld([TICK, flat]);
  const buyer = world.connect();
  const offer = await buyer.buy();
  await expect.poll(() => buyer.outlet.balances).toEqual(['ok 10000']);
  world.publish('AAPL', 2);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(2);
  await buyer.buy({ pricing: 'flat' });
  await expect.poll(() => buyer.outlet.of('active').length).toBe(2);
  world.publish('AAPL', 5);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toHaveLength(7);
  world.clock.advance(3_600_000);
  world.publish('AAPL', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual(run(1, 8));
  await turn();
  buyer.drop();
  await expect.poll(async () => (await world.subscription(offer)).balanceMsat).toBe(9_970n);
});
