import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import type { SubscriberEvent } from '../../../src/client/events.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { ofType, openMarket, readUntil, rowNames, subscribeTo } from './support/buyer.ts';

const iterate = (subscriber: AsyncIterable<SubscriberEvent>) => subscriber[Symbol.asyncIterator]();
const is = (type: SubscriberEvent['type']) => (event: SubscriberEvent) => event.type === type;
const rows = (count: number) => (_: SubscriberEvent, all: readonly SubscriberEvent[]) => rowNames(all).length >= count;
const actives = (count: number) => (_: SubscriberEvent, all: readonly SubscriberEvent[]) => ofType(all, 'active').length >= count;

const TICK = { kind: 'tick', msat: '10000', prepayMsat: '100000' };
const TIME = { kind: 'time', msat: '100000', perMs: 3_600_000, graceMs: 60_000 };

async function openTickMarket() {
  const market = await openMarket();
  market.plant.terms = TICK;
  return market;
}

test('the choice of pricing and snapshot goes with the sub', async () => {
  await using market = await openTickMarket();
  await using subscriber = subscribeTo(market.plant, { pricing: 'tick', snapshot: false });
  const [quote] = ofType(await readUntil(iterate(subscriber), is('quote')), 'quote');
  expect(market.plant.requests[0]).toMatchObject({ op: 'sub', pricing: 'tick', snapshot: false });
  expect(quote?.quote.items[0]?.terms).toMatchObject({ kind: 'tick', msat: 10_000n, prepayMsat: 100_000n });
});

test('a top-up is paid by itself while rows go on, once though it is offered again', async () => {
  await using market = await openTickMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 15);
  const offer = plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  plant.publish('GOOG', 1);
  const seen = await readUntil(events, actives(1));
  expect(rowNames(seen).length).toBeGreaterThanOrEqual(15);
  expect(ofType(seen, 'quote')[0]?.quote).toMatchObject({ quote: offer.id, reason: 'top-up' });
  expect(JSON.stringify(ofType(seen, 'quote')[0], (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
    'token-',
  );
  expect(ofType(seen, 'paid')[0]).toMatchObject({ quote: offer.id, reason: 'top-up', amountMsat: 200_000n });
  plant.drop();
  await readUntil(events, is('resumed'));
  plant.tell(offer.subscription, offerMessage(offer.id));
  plant.publish('AAPL', 1);
  await readUntil(events, rows(1));
  expect(payer.paid).toHaveLength(2);
  expect(subscriber.spentMsat).toBe(msat(402_000));
});

function offerMessage(quote: string) {
  return {
    op: 'quote',
    reason: 'top-up',
    quote,
    subscription: 's',
    token: 't',
    table: 'trade',
    syms: ['AAPL'],
    schema: [],
    amountMsat: '100000',
    pricing: TICK,
    invoice: 'x',
    paymentHash: 'ab'.repeat(32),
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    until: new Date().toISOString(),
    node: { id: 'n', uris: [] },
  };
}

test('a top-up that comes before the rows do is kept, and paid when they are there', async () => {
  await using market = await openTickMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  const [kept] = ofType(await readUntil(events, is('status')), 'status');
  expect(kept?.detail).toContain('offered early');
  expect(payer.paid).toHaveLength(1);
  plant.publish('AAPL', 1);
  const seen = await readUntil(events, is('paid'));
  expect(rowNames(seen)).toEqual(['AAPL@1:1']);
});

test('a server that asks for top-ups without end gets one prepayment beyond what it delivers', async () => {
  await using market = await openTickMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant, { budgetMsat: sat(100_000) });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 1);
  for (let turn = 0; turn < 50; turn += 1) plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  await readUntil(events, actives(1));
  plant.publish('GOOG', 1);
  await readUntil(events, rows(1));
  expect(payer.paid).toHaveLength(2);
});

test('a top-up that the budget has no room for is told, and rows go on', async () => {
  await using market = await openTickMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant, { budgetMsat: sat(300) });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 12);
  const offer = plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  plant.tell(offer.subscription, { op: 'balance', subscription: offer.subscription, msat: '80000', state: 'low' });
  const seen = await readUntil(events, is('declined'));
  expect(ofType(seen, 'declined')[0]).toMatchObject({ quote: offer.id, reason: 'top-up', because: 'budget', amountMsat: 200_000n });
  plant.publish('GOOG', 1);
  await readUntil(events, rows(1));
  expect(payer.paid).toHaveLength(1);
  plant.end(plant.quotes[0] as never);
  for await (const event of { [Symbol.asyncIterator]: () => events }) if (event.type === 'expired') expect(event.reason).toBe('ended');
});

