import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import type { SubscriberEvent } from '../../../src/client/events.ts';
import { memoryState } from '../../../src/client/state.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import { ofType, openMarket, readUntil, rowNames, subscribeTo } from './support/buyer.ts';

const iterate = (subscriber: AsyncIterable<SubscriberEvent>) => subscriber[Symbol.asyncIterator]();
const is = (type: SubscriberEvent['type']) => (event: SubscriberEvent) => event.type === type;
const rows = (count: number) => (_: SubscriberEvent, all: readonly SubscriberEvent[]) => rowNames(all).length >= count;

test('asks, checks, pays once and receives, in this order', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  const first = await readUntil(events, is('active'));
  plant.publish('AAPL', 2);
  plant.publish('MSFT');
  plant.publish('GOOG');
  const seen = [...first, ...(await readUntil(events, rows(3)))].filter((event) => event.type !== 'status');
  expect(seen.map((event) => event.type)).toEqual(['quote', 'paying', 'paid', 'active', 'rows', 'rows', 'rows']);
  expect(rowNames(seen)).toEqual(['AAPL@1:1', 'AAPL@1:2', 'GOOG@1:1']);
  expect(payer.paid).toHaveLength(1);
  expect(subscriber.spentMsat).toBe(msat(201_000));
  expect(JSON.stringify(seen, (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('token-');
});

test('a key of at least 128 bits goes with the sub', async () => {
  await using market = await openMarket();
  await using subscriber = subscribeTo(market.plant);
  await readUntil(iterate(subscriber), is('quote'));
  expect(market.plant.requests[0]?.['key']).toMatch(/^[0-9a-f]{32,}$/);
});

test('nothing is paid that would go over the budget, fee cap included', async () => {
  await using market = await openMarket();
  await using tight = subscribeTo(market.plant, { budgetMsat: sat(209) });
  await expect(readUntil(iterate(tight), is('paid'))).rejects.toMatchObject({ code: 'BUDGET' });
  expect(market.payer.attempts).toBe(0);
  await using enough = subscribeTo(market.plant, { budgetMsat: sat(210) });
  await readUntil(iterate(enough), is('paid'));
});

test('without a fee cap the usual one is taken, as far as the budget has it', async () => {
  await using market = await openMarket();
  await using subscriber = subscribeTo(market.plant, { budgetMsat: sat(203), maxFeeMsat: undefined });
  const [paying] = ofType(await readUntil(iterate(subscriber), is('paying')), 'paying');
  expect(paying?.maxFeeMsat).toBe(sat(3));
});

test.each([
  ['an amount that the invoice does not ask for', { amountMsat: '100000' }],
  ['another payment hash', { paymentHash: 'ab'.repeat(32) }],
  ['symbols left out', { syms: ['AAPL'] }],
  ['symbols that nobody asked for', { syms: ['AAPL', 'GOOG', 'MSFT'] }],
  ['another table', { table: 'quote' }],
])('a quote with %s is not paid', async (_, change) => {
  await using market = await openMarket();
  market.plant.tamper = (quote) => ({ ...quote, ...change });
  await using subscriber = subscribeTo(market.plant);
  await expect(readUntil(iterate(subscriber), is('paid'))).rejects.toMatchObject({ code: 'BAD_QUOTE' });
  expect(market.payer.attempts).toBe(0);
});

test('an invoice of another network is not paid', async () => {
  await using market = await openMarket();
  market.payer.identity = { ...market.payer.identity, network: 'mainnet' };
  await using subscriber = subscribeTo(market.plant);
  await expect(readUntil(iterate(subscriber), is('paid'))).rejects.toMatchObject({ code: 'BAD_QUOTE' });
});

test('a quote that has run out by this clock is refused once, not asked for again and again', async () => {
  await using market = await openMarket();
  const clock = { ...systemClock, now: () => systemClock.now() + 7_200_000 };
  await using subscriber = subscribeTo(market.plant, { clock });
  await expect(readUntil(iterate(subscriber), (_, all) => ofType(all, 'quote').length > 3)).rejects.toMatchObject({
    code: 'BAD_QUOTE',
    message: expect.stringContaining("this machine's clock"),
  });
  expect(market.plant.quotes).toHaveLength(1);
  expect(market.payer.attempts).toBe(0);
});

test('a bad quote is not stumbled over again: the next run asks with another key', async () => {
  await using market = await openMarket();
  const state = memoryState();
  market.plant.tamper = (quote) => ({ ...quote, amountMsat: '1' });
  await using first = subscribeTo(market.plant, { state });
  await expect(readUntil(iterate(first), is('paid'))).rejects.toMatchObject({ code: 'BAD_QUOTE' });
  market.plant.tamper = (quote) => quote;
  await using second = subscribeTo(market.plant, { state });
  await readUntil(iterate(second), is('active'));
});

test('a payment that failed is told as such, and costs nothing of the budget', async () => {
  await using market = await openMarket();
  market.payer.mode = 'fail';
  const state = memoryState();
  await using subscriber = subscribeTo(market.plant, { state });
  await expect(readUntil(iterate(subscriber), is('paid'))).rejects.toMatchObject({ code: 'PAYMENT_FAILED' });
  expect(subscriber.spentMsat).toBe(msat(0));
  market.payer.mode = 'settle';
  await using again = subscribeTo(market.plant, { state });
  await readUntil(iterate(again), is('resumed'));
  expect(market.plant.quotes).toHaveLength(1);
});

test('a pending payment is waited for and never made again', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  payer.mode = 'pending';
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(
    events,
    (event, all) => event.type === 'status' && ofType(all, 'status').filter((each) => each.state === 'waiting').length > 3,
  );
  expect(payer.attempts).toBe(1);
  payer.settle(plant.quotes[0]?.hash as never);
  await readUntil(events, is('active'));
  expect(payer.paid).toHaveLength(1);
});

test('a call that timed out is looked up before anything else', async () => {
  await using market = await openMarket();
  market.payer.mode = { throws: 'TIMEOUT' };
  await using subscriber = subscribeTo(market.plant);
  const events = iterate(subscriber);
  await readUntil(events, (event) => event.type === 'status' && event.state === 'waiting');
  market.payer.settle(market.plant.quotes[0]?.hash as never);
  await readUntil(events, is('active'));
  expect(market.payer.paid).toHaveLength(1);
});

test('a wallet that refuses for good is told, and another one may take over', async () => {
  await using market = await openMarket();
  market.payer.mode = { throws: 'INSUFFICIENT_FUNDS' };
  const state = memoryState();
  await using subscriber = subscribeTo(market.plant, { state });
  await expect(readUntil(iterate(subscriber), is('paid'))).rejects.toMatchObject({ code: 'WALLET' });
  market.payer.mode = 'settle';
  market.payer.identity = { network: 'regtest', nodeId: nodeId(`02${'33'.repeat(32)}`) };
  await using other = subscribeTo(market.plant, { state });
  await readUntil(iterate(other), is('resumed'));
});

test('a payment in flight is not begun again with another node', async () => {
  await using market = await openMarket();
  market.payer.mode = 'pending';
  const state = memoryState();
  {
    await using subscriber = subscribeTo(market.plant, { state });
    await readUntil(iterate(subscriber), (event) => event.type === 'status' && event.state === 'waiting');
  }
  market.payer.identity = { network: 'regtest', nodeId: nodeId(`02${'33'.repeat(32)}`) };
  await using other = subscribeTo(market.plant, { state });
  await expect(readUntil(iterate(other), is('paid'))).rejects.toMatchObject({ code: 'WRONG_WALLET' });
});

test('after lost connections every row comes once', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  const all = await readUntil(events, is('active'));
  for (let round = 0; round < 5; round += 1) {
    plant.publish('AAPL', 3);
    all.push(...(await readUntil(events, rows(1))));
    plant.drop();
    plant.publish('AAPL', 2);
    plant.publish('GOOG');
    all.push(...(await readUntil(events, is('resumed'))));
  }
  all.push(...(await readUntil(events, (_, more) => rowNames([...all, ...more]).length >= 30)));
  const names = rowNames(all);
  expect(names.filter((name) => name.startsWith('AAPL'))).toEqual(Array.from({ length: 25 }, (_, index) => `AAPL@1:${index + 1}`));
  expect(names.filter((name) => name.startsWith('GOOG'))).toEqual(Array.from({ length: 5 }, (_, index) => `GOOG@1:${index + 1}`));
  expect(payer.paid).toHaveLength(1);
});

