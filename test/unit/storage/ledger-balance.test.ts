import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { BilledRows, Ledger } from '../../../src/core/ports/ledger.ts';
import { MOST_RANGES, type SeqRange, unionOf } from '../../../src/storage/ledger/billed-ranges.ts';
import { directLedger } from './support/direct-ledger.ts';
import { item, newQuote, priced, settlement, TICK } from './support/quotes.ts';

const ID = 'subscription of tick';
let ledger: Ledger;

/** Buys a prepaid balance of 10,000 msat. */
async function prepay(name: string): Promise<unknown> {
  const price = priced([item('book', ['A'], TICK)]);
  await ledger.createQuote(newQuote(name, { ...price, subscription: ID, reason: name === 'tick' ? 'asked' : 'top-up' }));
  return await ledger.applySettlement(settlement(name, name, { received: price.amountMsat }));
}

beforeEach(async () => {
  ledger = directLedger();
  await prepay('tick');
});
afterEach(() => ledger[Symbol.asyncDispose]());

const balance = async (): Promise<Msat | undefined> => (await ledger.subscription(ID))?.balanceMsat;
const rows = (...ranges: SeqRange[]): BilledRows[] => [{ table: 'book', sym: 'A', epoch: 3, ranges }];
const use = (lease: string, spent: number, changes: Partial<Parameters<Ledger['recordUse']>[0]> = {}) =>
  ledger.recordUse({ lease, spentMsat: msat(spent), billed: [], close: false, now: 10, ...changes });

test('what is prepaid is the balance, and a top-up adds to it and grants the symbols again', async () => {
  expect(await balance()).toBe(10_000n);
  expect(await prepay('more')).toMatchObject({
    kind: 'granted',
    balanceMsat: 20_000n,
    grants: [{ terms: TICK, until: 2500 + TICK.lastsMs }],
  });
  expect(await balance()).toBe(20_000n);
});

test('what is lent is not in the balance; what was spent is gone and the rest comes back at the close', async () => {
  const lease = await ledger.lease(ID, msat(4_000), 5);
  expect(lease).toMatchObject({ msat: 4_000n, balanceMsat: 6_000n });
  expect(await use(lease.id, 1_000)).toEqual({ balanceMsat: 6_000n });
  expect(await ledger.counts()).toMatchObject({ balanceMsat: 9_000n });
  expect(await use(lease.id, 1_500, { close: true })).toEqual({ balanceMsat: 8_500n });
  expect(await use(lease.id, 3_000, { close: true })).toEqual({ balanceMsat: 8_500n });
  expect(await ledger.counts()).toMatchObject({ balanceMsat: 8_500n });
});

test('a use that is told again, or after a later one, changes nothing', async () => {
  const { id } = await ledger.lease(ID, msat(4_000), 5);
  await use(id, 500, { billed: rows([1, 5]) });
  await use(id, 500, { billed: rows([1, 5]) });
  await use(id, 300, { billed: rows([2, 4]) });
  expect(await use(id, 500, { close: true })).toEqual({ balanceMsat: 9_500n });
  expect((await ledger.subscription(ID))?.billed).toEqual(rows([1, 5]));
});

test('of an empty balance nothing is lent, and what is lent is never more than there is', async () => {
  expect(await ledger.lease(ID, msat(99_000), 5)).toMatchObject({ msat: 10_000n, balanceMsat: 0n });
  const [first] = [await ledger.lease(ID, msat(10_000), 6)];
  await use(first.id, 10_000, { close: true });
  const nothing = await ledger.lease(ID, msat(10_000), 7);
  expect(nothing).toMatchObject({ msat: 0n, balanceMsat: 0n });
  expect(await use(nothing.id, 0, { close: true })).toEqual({ balanceMsat: 0n });
  await prepay('more');
  expect(await ledger.lease(ID, msat(10), 8)).toMatchObject({ msat: 10n, balanceMsat: 9_990n });
});

