import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANYTHING, caveatsOf, checkTerms, checkTime, type DeviceTerms, narrow, termsOf } from '../../../src/core/devices/terms.ts';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import { deviceCredentials } from '../../../src/credentials/device-token.ts';
import { attenuate, l402Credentials } from '../../../src/credentials/l402.ts';

const ID = '0a'.repeat(16);
const KEY = '0b'.repeat(32);
const NAMES = ['water', 'power', 'data-1', 'a.b_c', 'Z'];

const amounts = fc.bigInt({ min: 1n, max: 1_000_000n }).map((value) => value as Msat);
const seconds = fc.integer({ min: 0, max: 10_000_000_000 });
const terms: fc.Arbitrary<DeviceTerms> = fc.record({
  items: fc.option(fc.uniqueArray(fc.constantFrom(...NAMES)), { nil: undefined }).map((items) => items && new Set(items)),
  minMsat: fc.option(amounts, { nil: undefined }),
  maxMsat: fc.option(amounts, { nil: undefined }),
  quotesPerHour: fc.option(fc.nat(100_000), { nil: undefined }),
  until: fc.option(
    seconds.map((at) => at * 1000),
    { nil: undefined },
  ),
});

const allows = (limits: DeviceTerms, item: string, amount: Msat, now: number): boolean => {
  try {
    checkTerms(limits, item, amount);
    checkTime(limits, now);
    return true;
  } catch (error) {
    if (error instanceof TickerplantError && ['FORBIDDEN', 'TOKEN_EXPIRED'].includes(error.code)) return false;
    throw error;
  }
};

test('terms come back from a token as they were put in', () => {
  fc.assert(
    fc.property(terms, (limits) => {
      const token = deviceCredentials.mint(ID, KEY, caveatsOf(limits));
      expect(deviceCredentials.identify(token)).toBe(ID);
      expect(termsOf(deviceCredentials.verify(token, KEY))).toEqual(limits);
    }),
  );
});

test('caveats only narrow: what two allow together is what each of them allows, in any order, and the same twice is the same', () => {
  fc.assert(
    fc.property(terms, terms, fc.constantFrom(...NAMES), amounts, seconds, (some, others, item, amount, at) => {
      const together = termsOf([...caveatsOf(some), ...caveatsOf(others)]);
      expect(together).toEqual(narrow(some, others));
      expect(termsOf([...caveatsOf(others), ...caveatsOf(some)])).toEqual({ ...together, items: together.items && expect.anything() });
      const now = at * 1000;
      expect(allows(together, item, amount, now)).toBe(allows(some, item, amount, now) && allows(others, item, amount, now));
      expect(narrow(together, others)).toEqual(together);
      expect(narrow(some, ANYTHING)).toEqual(some);
    }),
  );
});

test('whoever holds a token can narrow it and hand it on; it can not be widened', () => {
  const token = deviceCredentials.mint(ID, KEY, ['items=water,power', 'max_msat=5000']);
  const narrowed = termsOf(deviceCredentials.verify(attenuate(attenuate(token, 'items=water,gold'), 'max_msat=9000'), KEY));
  expect([...(narrowed.items ?? [])]).toEqual(['water']);
  expect(narrowed.maxMsat).toBe(5000n);
});

test.each([
  'water',
  'items',
  'items=a b',
  'items=,',
  'min_msat=-1',
  'max_msat=1e3',
  'quotes_per_hour=',
  'valid_until=soon',
  'preimage=00',
  '=5',
])('a caveat that is not understood makes the token no good: %s', (caveat) => {
  const token = deviceCredentials.mint(ID, KEY, [caveat]);
  expect(() => termsOf(deviceCredentials.verify(token, KEY))).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
});

test('a token of another key, one that was changed, a buyer’s, and nonsense are refused, and the message repeats nothing of them', () => {
  const token = deviceCredentials.mint(ID, KEY, ['items=water']);
  const refused = (work: () => unknown, secret: string): void => {
    try {
      work();
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_TOKEN' });
      expect((error as Error).message).not.toContain(secret);
      return;
    }
    throw new Error('it was taken');
  };
  refused(() => deviceCredentials.verify(token, '0c'.repeat(32)), token);
  const bytes = Buffer.from(token, 'base64');
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const forged = Buffer.from(bytes);
      forged[at] = (forged[at] ?? 0) ^ change;
      const text = forged.toString('base64');
      refused(() => termsOf(deviceCredentials.identify(text) === ID ? deviceCredentials.verify(text, KEY) : [text]), text);
    }),
    { numRuns: 300 },
  );
  const buyers = l402Credentials.mint({ paymentHash: '0d'.repeat(32) as never, tokenId: '0e'.repeat(32) }, KEY);
  refused(() => deviceCredentials.identify(buyers), buyers);
  refused(() => l402Credentials.identify(token), token);
  refused(() => deviceCredentials.identify('not a token'), 'not a token');
});

test('refusals say what the token is for', () => {
  const limits: DeviceTerms = { ...ANYTHING, items: new Set(['water']), minMsat: msat(10), maxMsat: msat(20) };
  expect(() => checkTerms(limits, 'gold', msat(15))).toThrow('this token is not for "gold"');
  expect(() => checkTerms(limits, 'water', msat(9))).toThrow('10 msat or more');
  expect(() => checkTerms(limits, 'water', msat(21))).toThrow('20 msat or less');
});
