import type { Random } from '../core/ports/random.ts';

/** How long to wait between attempts, in milliseconds: doubling from `baseMs` to `maxMs`. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Growing waits with jitter, so that a thousand subscribers do not come back in the same moment. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** The next wait: between half and all of the doubled one. */
  next(): number {
    const whole = Math.min(this.#options.maxMs, this.#options.baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const fraction = Buffer.from(this.#random.bytes(4)).readUInt32BE() / 2 ** 32;
    return Math.ceil(whole * (0.5 + fraction / 2));
  }

  /** It went well: the next wait is a short one again. */
  reset(): void {
    this.#failures = 0;
  }
}
