import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_MSAT, msat, parseMsat, sat, sumMsat, toSatCeil, toSatExact, toSatFloor } from '../../../src/core/lightning/amount.ts';

const amounts = fc.bigInt({ min: 0n, max: MAX_MSAT }).map((value) => msat(value));

test('the decimal form is read back as it was', () => {
  fc.assert(fc.property(amounts, (amount) => parseMsat(String(amount)) === amount));
});

test('rounding down never gives more, rounding up never less, and they are a satoshi apart at most', () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      const [floor, ceil] = [toSatFloor(amount) * 1000n, toSatCeil(amount) * 1000n];
      expect(floor <= amount && amount <= ceil && ceil - floor <= 1000n).toBe(true);
    }),
  );
});

test('a fraction of a satoshi has no exact satoshi', () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      if (amount % 1000n === 0n) expect(sat(toSatExact(amount))).toBe(amount);
      else expect(() => toSatExact(amount)).toThrow(RangeError);
    }),
  );
});

test.each(['', '-1', '1.5', ' 1', '1e3', '0x10', '٣', '99999999999999999999'])('%j is not an amount', (text) => {
  expect(() => parseMsat(text)).toThrow(RangeError);
});

test.each([-1n, MAX_MSAT + 1n, 1.5, Number.NaN, 2 ** 60])('%s is not a number of millisatoshi', (value) => {
  expect(() => msat(value)).toThrow(RangeError);
});

test('a sum beyond all bitcoin is refused', () => {
  expect(sumMsat([msat(1), msat(2)])).toBe(3n);
  expect(() => sumMsat([MAX_MSAT, msat(1)])).toThrow(RangeError);
});
