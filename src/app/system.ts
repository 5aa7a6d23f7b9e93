import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/ports/clock.ts';
import type { Random } from '../core/ports/random.ts';

/** The longest delay Node's timers hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own time. Its timers don't keep the process alive; its sleeps do. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      timer = setTimeout(
        () => (left > LONGEST_TIMER_MS ? arm(left - LONGEST_TIMER_MS) : callback()),
        Math.min(Math.max(0, left), LONGEST_TIMER_MS),
      );
      timer.unref();
    };
    arm(delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  async sleep(delayMs, signal) {
    for (let left = delayMs; ; left -= LONGEST_TIMER_MS) {
      try {
        await sleep(Math.min(Math.max(0, left), LONGEST_TIMER_MS), undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw signal?.aborted === true ? signal.reason : error;
      }
      if (left <= LONGEST_TIMER_MS) return;
    }
  },
};

/** The operating system's cryptographic randomness. */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