test('a hole is asked for again, and filled', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  let lost = 0;
  plant.lose = (_sym, seq) => seq === 2 && lost++ === 0;
  plant.publish('AAPL', 4);
  const seen = await readUntil(events, rows(4));
  expect(rowNames(seen)).toEqual(['AAPL@1:1', 'AAPL@1:2', 'AAPL@1:3', 'AAPL@1:4']);
  expect(ofType(seen, 'gap')).toEqual([]);
});

test('a hole that stays is told as a gap, and does not stop the rest', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.lose = (_sym, seq) => seq === 2;
  plant.publish('AAPL', 4);
  const seen = await readUntil(events, rows(3));
  expect(ofType(seen, 'gap')).toMatchObject([{ sym: 'AAPL', epoch: 1, from: 2, to: 2, reason: 'hole' }]);
});

test('a raised epoch is a gap, and its rows come from the first one on', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 2);
  const all = await readUntil(events, rows(2));
  plant.raiseEpoch();
  plant.publish('AAPL', 2);
  all.push(...(await readUntil(events, rows(2))));
  expect(rowNames(all)).toEqual(['AAPL@1:1', 'AAPL@1:2', 'AAPL@2:1', 'AAPL@2:2']);
  expect(ofType(all, 'gap')).toMatchObject([{ sym: 'AAPL', reason: 'epoch', from: 3 }]);
});

