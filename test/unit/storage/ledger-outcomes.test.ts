import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { Ledger, NewQuote, SettlementEffect, SettlementPolicy } from '../../../src/core/ports/ledger.ts';
import { directLedger } from './support/direct-ledger.ts';
import { FLAT, hash, item, NODE, newQuote, POLICY, PRICE, priced, settlement, TICK, TIME } from './support/quotes.ts';

const ID = 'subscription of a';
let ledger: Ledger;
beforeEach(() => {
  ledger = directLedger();
});
afterEach(() => ledger[Symbol.asyncDispose]());

const quoted = (name: string, changes: Partial<NewQuote> = {}) => ledger.createQuote(newQuote(name, { subscription: ID, ...changes }));
const credit = async (): Promise<Msat | undefined> => (await ledger.subscription(ID))?.creditMsat;
const paid = (name: string, changes: Parameters<typeof settlement>[2] & { readonly decided?: Partial<SettlementPolicy> } = {}) => {
  const { decided, ...rest } = changes;
  return ledger.applySettlement(settlement(name, `cursor of ${name}`, { policy: { ...POLICY, ...decided }, ...rest }));
};
const kept = (quote: string, amount: bigint, reason: string, outcome: string) => [
  { subscription: ID, quote, msat: amount, reason, outcome },
];

test.each(['credit', 'refund'] as const)('each kind of money that buys nothing can be a %s, and is told', async (outcome) => {
  const decided: Partial<SettlementPolicy> = {
    ...{ late: outcome, withdrawn: outcome, overpaid: outcome },
    ...{ underpaid: outcome, duplicate: outcome, tableGone: outcome },
  };
  for (const name of ['late', 'withdrawn']) await quoted(name);
  await ledger.withdrawQuote('withdrawn', 3000);
  await ledger.expireQuotes(NODE, 5000);
  for (const name of ['over', 'under', 'gone']) await quoted(name);
  const effects: SettlementEffect[] = [
    await paid('late', { decided }),
    await paid('withdrawn', { decided }),
    await paid('over', { decided, received: msat(200_007) }),
    await paid('under', { decided, received: msat(5) }),
    await paid('gone', { decided, gone: ['trade'] }),
    await ledger.applySettlement(settlement('over', 'again', { kind: 'duplicate', policy: { ...POLICY, ...decided } })),
  ];
  const expected = [
    ['late', PRICE, 'late', 'set-aside'],
    ['withdrawn', PRICE, 'withdrawn', 'set-aside'],
    ['over', 7n, 'overpaid', 'granted'],
    ['under', 5n, 'underpaid', 'set-aside'],
    ['gone', PRICE, 'table-gone', 'set-aside'],
    ['over', PRICE, 'duplicate', 'set-aside'],
  ] as const;
  expect(effects).toMatchObject(expected.map(([quote, amount, reason, kind]) => ({ kind, credits: kept(quote, amount, reason, outcome) })));
  const sum = expected.reduce((total, [, amount]) => total + amount, 0n);
  expect(await ledger.counts()).toMatchObject({ creditMsat: outcome === 'credit' ? sum : 0n, refundMsat: outcome === 'refund' ? sum : 0n });
  expect(await ledger.openQuotes(NODE)).toEqual([]);
  expect(await ledger.quote('gone')).toMatchObject({ state: 'withdrawn', invoiceClosed: true });
  expect((await ledger.subscription(ID))?.grants).toHaveLength(1);
});

test('what is paid for a revoked subscription is to be given back, whatever the policy honours', async () => {
  const decided = { late: 'honour', withdrawn: 'honour', duplicate: 'credit' } as const;
  for (const name of ['ran out', 'was paid']) await quoted(name);
  await paid('was paid');
  await ledger.expireQuotes(NODE, 5000);
  await quoted('open');
  await ledger.revoke({ subscription: ID }, 6000);
  expect([
    await paid('ran out', { decided }),
    await paid('open', { decided }),
    await ledger.applySettlement(settlement('was paid', 'again', { kind: 'duplicate', policy: { ...POLICY, ...decided } })),
  ]).toMatchObject([
    { kind: 'set-aside', credits: kept('ran out', PRICE, 'late', 'refund') },
    { kind: 'set-aside', credits: kept('open', PRICE, 'withdrawn', 'refund') },
    { kind: 'set-aside', credits: kept('was paid', PRICE, 'duplicate', 'refund') },
  ]);
  expect(await ledger.counts()).toMatchObject({ creditMsat: 0n, refundMsat: 3n * PRICE });
  expect((await ledger.subscription(ID))?.grants).toHaveLength(1);
});

