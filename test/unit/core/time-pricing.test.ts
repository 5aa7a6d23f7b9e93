import { expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import type { TimePricing } from '../../../src/core/tickerplant/schema.ts';
import type { SellerBackend } from '../../../src/core/tickerplant/seller-node.ts';
import { type Buyer, openWorld, run, turn } from './support/pricing-world.ts';

const HOUR_MS = 3_600_000;
const TIME: TimePricing = { kind: 'time', msat: 5_000n, perMs: HOUR_MS, renewBeforeMs: 360_000, graceMs: 60_000, replayMs: 24 * HOUR_MS };

const offered = (buyer: Buyer) => buyer.offered ?? expect.fail('nothing was offered');
type Invoices = SellerBackend['invoices'];

/** A node one of whose calls on invoices goes another way. */
function instead<Name extends 'create' | 'settlements'>(
  name: Name,
  call: (real: Invoices[Name], ...given: Parameters<Invoices[Name]>) => ReturnType<Invoices[Name]>,
): (backend: SellerBackend) => SellerBackend {
  return (backend) => ({
    node: backend.node,
    invoices: new Proxy(backend.invoices, {
      get(real, called: keyof Invoices) {
        const method = (real[called] as () => unknown).bind(real);
        return called === name ? (...given: Parameters<Invoices[Name]>) => call(method as Invoices[Name], ...given) : method;
      },
    }),
  });
}

const untils = (buyer: Buyer) => buyer.outlet.of('active').map(({ event }) => event.until);
const ended = (buyer: Buyer) => buyer.outlet.of('expired').filter(({ reason }) => reason === 'ended').length;

test('a renewal is offered in good time, once, and begins where the paid time ends, be it paid early or in grace', async () => {
  await using world = await openWorld(TIME);
  const start = world.clock.now();
  const buyer = world.connect();
  const first = await buyer.buy({ syms: ['AAPL', 'GOOGL'] });
  expect(first).toMatchObject({ amountMsat: 10_000n, until: start + HOUR_MS });
  await expect.poll(() => untils(buyer)).toEqual([start + HOUR_MS]);
  world.clock.advance(HOUR_MS - TIME.renewBeforeMs - 1);
  await turn();
  expect(buyer.outlet.of('offer')).toEqual([]);
  world.clock.advance(1);
  await expect.poll(() => buyer.outlet.of('offer').length).toBe(1);
  expect(offered(buyer)).toMatchObject({
    reason: 'renewal',
    subscription: first.subscription,
    amountMsat: 10_000n,
    until: start + 2 * HOUR_MS,
  });
  world.clock.advance(1_000);
  await world.pay(offered(buyer));
  await expect.poll(() => untils(buyer)).toEqual([start + HOUR_MS, start + 2 * HOUR_MS]);
  expect(ended(buyer)).toBe(0);
  // The next one is paid within the grace: it is paid for.
  world.clock.advance(2 * HOUR_MS + 30_000 - (world.clock.now() - start));
  await expect.poll(() => buyer.outlet.of('offer').length).toBe(2);
  world.publish('AAPL', 1);
  await world.pay(offered(buyer));
  await expect.poll(() => untils(buyer).at(-1)).toBe(start + 3 * HOUR_MS);
  world.publish('AAPL', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([1, 2]);
  expect(buyer.outlet.of('snapshot')).toEqual([]);
  expect(ended(buyer)).toBe(1);
});

test('rows go on through the grace, then it has ended; a payment after that begins anew', async () => {
  await using world = await openWorld(TIME, { quoteExpirySeconds: 7_200 });
  const start = world.clock.now();
  const buyer = world.connect();
  await buyer.buy();
  await expect.poll(() => untils(buyer)).toHaveLength(1);
  world.clock.advance(HOUR_MS - TIME.renewBeforeMs);
  await expect.poll(() => buyer.outlet.of('offer').length).toBe(1);
  world.clock.advance(TIME.renewBeforeMs + TIME.graceMs - 1);
  world.publish('AAPL', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([1]);
  expect(ended(buyer)).toBe(0);
  world.clock.advance(1);
  expect(ended(buyer)).toBe(1);
  world.publish('AAPL', 1);
  await turn();
  expect(buyer.outlet.numbers('AAPL')).toEqual([1]);
  world.clock.advance(10_000);
  await world.pay(offered(buyer));
  await expect.poll(() => untils(buyer).at(-1)).toBe(start + 2 * HOUR_MS + TIME.graceMs + 10_000);
  world.publish('AAPL', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([1, 3]);
});

test('while the node is away a renewal is tried again, and what is unsubscribed from is not renewed', async () => {
  let isAway = false;
  const around = instead('create', (real, ...given) => {
    if (isAway) return Promise.reject(new LightningError('UNAVAILABLE', 'away', { operation: 'create' }));
    return real(...given);
  });
  await using world = await openWorld(TIME, { around });
  const buyer = world.connect();
  const bought = await buyer.buy({ syms: ['AAPL', 'GOOGL'] });
  await expect.poll(() => untils(buyer)).toHaveLength(1);
  await buyer.connection.unsubscribe({ subscription: bought.subscription, table: 'trade', syms: ['GOOGL'] });
  isAway = true;
  world.clock.advance(HOUR_MS - TIME.renewBeforeMs);
  for (let tries = 0; tries < 10; tries += 1) {
    await turn();
    world.clock.advance(1_000);
  }
  expect(buyer.outlet.of('offer')).toEqual([]);
  isAway = false;
  const isOffered = () => {
    world.clock.advance(1_000);
    return buyer.outlet.of('offer').length;
  };
  await expect.poll(isOffered).toBe(1);
  expect(offered(buyer).items).toMatchObject([{ table: 'trade', syms: ['AAPL'], amountMsat: 5_000n }]);
});

test('who comes back in the time of renewal, also after a restart, is sent the offer that is open', async () => {
  await using world = await openWorld(TIME);
  const buyer = world.connect();
  const bought = await buyer.buy();
  await expect.poll(() => untils(buyer)).toHaveLength(1);
  world.clock.advance(HOUR_MS - TIME.renewBeforeMs);
  await expect.poll(() => buyer.outlet.of('offer').length).toBe(1);
  buyer.drop();
  const again = world.connect();
  await again.resume(bought);
  await expect.poll(() => again.offered?.quote).toBe(offered(buyer).quote);
  await world.restart('in order');
  const third = world.connect();
  await third.resume(bought);
  await expect.poll(() => third.offered?.reason).toBe('renewal');
  await turn();
  expect(third.outlet.of('offer')).toHaveLength(1);
});

test('one invoice buys several tables, each by its own terms', async () => {
  const flat = { kind: 'flat', msat: 7_000n, lastsMs: HOUR_MS, replayMs: HOUR_MS } as const;
  await using world = await openWorld({ trade: TIME, quote: flat });
  const buyer = world.connect();
  const offer = await buyer.buy({ table: '*' });
  expect(offer.items.map(({ table, terms, amountMsat }) => [table, terms.kind, amountMsat])).toEqual([
    ['trade', 'time', 5_000n],
    ['quote', 'flat', 7_000n],
  ]);
  expect(offer.amountMsat).toBe(12_000n);
  await expect.poll(() => buyer.outlet.of('active').map(({ event }) => event.table)).toEqual(['trade', 'quote']);
  await expect(world.connect().quote({ table: '*', pricing: 'time' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('the last row before a payment comes as a snapshot, after active and before the rows, unless it is not wanted', async () => {
  const flat = { kind: 'flat', msat: 7_000n, lastsMs: HOUR_MS, replayMs: HOUR_MS } as const;
  await using world = await openWorld(flat);
  world.publish('AAPL', 5);
  world.publish('GOOGL', 2);
  const buyer = world.connect();
  await buyer.buy({ syms: ['AAPL', 'MSFT'] });
  world.publish('AAPL', 3);
  world.publish('MSFT', 1);
  await expect.poll(() => buyer.outlet.numbers('AAPL')).toEqual([6, 7, 8]);
  const order = buyer.outlet.told.flatMap((each) =>
    each.op === 'active' ? ['active'] : 'rows' in each ? [`${each.op} ${each.rows.sym} ${each.rows.seq}`] : [],
  );
  expect(order[0]).toBe('active');
  expect(order.filter((each) => each.includes('AAPL'))).toEqual(['snapshot AAPL 5', 'rows AAPL 6']);
  expect(buyer.outlet.of('snapshot').map(({ rows }) => [rows.count, rows.rows])).toEqual([
    [1, [['2026-11-20T14:30:00.000Z', 'AAPL', 4, 1]]],
  ]);
  await buyer.buy({ syms: ['GOOGL'], snapshot: false });
  world.publish('GOOGL', 1);
  await expect.poll(() => buyer.outlet.numbers('GOOGL')).toEqual([3]);
  expect(buyer.outlet.of('snapshot')).toHaveLength(1);
});

test('a payment that takes effect while a key is taken up delivers its rows once', async () => {
  await using world = await openWorld(TIME);
  const key = 'a key that can not be guessed';
  const first = world.connect();
  const bought = await first.buy({ key });
  await expect.poll(() => untils(first)).toHaveLength(1);
  world.publish('AAPL', 3);
  first.drop();
  const second = world.connect();
  // The answer is out, and what it announces waits for its turn: then another payment comes.
  const again = await second.quote({ key });
  expect(again.quote).toBe(bought.quote);
  const more = await second.quote({ syms: ['GOOGL'] });
  await world.pay(more);
  world.publish('GOOGL', 1);
  world.clock.advance(0);
  world.publish('GOOGL', 1);
  await expect.poll(() => second.outlet.numbers('AAPL')).toEqual(run(1, 3));
  await expect.poll(() => second.outlet.numbers('GOOGL')).toEqual([1, 2]);
  expect(second.outlet.of('active').filter(({ event }) => event.quote === more.quote)).toHaveLength(1);
});

test('credit lowers the price of the next quote, and comes back when that quote runs out', async () => {
  // A payer may send more than the invoice asks for (BOLT 4); what is beyond the price is the buyer's credit.
  const around = instead('settlements', async function* (real, request) {
    for await (const event of real(request)) {
      if (event.kind !== 'settled') yield event;
      else yield { ...event, settlement: { ...event.settlement, receivedMsat: msat(event.settlement.receivedMsat + 3_500n) } };
    }
  });
  await using world = await openWorld(TIME, { quoteExpirySeconds: 60, around });
  const buyer = world.connect();
  const bought = await buyer.buy();
  await expect
    .poll(() => buyer.outlet.of('credit').map(({ event }) => [event.msat, event.reason, event.outcome]))
    .toEqual([[3_500n, 'overpaid', 'credit']]);
  const next = await buyer.quote({ syms: ['GOOGL'] });
  expect([next.amountMsat, next.creditMsat]).toEqual([1_500n, 3_500n]);
  expect((await world.subscription(bought)).creditMsat).toBe(0n);
  expect((await buyer.quote({ syms: ['MSFT'] })).creditMsat).toBe(0n);
  world.clock.advance(61_000);
  await expect.poll(async () => (await world.subscription(bought)).creditMsat).toBe(3_500n);
});
