import { expect, test } from 'vitest';
import type { Grant } from '../../../src/core/ports/ledger.ts';
import { readableRows } from '../../../src/core/tickerplant/readable-rows.ts';
import type { Pricing } from '../../../src/core/tickerplant/schema.ts';

const FLAT: Pricing = { kind: 'flat', msat: 1n, lastsMs: 1_000, replayMs: 1 };
const TICK: Pricing = { kind: 'tick', msat: 1n, prepayMsat: 10n, topUpBelowMsat: 1n, lastsMs: 1_000, replayMs: 1 };
const grant = (terms: Pricing, next: number, until = 100): Grant => ({
  ...{ id: `${terms.kind}${next}`, subscription: 's', quote: 'q', table: 'trade', syms: ['A'], terms },
  ...{ grantedAt: 0, until, epoch: 1, next: { A: next } },
});
const read = (grants: readonly Grant[], reach: 'granted' | 'kept', ranges: readonly (readonly [number, number])[] = [], sym = 'A') =>
  readableRows({
    ...{
      record: { grants, billed: [{ table: 'trade', sym: 'A', epoch: 1, ranges }] },
      table: 'trade',
      sym,
      reach,
      epoch: 1,
      next: 20,
      now: 50,
    },
  });

test('from where the grant began, or all that is kept', () => {
  expect(read([grant(FLAT, 5)], 'granted')).toEqual([[5, 19]]);
  expect(read([grant(FLAT, 5)], 'kept')).toEqual([[1, 19]]);
  expect(read([grant(FLAT, 20)], 'granted')).toEqual([]);
  expect(read([grant(FLAT, 5)], 'kept', [], 'B')).toEqual([]);
  expect(read([grant(FLAT, 5, 50)], 'kept')).toEqual([]);
});

test('of rows that are paid one by one, those that were billed, however far back', () => {
  expect(
    read([grant(TICK, 5)], 'kept', [
      [5, 7],
      [9, 9],
    ]),
  ).toEqual([
    [5, 7],
    [9, 9],
  ]);
  expect(
    read([grant(TICK, 5), grant(FLAT, 10)], 'granted', [
      [5, 7],
      [9, 12],
    ]),
  ).toEqual([
    [5, 7],
    [9, 9],
    [10, 19],
  ]);
});
