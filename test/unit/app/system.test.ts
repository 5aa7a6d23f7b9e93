import { expect, test } from 'vitest';
import { Disposal } from '../../../src/app/disposal.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';

test("a sleep ends with the signal's reason when it is aborted", async () => {
  const aborting = new AbortController();
  const sleeping = systemClock.sleep(60_000, aborting.signal);
  aborting.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
  await expect(systemClock.sleep(1, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});

test('a timer that is longer than Node can hold does not fire at once, and can be called off', async () => {
  let fired = false;
  const timer = systemClock.setTimer(2 ** 40, () => {
    fired = true;
  });
  await systemClock.sleep(20);
  timer[Symbol.dispose]();
  expect(fired).toBe(false);
});

test('a timer that was disposed of does not call back', async () => {
  let fired = false;
  systemClock
    .setTimer(1, () => {
      fired = true;
    })
    [Symbol.dispose]();
  await new Promise<void>((resolve) => {
    systemClock.setTimer(10, resolve);
    setTimeout(resolve, 1_000);
  });
  expect(fired).toBe(false);
});

test('randomness is of the length asked for, and not twice the same', () => {
  expect(systemRandom.bytes(32)).toHaveLength(32);
  expect(Buffer.from(systemRandom.bytes(32)).equals(Buffer.from(systemRandom.bytes(32)))).toBe(false);
});

test('what was opened is undone last first, once, and all of it though one fails', async () => {
  const undone: string[] = [];
  const disposal = new Disposal();
  disposal.add(() => void undone.push('first'));
  disposal.add(async () => {
    undone.push('second');
    throw new Error('second failed');
  });
  disposal.add(() => void undone.push('third'));
  const ends = await Promise.allSettled([disposal[Symbol.asyncDispose](), disposal[Symbol.asyncDispose]()]);
  expect(undone).toEqual(['third', 'second', 'first']);
  expect(ends.map((end) => end.status)).toEqual(['rejected', 'rejected']);
});