test('a second payment is noted once per event, as a refund too', async () => {
  await quoted('a');
  await paid('a');
  const again = (cursor: string) =>
    ledger.applySettlement(settlement('a', cursor, { kind: 'duplicate', policy: { ...POLICY, duplicate: 'refund' } }));
  expect([(await again('x')).kind, (await again('x')).kind, (await again('y')).kind]).toEqual(['set-aside', 'repeated', 'set-aside']);
  expect(await ledger.refunds()).toHaveLength(2);
});

test('a refund is on the list until it is done, and done once', async () => {
  await quoted('a');
  await paid('a', { received: msat(3), decided: { underpaid: 'refund' } });
  const [note] = await ledger.refunds();
  expect(note).toEqual({
    ...{ id: expect.any(String), subscription: ID, quote: 'a', paymentHash: hash('a') },
    ...{ msat: 3n, reason: 'underpaid', at: 2500, doneAt: undefined },
  });
  expect(await ledger.refundDone('unheard of', 9000)).toBe(false);
  expect(await ledger.refundDone('77', 9000)).toBe(false);
  expect(await ledger.refundDone(note?.id ?? '', 9000)).toBe(true);
  expect(await ledger.refundDone(note?.id ?? '', 9001)).toBe(false);
  expect(await ledger.refunds()).toEqual([]);
  expect(await ledger.counts()).toMatchObject({ refundMsat: 0n });
});

test('credit lowers a price: it is set aside with the quote, used when it is paid, and back when it is not', async () => {
  await quoted('a');
  await paid('a', { received: msat(230_000) });
  await quoted('b', priced([item('trade', ['X'])], 20_000n));
  expect(await credit()).toBe(10_000n);
  await expect(quoted('c', priced([item('trade', ['X'])], 10_001n))).rejects.toMatchObject({ code: 'CONFLICT' });
  await quoted('c', priced([item('trade', ['X'])], 10_000n));
  expect(await credit()).toBe(0n);
  expect(await paid('b', { received: msat(80_000) })).toMatchObject({ kind: 'granted', late: false, credits: [] });
  expect(await credit()).toBe(0n);
  await ledger.expireQuotes(NODE, 5000);
  expect(await credit()).toBe(10_000n);
  await quoted('d', priced([item('trade', ['X'])], 4_000n));
  await ledger.withdrawQuote('d', 6000);
  await ledger.withdrawQuote('d', 6001);
  await ledger.expireQuotes(NODE, 9000);
  expect(await credit()).toBe(10_000n);
});

test('too little for a quote with credit gives the credit back with what came', async () => {
  await quoted('a');
  await paid('a', { received: msat(210_000) });
  await quoted('b', priced([item('trade', ['X'])], 10_000n));
  await paid('b', { received: msat(5) });
  expect(await credit()).toBe(10_005n);
});

test('a quote with credit that is paid late takes the credit again as far as it is there, and never more', async () => {
  await quoted('a');
  await paid('a', { received: msat(210_000) });
  await quoted('b', priced([item('trade', ['X'])], 8_000n));
  await quoted('c', { ...priced([item('trade', ['Y'])], 2_000n) });
  await ledger.expireQuotes(NODE, 5000);
  await quoted('d', { ...priced([item('trade', ['Z'])], 7_000n), expiresAt: 9000 });
  expect(await credit()).toBe(3_000n);
  expect(await paid('b', { received: msat(92_000) })).toMatchObject({ kind: 'granted', late: true, credits: [] });
  expect(await credit()).toBe(0n);
  expect(await paid('c', { received: msat(98_000) })).toMatchObject({ kind: 'granted', late: true });
  expect(await credit()).toBe(0n);
  await ledger.withdrawQuote('d', 6000);
  expect(await credit()).toBe(7_000n);
});

