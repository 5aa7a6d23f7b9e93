import type { Clock } from '../../src/core/ports/clock.ts';

interface Timer {
  readonly at: number;
  readonly number: number;
  readonly callback: () => void;
}

/** A clock that a test moves by hand: timers run in their order, in the turn of {@link ManualClock.advance}. */
export class ManualClock implements Clock {
  #now: number;
  #made = 0;
  readonly #timers = new Set<Timer>();

  /** Begins at 2026-11-20T14:30:00Z unless told otherwise. */
  constructor(now: number = Date.UTC(2026, 10, 20, 14, 30)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** How many timers have not run yet. */
  get waiting(): number {
    return this.#timers.size;
  }

  setTimer(delayMs: number, callback: () => void): Disposable {
    this.#made += 1;
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), number: this.#made, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const onAbort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      const timer = this.setTimer(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Moves on by so many milliseconds, running what falls due on the way, also what is set on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }

  #due(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.number < first.number)) first = timer;
    }
    return first;
  }
}
