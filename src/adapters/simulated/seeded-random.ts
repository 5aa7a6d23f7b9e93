import { createHash } from 'node:crypto';
import type { Random } from '../../core/ports/random.ts';

/**
 * Randomness that repeats: SHA-256 of seed, run and a counter. For simulations and tests only, since whoever knows the seed
 * knows every key and preimage.
 */
export class SeededRandom implements Random {
  readonly #seed: string;
  #run = 0;
  #counter = 0;

  constructor(seed: number | string) {
    this.#seed = String(seed);
  }

  /** Begins a run of its own, so that a network started again does not draw what it drew before. */
  startRun(run: number): void {
    this.#run = run;
    this.#counter = 0;
  }

  bytes(length: number): Uint8Array {
    const blocks: Buffer[] = [];
    for (let made = 0; made < length; made += 32) {
      this.#counter += 1;
      blocks.push(createHash('sha256').update(`${this.#seed}/${this.#run}/${this.#counter}`).digest());
    }
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  }
}
