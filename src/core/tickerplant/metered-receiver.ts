import type { Tariff } from './meter.ts';
import type { PublishedRows } from './published-rows.ts';
import type { RowReceiver } from './publisher.ts';
import type { RecentRecords } from './recent-records.ts';
import type { SubscriberSink } from './service.ts';

/** Places for slots that a receiver begins with. */
const FEWEST_SLOTS = 64;

/** Where a receiver's rows belong to: see `MeteredDelivery`. */
export interface MeteredRows {
  /** Rows that are not live, or not set aside for. */
  hand(receiver: MeteredReceiver, rows: PublishedRows): void;
  /** Something was handed over, and nobody was asked yet to say when it has left. */
  waitForLeft(): void;
}

/** What a receiver works with. */
export interface MeteredReceiverOptions {
  readonly sink: SubscriberSink;
  readonly recent: RecentRecords;
  /** Live rows that the buyer can't take now. */
  readonly lag: (rows: PublishedRows) => void;
}

/**
 * Rows of a table that are paid one by one, at one price, as a receiver of its own: what is not metered is not asked whether it is. All that
 * a live row needs stands here, since it is done for each row and subscriber.
 */
export class MeteredReceiver implements RowReceiver, Tariff {
  readonly table: string;
  readonly msat: bigint;
  free = 0;
  used = 0;
  readonly #delivery: MeteredRows;
  readonly #sink: SubscriberSink;
  readonly #recent: RecentRecords;
  readonly #lag: (rows: PublishedRows) => void;
  /** Nobody was asked yet to say when what is handed over has left. */
  #isFirst: boolean;
  /** Slots of the live records that were handed over and not billed, `#count` of them: first those that have left, then those that are leaving. */
  #slots = new Uint16Array(FEWEST_SLOTS);
  #count = 0;
  #left = 0;
  #leaving = 0;

  constructor(delivery: MeteredRows, { sink, recent, lag }: MeteredReceiverOptions, table: string, msat: bigint, isFirst: boolean) {
    this.#delivery = delivery;
    this.#sink = sink;
    this.#recent = recent;
    this.#lag = lag;
    this.table = table;
    this.msat = msat;
    this.#isFirst = isFirst;
  }

  /** Live rows, which nobody has had before. Those that the buyer has no room for wait; while the meter is shut, nothing is free. */
  rows(rows: PublishedRows): void {
    if (this.#sink.isFull) this.#lag(rows);
    else if (rows.count > this.free) this.#delivery.hand(this, rows);
    else {
      this.free -= rows.count;
      if (this.#count === this.#slots.length) this.#grow();
      this.#slots[this.#count] = this.#recent.newest;
      this.#count += 1;
      this.#sink.rows(rows);
      if (this.#isFirst) this.#delivery.waitForLeft();
    }
  }

  /** All that was noted until now is leaving. */
  leave(): void {
    this.#leaving = this.#count;
    this.#isFirst = false;
  }

  /** What was leaving has left; answers how many records that are not billed have. */
  hasLeft(): number {
    this.#left = this.#leaving;
    this.#isFirst = true;
    return this.#left;
  }

  /** Whether something was noted after what has left. */
  get isGathering(): boolean {
    return this.#count > this.#left;
  }

  /** Takes away what has left. */
  takeLeft(recent: RecentRecords, each: (sym: string, from: number, to: number) => void): void {
    if (this.#left === 0) return;
    recent.stretches(this.#slots, 0, this.#left, each);
    this.#slots.copyWithin(0, this.#left, this.#count);
    this.#count -= this.#left;
    this.#leaving -= this.#left;
    this.#left = 0;
  }

  /** Takes away all, nothing of which has left. */
  takeAll(
    recent: RecentRecords,
    leaving: (sym: string, from: number, to: number) => void,
    gathering: (sym: string, from: number, to: number) => void,
  ): void {
    recent.stretches(this.#slots, 0, this.#leaving, leaving);
    recent.stretches(this.#slots, this.#leaving, this.#count, gathering);
    this.#clear();
  }

  /** The same; answers how many rows that were. */
  forget(recent: RecentRecords): number {
    const rows = recent.rows(this.#slots, 0, this.#count);
    this.#clear();
    return rows;
  }

  #grow(): void {
    const slots = new Uint16Array(this.#slots.length * 4);
    slots.set(this.#slots);
    this.#slots = slots;
  }

  #clear(): void {
    this.#slots = new Uint16Array(FEWEST_SLOTS);
    this.#count = 0;
    this.#leaving = 0;
  }

  /** Rows from the journal, or the newest for a slow reader: as many of them go out as can be paid. */
  hand(rows: PublishedRows): void {
    this.#delivery.hand(this, rows);
  }
}
