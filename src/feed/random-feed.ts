import type { Clock } from '../core/ports/clock.ts';
import type { Feed, FeedBatch, FeedCounts } from '../core/ports/feed.ts';
import type { Row, TableDefinition } from '../core/tickerplant/schema.ts';
import type { RandomFeedConfig } from './config.ts';
import { FeedError } from './errors.ts';
import { RandomRows } from './random-rows.ts';

/** The symbols of the whitepaper. */
const WHITEPAPER_SYMBOLS = ['AAPL', 'GOOGL', 'MSFT', 'AMZN', 'IBM'] as const;
const MAX_BATCH = 500;
/** Above this rate rows go out in batches rather than by a timer each. */
const MIN_PAUSE_MS = 10;
/** A timer of more than 2^31 ms would go off at once. */
const MAX_PAUSE_MS = 86_400_000;
/** A feed that was held up (a sleeping machine, a slow consumer) by more than this does not make up for it; nor does it wait for a clock that was set back. */
const MAX_BACKLOG_MS = 2000;

/**
 * Rows made up from a seed, at a rate. Row n is due at start + n / rate, and that is its time, so that nothing drifts and
 * a manual clock gives the same rows every time.
 */
export class RandomFeed implements Feed {
  readonly #rowsPerMs: number;
  readonly #limit: number;
  readonly #table: TableDefinition;
  readonly #symbols: readonly string[];
  readonly #seed: number;
  readonly #clock: Clock;
  readonly #disposed: AbortController = new AbortController();
  #rows = 0;

  /** @throws FeedError `CONFIG` for symbols that are not on the table's list. */
  constructor(config: RandomFeedConfig, table: TableDefinition, seed: number, clock: Clock) {
    this.#rowsPerMs = config.rowsPerSecond / 1000;
    this.#limit = config.rows ?? Number.POSITIVE_INFINITY;
    this.#table = table;
    this.#symbols = [...new Set(config.symbols ?? table.symbols ?? WHITEPAPER_SYMBOLS)];
    this.#seed = seed;
    this.#clock = clock;
    const foreign = table.symbols === undefined ? undefined : this.#symbols.find((symbol) => !table.symbols?.includes(symbol));
    if (foreign !== undefined)
      throw new FeedError('CONFIG', { source: 'feed random' }, `symbol ${foreign} is not on table ${table.name}'s list`);
    if (this.#symbols.length === 0) throw new FeedError('CONFIG', { source: 'feed random' }, `table ${table.name} has no symbols`);
  }

  get counts(): FeedCounts {
    return { rows: this.#rows, badRows: 0 };
  }

  async symbols(table: string): Promise<readonly string[]> {
    return table === this.#table.name ? this.#symbols : [];
  }

  async *batches(signal?: AbortSignal): AsyncGenerator<FeedBatch, void, undefined> {
    const stop = signal === undefined ? this.#disposed.signal : AbortSignal.any([signal, this.#disposed.signal]);
    const maker = new RandomRows(this.#table, this.#symbols, this.#seed);
    let start = this.#clock.now();
    let made = 0;
    let madeSinceStart = 0;
    while (!stop.aborted && made < this.#limit) {
      const now = this.#clock.now();
      const due = start + madeSinceStart / this.#rowsPerMs;
      const setBack = due - now > 1 / this.#rowsPerMs + MAX_BACKLOG_MS;
      if (now - due > MAX_BACKLOG_MS || setBack) {
        start = now;
        madeSinceStart = 0;
        continue;
      }
      const count = Math.min(Math.floor((now - start) * this.#rowsPerMs) + 1 - madeSinceStart, MAX_BATCH, this.#limit - made);
      if (count <= 0) {
        await this.#pause(Math.min(Math.max(due - now, MIN_PAUSE_MS), MAX_PAUSE_MS), stop);
        continue;
      }
      const rows: Row[] = [];
      for (let i = 0; i < count; i++) rows.push(maker.next(start + (madeSinceStart + i) / this.#rowsPerMs));
      made += count;
      madeSinceStart += count;
      this.#rows += count;
      yield { table: this.#table.name, rows };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
