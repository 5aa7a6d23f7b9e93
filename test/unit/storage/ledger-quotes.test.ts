import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Ledger } from '../../../src/core/ports/ledger.ts';
import { directLedger } from './support/direct-ledger.ts';
import { hash, item, NODE, newQuote, node, priced, settlement, TICK, TIME } from './support/quotes.ts';

let ledger: Ledger;
beforeEach(async () => {
  ledger = directLedger();
});
afterEach(() => ledger[Symbol.asyncDispose]());

const ids = (quotes: readonly { readonly id: string }[]): string[] => quotes.map(({ id }) => id).sort();

test('a quote is read back as it was made, by id, by hash and by key', async () => {
  const items = [item('trade', ['AAPL']), item('quote', ['__proto__', 'é', "'"], TIME), item('book', ['X'], TICK)];
  const { newSubscription, ...fields } = newQuote('a', { key: 'key', request: 'request', reason: 'renewal', ...priced(items) });
  const { created, quote } = await ledger.createQuote({ ...fields, newSubscription });
  expect(created).toBe(true);
  expect(quote).toEqual({ ...fields, state: 'open', invoiceClosed: false });
  expect(await ledger.quote('a')).toEqual(quote);
  expect(await ledger.quoteByKey('key')).toEqual(quote);
  expect(await ledger.quoteByHash(NODE, hash('a'))).toEqual(quote);
  expect(await ledger.quote('b')).toBeUndefined();
  expect(await ledger.quoteByKey('other')).toBeUndefined();
  expect(await ledger.quoteByHash(node('another'), hash('a'))).toBeUndefined();
});

test('times with fractions of a millisecond are cut off', async () => {
  const { quote } = await ledger.createQuote(newQuote('a', { createdAt: 1000.9, expiresAt: 5000.5 }));
  expect([quote.createdAt, quote.expiresAt]).toEqual([1000, 5000]);
});

test('a key that has a quote gives that quote and writes nothing', async () => {
  await ledger.createQuote(newQuote('a', { key: 'key' }));
  const again = await ledger.createQuote(newQuote('b', { key: 'key' }));
  expect(again.created).toBe(false);
  expect(again.quote.id).toBe('a');
  expect(await ledger.counts()).toMatchObject({ quotes: 1, subscriptions: 1 });
});

test('of many quotes under one key at once exactly one is made', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ledger.createQuote(newQuote(`q${i}`, { key: 'key' }))));
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  expect(new Set(answers.map(({ quote }) => quote.id)).size).toBe(1);
});

test('the same quote sent a second time is answered, not made twice', async () => {
  await ledger.createQuote(newQuote('a'));
  expect(await ledger.createQuote(newQuote('a'))).toMatchObject({ created: false, quote: { id: 'a' } });
});

test('a key is free again when its quote ran out', async () => {
  await ledger.createQuote(newQuote('a', { key: 'key' }));
  await ledger.expireQuotes(NODE, 5000);
  expect(await ledger.quoteByKey('key')).toBeUndefined();
  expect((await ledger.createQuote(newQuote('b', { key: 'key', createdAt: 6000, expiresAt: 9000 }))).created).toBe(true);
});

test('a late payment is honoured though a newer quote has its key', async () => {
  await ledger.createQuote(newQuote('a', { key: 'key' }));
  await ledger.expireQuotes(NODE, 5000);
  await ledger.createQuote(newQuote('b', { key: 'key', createdAt: 6000, expiresAt: 9000 }));
  expect(await ledger.applySettlement(settlement('a', '1', { settledAt: 6500 }))).toMatchObject({ kind: 'granted', late: true });
  expect((await ledger.quoteByKey('key'))?.id).toBe('b');
  await ledger.withdrawQuote('b', 3000);
  expect((await ledger.quoteByKey('key'))?.id).toBe('a');
});