test('with `once` nothing is paid again', async () => {
  await using market = await openTickMarket();
  await using subscriber = subscribeTo(market.plant, { once: true });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  market.plant.publish('AAPL', 15);
  market.plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  expect(ofType(await readUntil(events, is('declined')), 'declined')[0]).toMatchObject({ because: 'once' });
  expect(market.payer.paid).toHaveLength(1);
});

test('an offer that asks for more than the first quote’s terms is not paid', async () => {
  await using market = await openTickMarket();
  await using subscriber = subscribeTo(market.plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  market.plant.publish('AAPL', 15);
  market.plant.offer({ reason: 'top-up', amountMsat: 200_001n });
  expect(ofType(await readUntil(events, is('declined')), 'declined')[0]).toMatchObject({ because: 'terms' });
  expect(market.payer.attempts).toBe(1);
});

test('a payment that fails is tried again as long as the offer is good', async () => {
  await using market = await openTickMarket();
  const { plant, payer } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 15);
  payer.mode = 'fail';
  plant.offer({ reason: 'top-up', amountMsat: 200_000n });
  await readUntil(events, (event) => event.type === 'status' && event.detail.includes('failed'));
  payer.mode = 'settle';
  await readUntil(events, is('paid'));
  expect(payer.paid).toHaveLength(2);
});

test('a renewal is paid when it is due, and not again before half of the next period', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  plant.terms = TIME;
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  await using subscriber = subscribeTo(plant, { clock });
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  ahead = 3_500_000;
  const offer = { reason: 'renewal', amountMsat: 200_000n, expiryMs: 10 * 3_600_000 } as const;
  plant.offer(offer);
  expect(ofType(await readUntil(events, is('paid')), 'paid')[0]).toMatchObject({ reason: 'renewal' });
  plant.offer(offer);
  await readUntil(events, (event) => event.type === 'status' && event.detail.includes('offered early'));
  expect(payer.paid).toHaveLength(2);
  // What was paid goes on from the end of the first period, so the third is due half a period before the second's end.
  ahead = 3_600_000 * 1.5 + 1_000;
  plant.offer(offer);
  await readUntil(events, is('paid'));
  expect(payer.paid).toHaveLength(3);
});

test('the end of what was renewed does not end the stream; the end of the last does', async () => {
  await using market = await openMarket();
  const { plant } = market;
  plant.terms = { ...TIME, perMs: 1_000 };
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  const renewal = plant.offer({ reason: 'renewal', amountMsat: 200_000n });
  await readUntil(events, actives(1));
  plant.end(plant.quotes[0] as never);
  plant.publish('AAPL', 1);
  await readUntil(events, rows(1));
  plant.end(renewal);
  const rest: SubscriberEvent[] = [];
  for await (const event of { [Symbol.asyncIterator]: () => events }) rest.push(event);
  expect(rest.at(-1)).toMatchObject({ type: 'expired', reason: 'ended', renewing: false });
});

test('a renewal whose effect is told before the wallet says that it is paid is done with', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  plant.terms = { ...TIME, perMs: 1_000 };
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  payer.mode = 'pending';
  const renewal = plant.offer({ reason: 'renewal', amountMsat: 200_000n });
  await readUntil(events, is('paying'));
  const settled = payer.onSettled;
  payer.onSettled = () => undefined;
  settled(renewal.hash);
  await readUntil(events, actives(1));
  payer.settle(renewal.hash);
  await readUntil(events, is('paid'));
  plant.end(plant.quotes[0] as never);
  plant.end(renewal);
  const rest: SubscriberEvent[] = [];
  for await (const event of { [Symbol.asyncIterator]: () => events }) rest.push(event);
  expect(rest.at(-1)).toMatchObject({ type: 'expired', reason: 'ended' });
});

test('a payment in flight is waited for, though the server says that all is over', async () => {
  await using market = await openMarket();
  const { plant, payer } = market;
  plant.terms = { ...TIME, perMs: 1_000 };
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  payer.mode = 'pending';
  const renewal = plant.offer({ reason: 'renewal', amountMsat: 200_000n });
  await readUntil(events, is('paying'));
  plant.end(plant.quotes[0] as never);
  await readUntil(events, (event) => event.type === 'status' && event.detail.includes('being paid'));
  payer.settle(renewal.hash);
  await readUntil(events, (_, all) => ofType(all, 'paid').length > 0 && ofType(all, 'resumed').length > 0);
  expect(payer.paid).toHaveLength(2);
});

