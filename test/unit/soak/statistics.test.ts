import { expect, test } from 'vitest';
import { compareThirds } from '../../soak/statistics.ts';

const MB = 1024 * 1024;

test('the last third is held against the middle one, whatever the way up was', () => {
  const samples = [...Array<number>(30).fill(10 * MB), ...Array<number>(30).fill(100 * MB), ...Array<number>(30).fill(104 * MB)];
  expect(compareThirds(samples)).toEqual({ middleMb: 100, lastMb: 104, ratio: 1.04 });
});
