import { afterEach, beforeEach, expect, test } from 'vitest';
import { MAX_MSAT, msat } from '../../../src/core/lightning/amount.ts';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import type { Grant, Ledger } from '../../../src/core/ports/ledger.ts';
import { directLedger } from './support/direct-ledger.ts';
import { FLAT, item, NODE, newQuote, node, PRICE, priced, settlement } from './support/quotes.ts';

let ledger: Ledger;
beforeEach(async () => {
  ledger = directLedger();
  await ledger.createQuote(newQuote('a'));
});
afterEach(() => ledger[Symbol.asyncDispose]());

const subscription = () => ledger.subscription('subscription of a');

test('a settled invoice gives one grant per item, from where each symbol stands, and moves the cursor', async () => {
  const items = [item('trade', ['AAPL', 'toString']), item('quote', ['AAPL'])];
  await ledger.createQuote(newQuote('two', { ...priced(items), subscription: 'subscription of a' }));
  const received = msat(300_000);
  const effect = await ledger.applySettlement(settlement('two', '7', { received, now: 3000, epoch: 4, next: { trade: { AAPL: 17 } } }));
  const common = { subscription: 'subscription of a', quote: 'two', terms: FLAT, grantedAt: 3000, until: 86_403_000, epoch: 4 };
  const grants: readonly Grant[] = [
    { id: 'two-0', ...common, table: 'trade', syms: ['AAPL', 'toString'], next: { AAPL: 17, toString: 1 } },
    { id: 'two-1', ...common, table: 'quote', syms: ['AAPL'], next: { AAPL: 1 } },
  ];
  const quote = expect.objectContaining({ id: 'two', state: 'settled', invoiceClosed: true });
  expect(effect).toEqual({ kind: 'granted', quote, grants, balanceMsat: 0n, credits: [], late: false });
  expect((await subscription())?.grants).toEqual(grants);
  expect(await ledger.quote('two')).toMatchObject({ state: 'settled', invoiceClosed: true });
  expect(await ledger.cursor(NODE)).toBe('7');
  expect(await ledger.counts()).toEqual({
    quotes: 2,
    settled: 1,
    subscriptions: 1,
    creditMsat: 0n,
    balanceMsat: 0n,
    refundMsat: 0n,
  });
});

test('a settlement that comes again changes nothing but the cursor', async () => {
  await ledger.applySettlement(settlement('a', '1', { received: msat(200_001) }));
  const before = await subscription();
  expect(await ledger.applySettlement(settlement('a', '2', { received: msat(900_000), now: 9999 }))).toMatchObject({
    kind: 'repeated',
    quote: { id: 'a', state: 'settled' },
  });
  expect(await subscription()).toEqual(before);
  expect(await ledger.cursor(NODE)).toBe('2');
});

test('the same settlement many times at once has one effect', async () => {
  const effects = await Promise.all(Array.from({ length: 20 }, (_, i) => ledger.applySettlement(settlement('a', String(i)))));
  expect(effects.map(({ kind }) => kind)).toEqual(['granted', ...Array(19).fill('repeated')]);
  expect((await subscription())?.grants).toHaveLength(1);
});

test('what is paid too much goes to the credit', async () => {
  expect(await ledger.applySettlement(settlement('a', '1', { received: msat(200_001) }))).toMatchObject({
    kind: 'granted',
    credits: [{ subscription: 'subscription of a', quote: 'a', msat: 1n, reason: 'overpaid', outcome: 'credit' }],
  });
  expect((await subscription())?.creditMsat).toBe(1n);
});

test('too little is credited, buys nothing and ends the quote, whose invoice can not be paid again', async () => {
  const effect = await ledger.applySettlement(settlement('a', '1', { received: msat(199_999) }));
  expect(effect).toMatchObject({
    kind: 'set-aside',
    credits: [{ msat: 199_999n, reason: 'underpaid', outcome: 'credit' }],
    quote: { state: 'withdrawn', invoiceClosed: true },
  });
  expect(await ledger.applySettlement(settlement('a', '1', { received: msat(199_999) }))).toMatchObject({ kind: 'repeated' });
  expect(await subscription()).toMatchObject({ grants: [], creditMsat: 199_999n });
  expect(await ledger.quote('a')).toMatchObject({ state: 'withdrawn', invoiceClosed: true });
});

test('a payment after expiry, after withdrawal, or settled after the time is honoured and said to be late', async () => {
  await ledger.createQuote(newQuote('withdrawn'));
  await ledger.createQuote(newQuote('slow', { expiresAt: 9000 }));
  await ledger.withdrawQuote('withdrawn', 3000);
  await ledger.expireQuotes(NODE, 5000);
  for (const [name, settledAt] of [
    ['a', 2000],
    ['withdrawn', 2000],
    ['slow', 9001],
  ] as const) {
    expect(await ledger.applySettlement(settlement(name, name, { settledAt }))).toMatchObject({
      kind: 'granted',
      late: true,
      quote: { state: 'settled' },
    });
  }
});