test('a second lease closes the first with what was recorded of it', async () => {
  const first = await ledger.lease(ID, msat(4_000), 5);
  await use(first.id, 700);
  const second = await ledger.lease(ID, msat(1_000), 6);
  expect(second).toMatchObject({ msat: 1_000n, balanceMsat: 8_300n });
  expect(await use(first.id, 4_000)).toEqual({ balanceMsat: 8_300n });
  expect(second.id).not.toBe(first.id);
});

test('more than was lent can not be spent, and nothing is lent to nobody', async () => {
  const { id } = await ledger.lease(ID, msat(4_000), 5);
  await expect(use(id, 4_001)).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(use('99', 1)).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(use('no number', 1)).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(ledger.lease('nobody', msat(1), 5)).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(use(id, 1, { billed: rows([5, 4]) })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await use(id, 0, { close: true })).toEqual({ balanceMsat: 10_000n });
});

test('after a crash what was recorded is spent, the rest goes back, and a message that comes after it counts no more', async () => {
  const { id } = await ledger.lease(ID, msat(4_000), 5);
  await use(id, 1_200, { billed: rows([1, 120]) });
  expect(await ledger.reclaimLeases(20)).toEqual({ leases: 1, msat: 2_800n });
  expect(await ledger.reclaimLeases(21)).toEqual({ leases: 0, msat: 0n });
  expect(await balance()).toBe(8_800n);
  expect(await use(id, 4_000, { billed: rows([121, 400]) })).toEqual({ balanceMsat: 8_800n });
  expect((await ledger.subscription(ID))?.billed).toEqual(rows([1, 120]));
});

test('billed rows are kept by table, symbol and epoch, joined where they touch', async () => {
  const { id } = await ledger.lease(ID, msat(4_000), 5);
  const of = (table: string, sym: string, epoch: number, ...ranges: SeqRange[]): BilledRows => ({ table, sym, epoch, ranges });
  await use(id, 10, { billed: [of('book', 'A', 3, [1, 3]), of('book', '__proto__', 3, [1, 1]), of('book', 'é"', 4, [7, 7])] });
  await use(id, 20, {
    billed: [of('book', 'A', 3, [4, 6]), of('book', 'A', 3, [9, 9]), of('book', 'A', 4, [1, 1]), of('other', 'A', 3, [1, 2])],
  });
  expect((await ledger.subscription(ID))?.billed).toEqual([
    of('book', 'A', 3, [1, 6], [9, 9]),
    of('book', 'A', 4, [1, 1]),
    of('book', '__proto__', 3, [1, 1]),
    of('book', 'é"', 4, [7, 7]),
    of('other', 'A', 3, [1, 2]),
  ]);
});

test('ranges together hold the rows of both, ascending and apart; beyond so many the smallest holes are closed', () => {
  const range = fc
    .tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 0, max: 8 }))
    .map(([from, more]): SeqRange => [from, from + more]);
  const list = fc.array(range, { maxLength: 150 });
  const has = (ranges: readonly SeqRange[], seq: number) => ranges.some(([from, to]) => from <= seq && seq <= to);
  fc.assert(
    fc.property(list, list, (a, b) => {
      const union = unionOf(a, b);
      expect(union.length).toBeLessThanOrEqual(MOST_RANGES);
      for (const [i, [from, to]] of union.entries()) {
        expect(from).toBeLessThanOrEqual(to);
        if (i > 0) expect(from).toBeGreaterThan((union[i - 1]?.[1] ?? 0) + 1);
      }
      const before = [...a, ...b];
      const closed = Array.from({ length: 2010 }, (_, seq) => seq).filter((seq) => has(union, seq) !== has(before, seq));
      if (union.length < MOST_RANGES) expect(closed).toEqual([]);
      for (const seq of closed) expect(has(union, seq)).toBe(true);
      expect(unionOf(union, b)).toEqual(union);
    }),
    { numRuns: 200 },
  );
});
