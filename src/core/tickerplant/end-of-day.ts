import type { Clock } from '../ports/clock.ts';

const DAY_MS = 86_400_000;

/** When the day ends that it is at a time, milliseconds since 1970: the next midnight UTC. */
export function dayEndsAfter(now: number): number {
  return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
}

/** Calls back at every midnight UTC with the date of the day that has ended. */
export function atEndOfDay(clock: Clock, callback: (date: string) => void): Disposable {
  let timer: Disposable;
  const schedule = () => {
    const now = clock.now();
    const end = dayEndsAfter(now);
    timer = clock.setTimer(Math.ceil(end - now), () => {
      // A timer may fire a little early: then the day has not ended yet.
      if (clock.now() >= end) callback(new Date(end - DAY_MS).toISOString().slice(0, 10));
      schedule();
    });
  };
  schedule();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