test('expiry and settlement at once: the settlement counts, whichever came first', async () => {
  for (let i = 0; i < 10; i += 1) await ledger.createQuote(newQuote(`race ${i}`));
  const answers = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const settle = () => ledger.applySettlement(settlement(`race ${i}`, `r${i}`));
      const expire = () => ledger.expireQuotes(NODE, 5000);
      return i % 2 === 0
        ? Promise.all([settle(), expire()]).then(([effect]) => effect)
        : Promise.all([expire(), settle()]).then(([, effect]) => effect);
    }),
  );
  expect(answers.every(({ kind }) => kind === 'granted')).toBe(true);
  for (let i = 0; i < 10; i += 1) expect((await ledger.quote(`race ${i}`))?.state).toBe('settled');
});

test('money that comes twice is credited once per event', async () => {
  await ledger.applySettlement(settlement('a', '1'));
  expect(await ledger.applySettlement(settlement('a', '2', { kind: 'duplicate' }))).toMatchObject({
    kind: 'set-aside',
    credits: [{ msat: PRICE, reason: 'duplicate', outcome: 'credit' }],
  });
  expect(await ledger.applySettlement(settlement('a', '2', { kind: 'duplicate' }))).toMatchObject({ kind: 'repeated' });
  expect(await ledger.applySettlement(settlement('a', '3', { kind: 'duplicate' }))).toMatchObject({ kind: 'set-aside' });
  expect((await subscription())?.creditMsat).toBe(2n * PRICE);
  expect((await subscription())?.grants).toHaveLength(1);
});

test('an invoice that is not ours moves the cursor and nothing else', async () => {
  expect(await ledger.applySettlement(settlement('somebody else', '5'))).toEqual({ kind: 'foreign' });
  expect(await ledger.applySettlement(settlement('somebody else', '6', { kind: 'duplicate' }))).toEqual({ kind: 'foreign' });
  expect(await ledger.cursor(NODE)).toBe('6');
  expect(await ledger.counts()).toMatchObject({ settled: 0, creditMsat: 0n });
});

test('cursors and quotes are of one node and network: another one with the same hash is foreign', async () => {
  const other = node('another');
  const mainnet = { ...NODE, network: 'mainnet' as const };
  expect(await ledger.applySettlement(settlement('a', 'x', { node: other }))).toEqual({ kind: 'foreign' });
  expect(await ledger.applySettlement(settlement('a', 'y', { node: mainnet }))).toEqual({ kind: 'foreign' });
  expect(await ledger.cursor(NODE)).toBeUndefined();
  await ledger.saveCursor(NODE, 'z' as SettlementCursor);
  expect([await ledger.cursor(NODE), await ledger.cursor(other), await ledger.cursor(mainnet)]).toEqual(['z', 'x', 'y']);
});

test('the largest amounts come back to the last millisatoshi', async () => {
  await ledger.createQuote(newQuote('large', priced([{ ...item('trade', ['AAPL'], { ...FLAT, msat: MAX_MSAT - 1n }) }])));
  expect(await ledger.applySettlement(settlement('large', '1', { received: MAX_MSAT }))).toMatchObject({
    kind: 'granted',
    credits: [{ msat: 1n, reason: 'overpaid' }],
  });
  await ledger.applySettlement(settlement('large', '2', { received: MAX_MSAT, kind: 'duplicate' }));
  expect((await ledger.quote('large'))?.amountMsat).toBe(MAX_MSAT - 1n);
  expect((await ledger.subscription('subscription of large'))?.creditMsat).toBe(MAX_MSAT + 1n);
});

test('each source has a position of its own; an event of an outbox moves the one at the node where it is known', async () => {
  const outbox = { source: 'outbox:one' as const };
  await ledger.saveCursor(NODE, 'n1' as SettlementCursor);
  await ledger.applySettlement(settlement('a', '10', outbox));
  expect([await ledger.cursor(NODE), await ledger.cursor(NODE, 'outbox:one')]).toEqual(['n1', '10']);
  await ledger.applySettlement(settlement('a', '11', { ...outbox, nodeCursor: 'n2' as SettlementCursor }));
  await ledger.saveCursor(NODE, '3' as SettlementCursor, 'outbox:two');
  expect([await ledger.cursor(NODE), await ledger.cursor(NODE, 'outbox:one'), await ledger.cursor(NODE, 'outbox:two')]).toEqual([
    'n2',
    '11',
    '3',
  ]);
  expect(await ledger.cursor(node('another'), 'outbox:one')).toBeUndefined();
});

test('a settlement has one effect, whichever source tells of it first', async () => {
  expect(await ledger.applySettlement(settlement('a', '4', { source: 'outbox:one' }))).toMatchObject({ kind: 'granted' });
  expect(await ledger.applySettlement(settlement('a', 'n9'))).toMatchObject({ kind: 'repeated' });
  expect(await ledger.applySettlement(settlement('a', '1', { source: 'outbox:two' }))).toMatchObject({ kind: 'repeated' });
  const nodeCursor = 'n10' as SettlementCursor;
  expect(await ledger.applySettlement(settlement('a', '5', { source: 'outbox:one', nodeCursor, kind: 'duplicate' }))).toMatchObject({
    kind: 'set-aside',
  });
  expect(await ledger.applySettlement(settlement('a', 'n10', { kind: 'duplicate' }))).toMatchObject({ kind: 'repeated' });
  expect((await subscription())?.creditMsat).toBe(PRICE);
});