test('superseded ends it with a clear error: it does not fight', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.broadcast({ op: 'superseded', subscription: plant.quotes[0]?.subscription });
  await readUntil(events, is('superseded'));
  await expect(events.next()).rejects.toMatchObject({ code: 'SUPERSEDED' });
});

test('what was bought is over: it ends, and buys again only when told to', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  const state = memoryState();
  await using subscriber = subscribeTo(plant, { state });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.end(plant.quotes[0] as never);
  const seen = await readUntil(events, is('expired'));
  expect(ofType(seen, 'expired')).toMatchObject([{ reason: 'ended', renewing: false }]);
  expect((await events.next()).done).toBe(true);
  await using again = subscribeTo(plant, { state });
  await readUntil(iterate(again), is('expired'));
  expect(payer.paid).toHaveLength(1);
  plant.publish('AAPL', 5);
  await using renewing = subscribeTo(plant, { state, renew: true });
  const renewed = iterate(renewing);
  await readUntil(renewed, is('active'));
  plant.publish('AAPL');
  const after = await readUntil(renewed, rows(1));
  expect(rowNames(after)).toEqual(['AAPL@1:6']);
  expect(ofType(after, 'gap')).toEqual([]);
  expect(payer.paid).toHaveLength(2);
  expect(renewing.spentMsat).toBe(msat(402_000));
});

test('renewals keep to the budget', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant, { renew: true, budgetMsat: sat(300) });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.end(plant.quotes[0] as never);
  await expect(readUntil(events, is('paid'))).rejects.toMatchObject({ code: 'BUDGET' });
});

test('an invoice that ran out unpaid is replaced by one of a new key', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  plant.expiryMs = 150;
  payer.mode = { throws: 'UNAVAILABLE' };
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, (event) => event.type === 'expired' && event.reason === 'unpaid');
  plant.expiryMs = 60_000;
  payer.mode = 'settle';
  await readUntil(events, is('active'));
  expect(new Set(plant.requests.filter((request) => request['op'] === 'sub').map((request) => request['key'])).size).toBe(2);
  expect(payer.paid).toHaveLength(1);
});

