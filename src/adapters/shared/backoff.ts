import type { Random } from '../../core/ports/random.ts';

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/** How long to wait before trying a lost node again: doubling, with a spread so that many clients don't come at once. */
export class Backoff {
  readonly #random: Random;
  #nextMs = FIRST_MS;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds until the next try: between half of and the whole present step, at most 10 s. */
  next(): number {
    const step = this.#nextMs;
    this.#nextMs = Math.min(step * 2, LONGEST_MS);
    const byte = this.#random.bytes(1)[0] ?? 0;
    return Math.round(step / 2 + (step / 2) * (byte / 255));
  }

  /** It worked: the next failure starts from the shortest step. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
