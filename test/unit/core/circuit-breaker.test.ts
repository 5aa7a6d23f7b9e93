import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../../src/core/lightning/circuit-breaker.ts';
import { LightningError, type LightningErrorCode } from '../../../src/core/lightning/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function fail(code: LightningErrorCode) {
  return async () => {
    throw new LightningError(code, 'no', { operation: 'create' });
  };
}

async function opened() {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker({ clock, failures: 3, firstMs: 500, longestMs: 2_000 });
  for (let index = 0; index < 3; index += 1) await expect(breaker.run('create', fail('UNAVAILABLE'))).rejects.toThrow('no');
  return { clock, breaker };
}

test('after some failures running, calls are refused without asking the node', async () => {
  const { breaker } = await opened();
  let asked = false;
  const call = async () => {
    asked = true;
  };
  await expect(breaker.run('create', call)).rejects.toMatchObject({ code: 'UNAVAILABLE', retry: 'safe' });
  expect(asked).toBe(false);
});

test('after a pause one call is let through, and if it succeeds all are', async () => {
  const { clock, breaker } = await opened();
  clock.advance(500);
  const { promise, resolve } = Promise.withResolvers<number>();
  const trial = breaker.run('create', () => promise);
  await expect(breaker.run('create', async () => 2)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  resolve(1);
  expect(await trial).toBe(1);
  expect(await breaker.run('create', async () => 2)).toBe(2);
});

test('each trial that fails doubles the pause, up to the longest', async () => {
  const { clock, breaker } = await opened();
  for (const pause of [500, 1_000, 2_000, 2_000]) {
    clock.advance(pause - 1);
    expect(breaker.isOpen).toBe(true);
    clock.advance(1);
    expect(breaker.isOpen).toBe(false);
    await expect(breaker.run('create', fail('TIMEOUT'))).rejects.toThrow('no');
  }
});

test('a refusal by the node is an answer: it is not away', async () => {
  const breaker = new CircuitBreaker({ clock: new ManualClock(), failures: 2 });
  for (const code of ['UNAVAILABLE', 'INVALID_ARGUMENT', 'UNAVAILABLE', 'INVALID_ARGUMENT'] as const) {
    await expect(breaker.run('create', fail(code))).rejects.toThrow('no');
  }
  expect(breaker.isOpen).toBe(false);
});

test('a clock that is set back does not make the pause longer', async () => {
  const { clock, breaker } = await opened();
  clock.advance(-3_600_000);
  clock.advance(2_000);
  expect(await breaker.run('create', async () => 1)).toBe(1);
});