test('of several tables those that are on sale are granted, and the price of the others is set aside', async () => {
  const items = [item('trade', ['X', 'Y']), item('gone', ['X'], TIME), item('book', ['X'], TICK)];
  await quoted('a', priced(items));
  const effect = await paid('a', { received: msat(215_001), gone: ['gone'] });
  expect(effect).toMatchObject({
    kind: 'granted',
    balanceMsat: 10_000n,
    grants: [
      { id: 'a-0', table: 'trade' },
      { id: 'a-1', table: 'book' },
    ],
    credits: [...kept('a', 5_000n, 'table-gone', 'credit'), ...kept('a', 1n, 'overpaid', 'credit')],
  });
  expect(await credit()).toBe(5_001n);
});

test('credit that was spent elsewhere meanwhile does not come back as the price of a table that is gone', async () => {
  await quoted('a');
  await paid('a', { received: msat(290_000) });
  await quoted('b', priced([item('trade', ['X']), item('gone', ['X'])], 90_000n));
  await ledger.expireQuotes(NODE, 5000);
  await quoted('c', { ...priced([item('trade', ['Z'])], 80_000n), expiresAt: 9000 });
  await paid('b', { received: msat(110_000), gone: ['gone'] });
  // 110,000 came and 10,000 of credit were left: 100,000 bought something, and 20,000 are the buyer's.
  expect(await credit()).toBe(20_000n);
});

test('a day that is bought lasts until its end', async () => {
  await quoted('a', priced([item('trade', ['X'], { ...FLAT, lastsMs: 'day' })]));
  expect(await paid('a', { received: msat(100_000), dayEnds: 7777.9 })).toMatchObject({ grants: [{ until: 7777 }] });
});

test('time that is paid early or within the grace goes on from its end; after that, or for other symbols, it begins now', async () => {
  const buy = async (name: string, syms: readonly string[], now: number) => {
    const price = priced([item('trade', syms, TIME)]);
    await quoted(name, price);
    const effect = await paid(name, { received: price.amountMsat, now });
    return effect.kind === 'granted' ? effect.grants.map(({ id, syms: granted, until }) => [id, granted, until]) : effect.kind;
  };
  expect(await buy('a', ['X', 'Y'], 1000)).toEqual([['a-0', ['X', 'Y'], 2000]]);
  expect(await buy('b', ['X'], 1001)).toEqual([['b-0', ['X'], 3000]]);
  expect(await buy('c', ['Z', 'X', 'Y', 'W'], 2100)).toEqual([
    ['c-0', ['Z', 'W'], 3100],
    ['c-1', ['X'], 4000],
    ['c-2', ['Y'], 3000],
  ]);
  expect(await buy('d', ['Y'], 3101)).toEqual([['d-0', ['Y'], 4101]]);
  const { grants } = (await ledger.subscription(ID)) ?? { grants: [] };
  expect(grants.map(({ id }) => id)).toEqual(['a-0', 'b-0', 'c-0', 'c-1', 'c-2', 'd-0']);
});

test('time does not wait for the end of a prepaid balance, whose rows are paid one by one', async () => {
  await quoted('a', priced([item('trade', ['X'], TICK)]));
  await paid('a', { received: msat(10_000), now: 1000 });
  await quoted('b', priced([item('trade', ['X'], TIME)]));
  expect(await paid('b', { received: msat(5_000), now: 1500 })).toMatchObject({ grants: [{ until: 2500 }] });
});

test('rows are needed from the earliest that a grant with its grace may ask for', async () => {
  expect(await ledger.neededFrom(0)).toBeUndefined();
  await quoted('a', priced([item('trade', ['X'], TIME)]));
  await paid('a', { received: msat(5_000), now: 1000 });
  expect(await ledger.neededFrom(1200)).toBe(1000);
  expect(await ledger.neededFrom(1700.5)).toBe(1200);
  expect(await ledger.neededFrom(2099)).toBe(1599);
  expect(await ledger.neededFrom(2100)).toBeUndefined();
  await quoted('b', priced([item('trade', ['Y'])]));
  await paid('b', { received: msat(100_000), now: 1900 });
  expect(await ledger.neededFrom(2099)).toBe(1599);
  expect(await ledger.neededFrom(2100)).toBe(1900);
});

test('a quote whose price is not that of its items is refused', async () => {
  await expect(quoted('a', { amountMsat: msat(1) })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await ledger.counts()).toMatchObject({ quotes: 0, subscriptions: 0 });
});