test('quotes run out at their time, at their node only, and what was settled stays settled', async () => {
  await ledger.createQuote(newQuote('early', { expiresAt: 4000 }));
  await ledger.createQuote(newQuote('paid', { expiresAt: 4000 }));
  await ledger.createQuote(newQuote('late', { expiresAt: 6000 }));
  await ledger.createQuote(newQuote('elsewhere', { expiresAt: 4000, node: node('another') }));
  await ledger.applySettlement(settlement('paid', '1'));
  expect(await ledger.expireQuotes(NODE, 3999)).toEqual([]);
  const expired = await ledger.expireQuotes(NODE, 4000.5);
  expect(ids(expired)).toEqual(['early']);
  expect(expired[0]).toMatchObject({ state: 'expired', node: NODE });
  expect(await ledger.expireQuotes(NODE, 4001)).toEqual([]);
  expect(ids(await ledger.openQuotes(NODE))).toEqual(['late']);
  expect(ids(await ledger.openQuotes(node('another')))).toEqual(['elsewhere']);
  expect(await ledger.openQuotes(node('unheard of'))).toEqual([]);
});

test('only an open quote is withdrawn', async () => {
  await ledger.createQuote(newQuote('a'));
  await ledger.createQuote(newQuote('paid'));
  await ledger.applySettlement(settlement('paid', '1'));
  expect(await ledger.withdrawQuote('a', 3000)).toMatchObject({ id: 'a', state: 'withdrawn' });
  expect(await ledger.withdrawQuote('a', 3000)).toBeUndefined();
  expect(await ledger.withdrawQuote('paid', 3000)).toBeUndefined();
  expect(await ledger.withdrawQuote('unknown', 3000)).toBeUndefined();
});

test('an invoice is to be cancelled from the end of its quote until that is noted', async () => {
  for (const name of ['expired', 'withdrawn', 'open', 'underpaid'])
    await ledger.createQuote(newQuote(name, name === 'open' ? { expiresAt: 9000 } : {}));
  expect(await ledger.invoicesToCancel(NODE)).toEqual([]);
  await ledger.withdrawQuote('withdrawn', 3000);
  await ledger.applySettlement(settlement('underpaid', '1', { received: 1n as never }));
  await ledger.expireQuotes(NODE, 5000);
  expect(ids(await ledger.invoicesToCancel(NODE))).toEqual(['expired', 'withdrawn']);
  await ledger.invoiceClosed('expired');
  expect(ids(await ledger.invoicesToCancel(NODE))).toEqual(['withdrawn']);
  expect(await ledger.quote('expired')).toMatchObject({ state: 'expired', invoiceClosed: true });
});

test('a quote that contradicts what is recorded is refused, and the commands beside it are not', async () => {
  await ledger.createQuote(newQuote('a'));
  const results = await Promise.allSettled([
    ledger.createQuote(newQuote('good 1')),
    ledger.createQuote(newQuote('same hash', { paymentHash: hash('a') })),
    ledger.createQuote(newQuote('same token', { newSubscription: { tokenId: 'token of a', rootKey: 'x' } })),
    ledger.createQuote(newQuote('good 2')),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? 'made' : result.reason.code))).toEqual([
    'made',
    'CONFLICT',
    'CONFLICT',
    'made',
  ]);
  expect(await ledger.counts()).toMatchObject({ quotes: 3, subscriptions: 3 });
  expect(await ledger.subscription('subscription of same hash')).toBeUndefined();
});

test('a further quote of a subscription leaves its credential as it is', async () => {
  await ledger.createQuote(newQuote('a'));
  const before = await ledger.subscription('subscription of a');
  await ledger.createQuote(newQuote('b', { subscription: 'subscription of a', createdAt: 2000 }));
  expect(await ledger.subscription('subscription of a')).toEqual(before);
  expect(await ledger.subscriptionByToken('token of b')).toBeUndefined();
});

test('what a buyer does not want is kept per table and replaced as a whole', async () => {
  await ledger.createQuote(newQuote('a'));
  const id = 'subscription of a';
  await ledger.setUnsubscribed(id, 'trade', ['AAPL', 'GOOG']);
  await ledger.setUnsubscribed(id, '__proto__', ['X']);
  await ledger.setUnsubscribed(id, 'trade', ['GOOG']);
  const { unsubscribed } = (await ledger.subscriptionByToken('token of a')) ?? { unsubscribed: {} };
  expect(Object.entries(unsubscribed).sort()).toEqual([
    ['__proto__', ['X']],
    ['trade', ['GOOG']],
  ]);
  await ledger.setUnsubscribed(id, 'trade', []);
  await ledger.setUnsubscribed(id, '__proto__', []);
  expect((await ledger.subscription(id))?.unsubscribed).toEqual({});
  await expect(ledger.setUnsubscribed('unknown', 'trade', ['X'])).rejects.toMatchObject({ code: 'CONFLICT' });
});
