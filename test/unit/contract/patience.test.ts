import { expect, test } from 'vitest';
import { eventually, withPatience } from '../../contract/support.ts';

const never = (): Promise<unknown> => eventually('it comes', () => false, 20);

test('a wait ends with what was awaited, and on a slow network has as many times as long', async () => {
  await expect(never()).rejects.toThrow('not within 20 ms: it comes');
  await expect(withPatience(3, never)).rejects.toThrow('not within 60 ms: it comes');
  await expect(never()).rejects.toThrow('not within 20 ms: it comes');
});

test('waits of two networks at once each keep their own measure', async () => {
  const [slow, fast] = await Promise.allSettled([withPatience(2, never), withPatience(1, never)]);
  expect(slow).toMatchObject({ reason: { message: expect.stringContaining('40 ms') } });
  expect(fast).toMatchObject({ reason: { message: expect.stringContaining('20 ms') } });
});