test('balance, credit and snapshot are told; a snapshot is not a row', async () => {
  await using market = await openTickMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  const { subscription, id } = plant.quotes[0] as { subscription: string; id: string };
  plant.tell(subscription, {
    op: 'snapshot',
    table: 'trade',
    sym: 'AAPL',
    epoch: 1,
    seq: 7,
    rows: [['2026-11-20T14:30:00Z', 'AAPL', 1, 2]],
  });
  plant.tell(subscription, { op: 'balance', subscription, msat: '200000', state: 'ok' });
  plant.tell(subscription, { op: 'credit', subscription, quote: id, msat: '5000', reason: 'overpaid', outcome: 'credit' });
  plant.publish('AAPL', 1);
  const seen = await readUntil(events, rows(1));
  expect(ofType(seen, 'snapshot')[0]).toMatchObject({ sym: 'AAPL', seq: 7 });
  expect(ofType(seen, 'balance')[0]).toMatchObject({ balanceMsat: 200_000n, state: 'ok' });
  expect(ofType(seen, 'credit')[0]).toMatchObject({ msat: 5_000n, outcome: 'credit' });
  expect(rowNames(seen)).toEqual(['AAPL@1:1']);
});

test('rows that stopped because the balance was used up are a gap, and go on after it', async () => {
  await using market = await openTickMarket();
  const { plant } = market;
  await using subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('active'));
  plant.publish('AAPL', 2);
  plant.lose = (_, seq) => seq > 2 && seq < 6;
  plant.publish('AAPL', 3);
  plant.tell((plant.quotes[0] as { subscription: string }).subscription, {
    op: 'gap',
    table: 'trade',
    sym: 'AAPL',
    epoch: 1,
    from: 3,
    to: 5,
    reason: 'balance',
  });
  plant.publish('AAPL', 1);
  const seen = await readUntil(events, rows(3));
  expect(ofType(seen, 'gap')).toMatchObject([{ from: 3, to: 5, reason: 'balance' }]);
  expect(rowNames(seen)).toEqual(['AAPL@1:1', 'AAPL@1:2', 'AAPL@1:6']);
});

/** A market where the first payment is late: it bought nothing. */
async function setAside(outcome: 'credit' | 'refund') {
  const market = await openMarket();
  const { plant, payer } = market;
  const settled = payer.onSettled;
  payer.onSettled = () => undefined;
  const subscriber = subscribeTo(plant);
  const events = iterate(subscriber);
  await readUntil(events, is('paid'));
  const { subscription, id } = plant.quotes[0] as { subscription: string; id: string };
  payer.onSettled = settled;
  const tell = () => plant.tell(subscription, { op: 'credit', subscription, quote: id, msat: '200000', reason: 'late', outcome });
  return { plant, payer, events, tell, [Symbol.asyncDispose]: () => subscriber[Symbol.asyncDispose]().then(() => plant.stop()) };
}

test('money that was set aside lowers the next quote, which is asked for at once', async () => {
  await using market = await setAside('credit');
  const { plant, payer, events, tell } = market;
  plant.tamper = (quote) => {
    const invoice = payer.invoice(msat(1_000), Date.now() + 60_000);
    Object.assign(plant.quotes.at(-1) as object, { hash: invoice.paymentHash });
    return { ...quote, amountMsat: '1000', creditMsat: '199000', invoice: invoice.text, paymentHash: invoice.paymentHash };
  };
  tell();
  const seen = await readUntil(events, is('active'));
  expect(seen.map(({ type }) => type).filter((type) => type !== 'status')).toEqual(['credit', 'quote', 'paying', 'paid', 'active']);
  expect(ofType(seen, 'paid')[0]?.amountMsat).toBe(1_000n);
});

test('a server that sets money aside and asks for the whole price again gets nothing more', async () => {
  await using market = await setAside('credit');
  market.tell();
  await expect(readUntil(market.events, is('paid'))).rejects.toMatchObject({ code: 'BAD_QUOTE' });
  expect(market.payer.paid).toHaveLength(1);
});

test('money that is to be given back ends it: nothing is bought a second time', async () => {
  await using market = await setAside('refund');
  market.tell();
  await expect(readUntil(market.events, is('quote'))).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('given back'),
  });
});