test('without a wallet it waits for somebody else to pay, over lost connections too', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant, { backend: undefined });
  const events = iterate(subscriber);
  await readUntil(events, is('quote'));
  const waiting = readUntil(events, (event) => event.type === 'resumed');
  plant.drop();
  await expect.poll(() => plant.requests.filter((request) => request['op'] === 'resume').length, { timeout: 5_000 }).toBeGreaterThan(1);
  payer.settle(plant.quotes[0]?.hash as never);
  await waiting;
  expect(payer.attempts).toBe(0);
});

test('a refusal that is final ends it with its code', async () => {
  await using market = await openMarket();
  await using subscriber = subscribeTo(market.plant, { syms: ['AAPL', 'XYZ'] });
  await expect(readUntil(iterate(subscriber), is('paid'))).rejects.toMatchObject({ code: 'REFUSED', refusal: 'UNKNOWN_SYMBOL' });
});

test('a refusal for now is waited out', async () => {
  await using market = await openMarket();
  let times = 0;
  market.plant.intercept = (message, socket) => {
    if (message['op'] !== 'sub' || times >= 3) return false;
    times += 1;
    socket.send(JSON.stringify({ op: 'error', id: message['id'], code: 'NODE_UNAVAILABLE', message: 'away', retry: 'later' }));
    return true;
  };
  await using subscriber = subscribeTo(market.plant);
  await readUntil(iterate(subscriber), is('active'));
});

test('a server that is not there is given up while nothing is paid', async () => {
  await using market = await openMarket();
  await market.plant.stop();
  await using subscriber = subscribeTo(market.plant, { giveUpMs: 100 });
  await expect(readUntil(iterate(subscriber), is('quote'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a server that is not there is waited for once something is paid', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant, { giveUpMs: 50 });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  await plant.stop();
  const lost = (all: readonly SubscriberEvent[]) => ofType(all, 'status').filter((event) => event.state === 'disconnected').length;
  await readUntil(events, (_, all) => lost(all) > 8);
  await plant.start();
  await readUntil(events, is('resumed'));
});

test('a server that falls silent is left and tried again', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant, { heartbeatMs: 15 });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  let silent = 0;
  plant.intercept = (message) => message['op'] === 'ping' && silent++ < 4;
  await readUntil(events, is('resumed'));
  expect(silent).toBeGreaterThanOrEqual(3);
});

test('what is not the protocol ends it after three times', async () => {
  await using market = await openMarket();
  market.plant.intercept = (_, socket) => {
    socket.send('<html>');
    return true;
  };
  await using subscriber = subscribeTo(market.plant);
  await expect(readUntil(iterate(subscriber), is('quote'))).rejects.toMatchObject({ code: 'PROTOCOL' });
});

test('an abort signal ends the events without an error, and disposing twice is fine', async () => {
  await using market = await openMarket();
  const stop = new AbortController();
  const subscriber = subscribeTo(market.plant, { signal: stop.signal });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  const next = events.next();
  stop.abort();
  expect((await next).done).toBe(true);
  await subscriber[Symbol.asyncDispose]();
  await subscriber[Symbol.asyncDispose]();
});

test('a long beyond 2^53 keeps its digits', async () => {
  await using market = await openMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.intercept = (_, socket) => {
    socket.send(
      '{"op":"upd","table":"trade","sym":"AAPL","epoch":1,"seq":1,"rows":[["2026-11-20T14:30:00Z","AAPL",1.5,9223372036854775807]]}',
    );
    return true;
  };
  plant.drop();
  const [row] = ofType(await readUntil(events, rows(1)), 'rows');
  expect(row?.rows[0]?.[3]).toBe(9223372036854775807n);
});
