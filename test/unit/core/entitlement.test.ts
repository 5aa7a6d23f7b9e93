import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Grant } from '../../../src/core/ports/ledger.ts';
import { covered, coveredFrom } from '../../../src/core/tickerplant/entitlement.ts';
import { flatGrant } from './support/session-parts.ts';

let ids = 0;
function grant(grantedAt: number, until: number, next: number, more: Partial<Grant> = {}): Grant {
  ids += 1;
  return flatGrant(['AAPL'], until, { id: `g${ids}`, grantedAt, next: { AAPL: next }, ...more });
}

test('a grant covers its symbols until its end, not at it', () => {
  const grants = [grant(0, 100, 1)];
  expect(covered(grants, 99).get('trade')?.has('AAPL')).toBe(true);
  expect(covered(grants, 100).size).toBe(0);
});

test('of two grants for a symbol the one that lasts longer counts', () => {
  const [short, long] = [grant(0, 100, 1), grant(50, 200, 7)];
  expect(covered([short, long], 60).get('trade')?.get('AAPL')).toBe(long);
});

test('a renewal before the end goes on from where the first grant began', () => {
  expect(coveredFrom([grant(0, 100, 1), grant(90, 190, 500)], 'trade', 'AAPL', 1, 150)).toBe(1);
});

test('rows between the end of a grant and the next are not covered', () => {
  expect(coveredFrom([grant(0, 100, 1), grant(120, 220, 500)], 'trade', 'AAPL', 1, 150)).toBe(500);
});

test('a grant of an earlier epoch covers this one from its first row', () => {
  expect(coveredFrom([grant(0, 100, 400)], 'trade', 'AAPL', 2, 50)).toBe(1);
});

test('nothing covers a symbol that was never bought', () => {
  expect(coveredFrom([grant(0, 100, 1)], 'trade', 'MSFT', 1, 50)).toBeUndefined();
  expect(coveredFrom([grant(0, 100, 1)], 'trade', 'AAPL', 1, 100)).toBeUndefined();
});

test('the order in which grants are listed does not matter', () => {
  const grants = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 1000 }))
      .map(([at, lasts, next]) => grant(at, at + lasts, next)),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(grants, fc.integer({ min: 0, max: 160 }), (some, now) => {
      expect(coveredFrom([...some].reverse(), 'trade', 'AAPL', 1, now)).toBe(coveredFrom(some, 'trade', 'AAPL', 1, now));
    }),
  );
});
