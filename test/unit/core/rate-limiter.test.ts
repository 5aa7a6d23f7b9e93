import { expect, test } from 'vitest';
import { RateLimiter } from '../../../src/core/tickerplant/rate-limiter.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('a burst is taken at once, then as many as the rate gives', () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter(clock, 3, 1);
  expect([1, 2, 3, 4].map(() => limiter.take('a'))).toEqual([true, true, true, false]);
  clock.advance(2_000);
  expect([1, 2, 3].map(() => limiter.take('a'))).toEqual([true, true, false]);
});

test('one address does not spend what is another’s', () => {
  const limiter = new RateLimiter(new ManualClock(), 1, 1);
  expect(limiter.take('a')).toBe(true);
  expect(limiter.take('a')).toBe(false);
  expect(limiter.take('b')).toBe(true);
});

test('a clock that is set back locks nobody out', () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter(clock, 1, 1);
  expect(limiter.take('a')).toBe(true);
  clock.advance(-3_600_000);
  expect(limiter.take('a')).toBe(false);
  clock.advance(1_000);
  expect(limiter.take('a')).toBe(true);
});
