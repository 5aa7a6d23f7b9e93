import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkFollowUp } from '../../../src/client/follow-up-check.ts';
import { afterPayment, NO_STANDING, type Standing } from '../../../src/client/standing.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { QuoteOffer, QuoteReason, Terms } from '../../../src/core/tickerplant/messages.ts';

const HOUR = 3_600_000;
const TICK: Terms = { kind: 'tick', msat: 10n, prepayMsat: 1_000n, topUpBelowMsat: 200n, lastsMs: HOUR, replayMs: 1 };
const TIME: Terms = { kind: 'time', msat: 500n, perMs: HOUR, renewBeforeMs: 60_000, graceMs: 30_000, replayMs: 1 };

function offer(
  reason: QuoteReason,
  terms: Terms,
  syms: readonly string[],
  amountMsat: bigint,
  change: Partial<QuoteOffer> = {},
): QuoteOffer {
  const items = [{ table: 'trade', syms, terms, amountMsat: msat(amountMsat), schema: [] }];
  return {
    quote: 'q',
    subscription: 's',
    reason,
    items,
    amountMsat: msat(amountMsat),
    creditMsat: msat(0),
    ...change,
  } as unknown as QuoteOffer;
}

const tick = offer('asked', TICK, ['AAPL', 'GOOG'], 2_000n);
const time = offer('asked', TIME, ['AAPL', 'GOOG'], 1_000n);
const used = (usedMsat: bigint): Standing => ({ ...afterPayment(NO_STANDING, tick, 0), usedMsat: msat(usedMsat) });

test('a top-up is due when less than one prepayment is left, by the rows that came', () => {
  const again = offer('top-up', TICK, ['AAPL', 'GOOG'], 2_000n);
  expect(checkFollowUp(again, { first: tick, standing: used(0n), now: 0 })).toMatchObject({ due: false });
  expect(checkFollowUp(again, { first: tick, standing: used(10n), now: 0 })).toEqual({ due: true });
});

test('a renewal is due when half of what is paid is over, and goes on from its end', () => {
  const again = offer('renewal', TIME, ['AAPL'], 500n);
  const paid = afterPayment(NO_STANDING, time, 0);
  expect(checkFollowUp(again, { first: time, standing: paid, now: 0 })).toMatchObject({ due: false, dueAt: HOUR / 2 });
  expect(checkFollowUp(again, { first: time, standing: paid, now: HOUR / 2 })).toEqual({ due: true });
  const renewed = afterPayment(paid, again, HOUR / 2);
  expect(renewed.paidUntil).toEqual({ trade: { AAPL: 2 * HOUR, GOOG: HOUR } });
  expect(afterPayment(paid, again, HOUR + 30_000).paidUntil['trade']?.['AAPL']).toBe(2 * HOUR);
  expect(afterPayment(paid, again, HOUR + 30_001).paidUntil['trade']?.['AAPL']).toBe(2 * HOUR + 30_001);
});

test.each<[string, QuoteOffer, QuoteOffer]>([
  ['more than the terms', offer('top-up', TICK, ['AAPL'], 1_001n), tick],
  ['a larger prepayment', offer('top-up', { ...TICK, prepayMsat: 2_000n }, ['AAPL'], 2_000n), tick],
  ['dearer rows', offer('top-up', { ...TICK, msat: 11n }, ['AAPL'], 1_000n), tick],
  ['a shorter time', offer('renewal', { ...TIME, perMs: HOUR - 1 }, ['AAPL'], 500n), time],
  ['a dearer time', offer('renewal', { ...TIME, msat: 501n }, ['AAPL'], 501n), time],
  ['an invoice above its parts', offer('renewal', TIME, ['AAPL'], 500n, { amountMsat: msat(501n) }), time],
  ['another symbol', offer('renewal', TIME, ['MSFT'], 500n), time],
  ['a symbol twice', offer('renewal', TIME, ['AAPL', 'AAPL'], 1_000n), time],
  ['no symbol', offer('renewal', TIME, [], 0n), time],
  ['nothing at all', offer('renewal', TIME, [], 0n, { items: [] }), time],
  ['another subscription', offer('renewal', TIME, ['AAPL'], 500n, { subscription: 'other' }), time],
  ['a top-up of what is paid by time', offer('top-up', TICK, ['AAPL'], 1_000n), time],
  ['a renewal of what is paid by row', offer('renewal', TIME, ['AAPL'], 500n), tick],
  ['a reason of its own', offer('asked', TIME, ['AAPL'], 500n), time],
])('an offer for %s is refused', (_, again, first) => {
  const standing = afterPayment(NO_STANDING, first, 0);
  expect(() => checkFollowUp(again, { first, standing, now: 10 * HOUR })).toThrow(expect.objectContaining({ code: 'BAD_QUOTE' }));
});

test('however often it is offered, no more is paid than one prepayment beyond the rows and half a period beyond the time', () => {
  const step = fc.record({ rows: fc.nat({ max: 150 }), ms: fc.nat({ max: HOUR }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let prepaid = afterPayment(NO_STANDING, tick, 0);
      let timed = afterPayment(NO_STANDING, time, 0);
      let now = 0;
      for (const { rows, ms } of steps) {
        now += ms;
        prepaid = { ...prepaid, usedMsat: msat(prepaid.usedMsat + BigInt(rows) * TICK.msat) };
        const topUp = offer('top-up', TICK, ['AAPL', 'GOOG'], 2_000n);
        if (checkFollowUp(topUp, { first: tick, standing: prepaid, now }).due) prepaid = afterPayment(prepaid, topUp, now);
        const renewal = offer('renewal', TIME, ['AAPL', 'GOOG'], 1_000n);
        if (checkFollowUp(renewal, { first: time, standing: timed, now }).due) timed = afterPayment(timed, renewal, now);
        expect(prepaid.prepaidMsat - prepaid.usedMsat).toBeLessThan(4_000n);
        expect(timed.paidUntil['trade']?.['AAPL']).toBeLessThanOrEqual(now + HOUR * 1.5);
      }
    }),
  );
});
