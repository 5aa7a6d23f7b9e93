import type { Clock } from '../ports/clock.ts';

const LEAST_MS = 1_000;
const MOST_MS = 10_000;
/** No more than one part in so many of the ledger's time goes into records. */
const PART = 20;
/** How much a new measurement counts against those before it. */
const WEIGHT = 0.2;

/** How often each meter records what was used: every second, and more rarely where that would keep the ledger busy. */
export class RecordPace {
  readonly #clock: Clock;
  #underWay = 0;
  /** What one record takes, once it is its turn; milliseconds. */
  #each = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds between two records of one of so many meters. */
  pause(meters: number): number {
    return Math.min(Math.max(this.#each * meters * PART, LEAST_MS), MOST_MS);
  }

  /** Records, and measures it. */
  async measure<Result>(record: () => Promise<Result>): Promise<Result> {
    this.#underWay += 1;
    // Those that were sent before are waited for, too.
    const inLine = this.#underWay;
    const began = this.#clock.now();
    try {
      return await record();
    } finally {
      this.#underWay -= 1;
      const took = Math.max(this.#clock.now() - began, 0) / inLine;
      this.#each += (Math.min(took, MOST_MS) - this.#each) * WEIGHT;
    }
  }
}
