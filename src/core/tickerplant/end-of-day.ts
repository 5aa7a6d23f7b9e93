import type { Clock } from '../ports/clock.ts';

const DAY_MS = 86_400_000;

/** Calls back at every midnight UTC with the date of the day that has ended. */
export function atEndOfDay(clock: Clock, callback: (date: string) => void): Disposable {
  let timer: Disposable;
  const schedule = () => {
    const now = clock.now();
    const ending = Math.floor(now / DAY_MS);
    timer = clock.setTimer(Math.ceil((ending + 1) * DAY_MS - now), () => {
      // A timer may fire a little early: then the day has not ended yet.
      if (Math.floor(clock.now() / DAY_MS) > ending) callback(new Date(ending * DAY_MS).toISOString().slice(0, 10));
      schedule();
    });
  };
  schedule();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
