import type { Journal } from '../ports/journal.ts';
import { PublishedRows } from './published-rows.ts';
import type { Publisher } from './publisher.ts';
import type { SlowConsumerPolicy, SubscriberSink } from './service.ts';
import { encodeRows } from './values.ts';

/** The session that symbols lag in. */
export interface LagHost {
  readonly sink: SubscriberSink;
  readonly journal: Journal;
  readonly publisher: Publisher;
  readonly policy: () => Exclude<SlowConsumerPolicy, 'disconnect'>;
  /** Whether a symbol is still wanted and not live. */
  readonly isLagging: (table: string, sym: string) => boolean;
  readonly goLive: (table: string, sym: string) => void;
  /** Hands rows over, or as many of them as can be paid. */
  readonly hand: (rows: PublishedRows) => void;
  /** Delivers what comes after the given numbers from the journal, then live. Never rejects. */
  readonly replay: (table: string, after: Map<string, number>) => Promise<void>;
}

/**
 * Symbols whose live rows the buyer could not take: nothing more is kept for them than the last number that was delivered,
 * until there is room again; then the policy says how it goes on.
 */
export class LaggingSymbols {
  readonly #host: LagHost;
  readonly #tables = new Map<string, Map<string, number>>();

  constructor(host: LagHost) {
    this.#host = host;
  }

  /** A symbol lags after this number. */
  add(table: string, sym: string, after: number): void {
    const waiting = this.#tables.get(table);
    if (waiting !== undefined) {
      waiting.set(sym, after);
      return;
    }
    const symbols = new Map([[sym, after]]);
    this.#tables.set(table, symbols);
    void this.#recover(table, symbols);
  }

  async #recover(table: string, after: Map<string, number>): Promise<void> {
    const { sink, policy, isLagging, replay } = this.#host;
    await sink.drained();
    this.#tables.delete(table);
    for (const sym of after.keys()) if (!isLagging(table, sym)) after.delete(sym);
    if (policy() === 'drop') this.#tellGaps(table, after);
    else {
      if (policy() === 'conflate') await this.#sendNewest(table, after);
      // What has begun to lag anew meanwhile is waited for by a turn of its own.
      for (const sym of this.#tables.get(table)?.keys() ?? []) after.delete(sym);
      await replay(table, after);
    }
  }

  #tellGaps(table: string, after: ReadonlyMap<string, number>): void {
    const { sink, publisher, journal, goLive } = this.#host;
    for (const [sym, last] of after) {
      sink.gap({ table, sym, epoch: journal.epoch, from: last + 1, to: publisher.next(table, sym) - 1, reason: 'slow-consumer' });
      goLive(table, sym);
    }
  }

  /** The newest row of each symbol, marked; what comes after it is replayed. */
  async #sendNewest(table: string, after: Map<string, number>): Promise<void> {
    const { hand, journal, isLagging } = this.#host;
    // What can't be read here is replayed, or told as a gap, by who reads it next.
    const newest = await journal.last(table, [...after.keys()]).catch(() => []);
    for (const record of newest) {
      const last = record.seq + record.count - 1;
      if (!isLagging(table, record.sym) || last <= (after.get(record.sym) ?? 0)) continue;
      const rows = record.rows.slice(-1);
      hand(new PublishedRows(table, record.sym, record.epoch, last, 1, encodeRows(rows), rows, last > (after.get(record.sym) ?? 0) + 1));
      after.set(record.sym, last);
    }
  }
}
