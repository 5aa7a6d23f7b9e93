import { expect, test } from 'vitest';
import { RecordPace } from '../../../src/core/tickerplant/record-pace.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('a record a second while records cost little', async () => {
  const clock = new ManualClock();
  const pace = new RecordPace(clock);
  expect(pace.pause(1_000)).toBe(1_000);
  for (let i = 0; i < 20; i += 1) await pace.measure(async () => clock.advance(1));
  expect(pace.pause(10)).toBe(1_000);
});

test('with many meters records come more rarely, and at least every ten seconds', async () => {
  const clock = new ManualClock();
  const pace = new RecordPace(clock);
  for (let i = 0; i < 50; i += 1) await pace.measure(async () => clock.advance(1));
  expect(pace.pause(200)).toBeGreaterThan(3_500);
  expect(pace.pause(200)).toBeLessThanOrEqual(4_000);
  expect(pace.pause(100_000)).toBe(10_000);
});

test('waiting for others that are recorded before does not count twice; a clock that jumps does no harm', async () => {
  const clock = new ManualClock();
  const pace = new RecordPace(clock);
  for (let i = 0; i < 50; i += 1) {
    const gates = Array.from({ length: 10 }, () => Promise.withResolvers<void>());
    const records = gates.map(({ promise }) => pace.measure(() => promise));
    for (const [index, { resolve }] of gates.entries()) {
      clock.advance(1);
      resolve();
      await records[index];
    }
  }
  expect(pace.pause(200)).toBeLessThanOrEqual(4_000);
  await pace.measure(async () => clock.advance(-3_600_000));
  expect(pace.pause(1)).toBe(1_000);
});
