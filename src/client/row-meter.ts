import { msat } from '../core/lightning/amount.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import { Positions } from './positions.ts';
import type { Standing } from './standing.ts';

/**
 * Counts what the rows that come cost where they are paid one by one: what the server bills should be no more. A number counts once,
 * through restarts too: numbers that the reader had committed since the count was stored are counted when it goes on.
 */
export class RowMeter {
  readonly #prices: ReadonlyMap<string, bigint>;
  readonly #counted: Positions;
  #usedMsat: bigint;

  constructor(standing: Pick<Standing, 'usedMsat' | 'counted'>, offer: QuoteOffer | undefined, committed: Positions) {
    const prices = (offer?.items ?? []).flatMap(({ table, terms }) => (terms.kind === 'tick' ? [[table, terms.msat] as const] : []));
    this.#prices = new Map(prices);
    this.#usedMsat = standing.usedMsat;
    this.#counted = new Positions();
    for (const [table, { epoch, seqs }] of Object.entries(standing.counted)) {
      for (const [sym, seq] of Object.entries(seqs)) this.#counted.apply({ table, epoch, sym, seq });
    }
    for (const { table, epoch, sym, seq } of committed) this.#count(table, sym, epoch, seq, Number.POSITIVE_INFINITY);
  }

  /** Whether rows are paid one by one at all. */
  get isCounting(): boolean {
    return this.#prices.size > 0;
  }

  /** Numbers that cost nothing: before the grant's first one, or told as a gap. */
  skip(table: string, sym: string, epoch: number, seq: number): void {
    if (this.#prices.has(table)) this.#counted.apply({ table, epoch, sym, seq });
  }

  /**
   * Rows that came, the last of them with number `seq`. True where they are the first of their symbol: where its count began must be
   * stored before the reader can commit their position, from which it could not be told any more.
   */
  rows(table: string, sym: string, epoch: number, seq: number, count: number): boolean {
    if (!this.#prices.has(table)) return false;
    const first = this.#counted.seq(table, sym) === undefined;
    this.#count(table, sym, epoch, seq, count);
    return first;
  }

  /** What the rows cost so far. */
  get usedMsat(): bigint {
    return this.#usedMsat;
  }

  /** The count as it is stored. */
  get state(): Pick<Standing, 'usedMsat' | 'counted'> {
    return { usedMsat: msat(this.#usedMsat), counted: this.#counted.after() };
  }

  #count(table: string, sym: string, epoch: number, seq: number, atMost: number): void {
    const price = this.#prices.get(table);
    const before = this.#counted.epoch(table);
    if (price === undefined || (before !== undefined && epoch < before)) return;
    const last = before === undefined || before === epoch ? this.#counted.seq(table, sym) : 0;
    const fresh = last === undefined ? unknownStart(atMost) : Math.max(0, Math.min(atMost, seq - last));
    this.#usedMsat += price * BigInt(fresh);
    this.#counted.apply({ table, epoch, sym, seq });
  }
}

/** Rows that come are all new where none was counted before; of a stored position nobody knows where it began. */
function unknownStart(count: number): number {
  return Number.isFinite(count) ? count : 0;
}
