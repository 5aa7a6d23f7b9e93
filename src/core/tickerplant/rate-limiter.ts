import type { Clock } from '../ports/clock.ts';

const SWEEP_ABOVE = 10_000;

/**
 * Token buckets, one per key (an address): `burst` at once, refilled at `perSecond`. Full buckets are forgotten, so the
 * memory is bounded by who asked lately.
 */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** Takes one; false where the bucket is empty. */
  take(key: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key);
    const left = bucket === undefined ? this.#burst : this.#refilled(bucket, now);
    if (left < 1) return false;
    if (this.#buckets.size > SWEEP_ABOVE) this.#sweep(now);
    this.#buckets.set(key, { left: left - 1, at: now });
    return true;
  }

  #refilled(bucket: { left: number; at: number }, now: number): number {
    // A clock that was set back must not lock anybody out: it refills from now on.
    bucket.at = Math.min(bucket.at, now);
    const seconds = (now - bucket.at) / 1000;
    return Math.min(this.#burst, bucket.left + seconds * this.#perSecond);
  }

  #sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (this.#refilled(bucket, now) >= this.#burst) this.#buckets.delete(key);
    }
  }
}
