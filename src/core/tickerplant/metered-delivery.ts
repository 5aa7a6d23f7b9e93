import type { Msat } from '../lightning/amount.ts';
import type { Meter, Spender } from './meter.ts';
import { MeteredReceiver } from './metered-receiver.ts';
import type { Meters } from './meters.ts';
import type { PublishedRows } from './published-rows.ts';
import type { RecentRecords, SlotKeeper } from './recent-records.ts';
import { firstRows } from './replay.ts';
import type { SubscriberSink } from './service.ts';

/** The session that is metered. */
export interface MeteredHost {
  readonly subscription: string;
  readonly sink: SubscriberSink;
  readonly meters: Meters;
  readonly recent: RecentRecords;
  /** Live rows that the buyer can't take now. */
  readonly lag: (rows: PublishedRows) => void;
  /** Ends a symbol's delivery until {@link goOn}: it can't be paid now. */
  readonly hold: (table: string, sym: string) => void;
  /** Delivers what comes after these numbers again. */
  readonly goOn: (table: string, after: Map<string, number>) => void;
  /** The number that a symbol's next row will have. */
  readonly next: (table: string, sym: string) => number;
  readonly epoch: number;
  /** Below which balance a top-up is offered. */
  readonly topUpBelow: () => bigint;
  /** The balance is as it says; to be told to the buyer, who may be offered a top-up. */
  readonly onBalance: (state: BalanceState, left: Msat) => void;
}

/** See `BalanceEvent`. */
export type BalanceState = 'ok' | 'low' | 'dry';

/** Rows that were handed over, and how many were set aside for them. */
interface Handed {
  readonly receiver: MeteredReceiver;
  readonly sym: string;
  readonly from: number;
  to: number;
  reserved: number;
}

/** From so many live records on that have left, they are billed at once; else with the meter's next record. */
const SETTLE_AT = 4_096;

/** A symbol that stopped because it could not be paid. */
interface Stopped {
  readonly receiver: MeteredReceiver;
  readonly sym: string;
  /** The last number that was handed over. */
  readonly after: number;
  /** There was nothing left: it goes on with a gap. */
  isDry: boolean;
  /** With this number, where a payment said so. */
  resumeAt: number | undefined;
}

/**
 * The rows of one session that are paid one by one. A row is set aside for when it is handed to the sink, billed when the sink says
 * that it has left (at the latest with the meter's next record), and given back when the connection ends before. What can't be paid is
 * not handed over: its symbol stops, and goes on when there is money, from the journal where there was only a new lease to wait for,
 * else with a gap.
 */
export class MeteredDelivery implements Spender, SlotKeeper {
  readonly #host: MeteredHost;
  readonly #sink: SubscriberSink;
  readonly #meter: Meter;
  readonly #recent: RecentRecords;
  readonly #receivers: MeteredReceiver[] = [];
  /** By table and symbol. */
  readonly #stopped = new Map<string, Stopped>();
  /** What was handed over otherwise than live, since {@link SubscriberSink.whenLeft} was last called, and before. */
  #gathering: Handed[] = [];
  #leaving: Handed[] = [];
  #waiting = false;
  #ended = false;
  #gone = false;
  #told: BalanceState | undefined;
  #checking = false;
  #isFresh = false;

  constructor(host: MeteredHost) {
    this.#host = host;
    this.#sink = host.sink;
    this.#recent = host.recent;
    host.recent.watch(this);
    this.#meter = host.meters.attach(host.subscription, this);
  }

  /** The receiver of a table's rows at a price. */
  receiver(table: string, price: bigint): MeteredReceiver {
    for (const each of this.#receivers) if (each.table === table && each.msat === price) return each;
    const receiver = new MeteredReceiver(this, this.#host, table, price, !this.#waiting);
    this.#receivers.push(receiver);
    this.#meter.join(receiver);
    return receiver;
  }

  /** A payment took effect: stopped symbols go on with these numbers, others with the next row. */
  paid(next: (table: string, sym: string) => number | undefined): void {
    for (const stopped of this.#stopped.values()) {
      const { receiver, sym, isDry } = stopped;
      if (isDry) stopped.resumeAt ??= next(receiver.table, sym) ?? this.#host.next(receiver.table, sym);
    }
    this.#meter.deposited();
  }

  /** A symbol is not delivered any more, or not by the row: it does not go on by itself. Answers where it had stopped. */
  forget(table: string, sym: string): number | undefined {
    const key = keyOf(table, sym);
    const stopped = this.#stopped.get(key);
    this.#stopped.delete(key);
    return stopped?.after;
  }

  /** Nothing more is handed over; what was may leave still. */
  end(): void {
    this.#ended = true;
    this.#stopped.clear();
    if (!this.#waiting) this.gone();
  }

  /** The connection is gone: what has not left by now won't. */
  gone(): void {
    if (this.#gone) return;
    this.#ended = true;
    this.#gone = true;
    this.settle();
    for (const { receiver, reserved } of [...this.#leaving, ...this.#gathering]) this.#meter.release(receiver, reserved);
    for (const receiver of this.#receivers) {
      this.#meter.release(receiver, receiver.forget(this.#recent));
      this.#meter.part(receiver);
    }
    this.#recent.unwatch(this);
    this.#host.meters.detach(this.#host.subscription, this);
  }

  /** Whether something was handed over that has neither left nor is lost. */
  get isWaiting(): boolean {
    return this.#waiting && !this.#gone;
  }

  moneyChanged(isFresh: boolean): void {
    this.#isFresh ||= isFresh;
    if (this.#checking) return;
    this.#checking = true;
    // Not within a publishing turn: a symbol that goes on joins the very receivers that are being gone through.
    queueMicrotask(() => {
      this.#checking = false;
      this.#check();
    });
  }

  /** Bills what has left. */
  settle(): void {
    for (const receiver of this.#receivers) {
      receiver.takeLeft(this.#recent, (sym, from, to) => this.#bill({ receiver, sym, from, to, reserved: to - from + 1 }));
    }
  }

  /** Live rows are kept by name from now on. */
  spill(): void {
    this.settle();
    for (const receiver of this.#receivers) {
      const keep = (handed: Handed[]) => (sym: string, from: number, to: number) =>
        void handed.push({ receiver, sym, from, to, reserved: to - from + 1 });
      receiver.takeAll(this.#recent, keep(this.#leaving), keep(this.#gathering));
    }
  }

  /** What can be paid of a record goes out; where that is not all, the symbol stops. */
  hand(receiver: MeteredReceiver, rows: PublishedRows): void {
    const { billed } = this.#meter.bill(rows.table, rows.sym);
    const owed = rows.seq > billed.last ? rows.count : billed.missing(rows.seq, rows.seq + rows.count - 1);
    if (owed <= receiver.free ? this.#meter.isOpen : this.#meter.fund(receiver, owed)) this.#pass(receiver, rows, owed);
    else this.#cut(receiver, rows);
  }

  #pass(receiver: MeteredReceiver, rows: PublishedRows, owed: number): void {
    receiver.free -= owed;
    const last = this.#gathering.at(-1);
    if (last?.receiver === receiver && last.sym === rows.sym && last.to + 1 === rows.seq) {
      last.to += rows.count;
      last.reserved += owed;
    } else {
      this.#gathering.push({ receiver, sym: rows.sym, from: rows.seq, to: rows.seq + rows.count - 1, reserved: owed });
    }
    this.#sink.rows(rows);
    this.waitForLeft();
  }

  #cut(receiver: MeteredReceiver, rows: PublishedRows): void {
    this.settle();
    const { table } = receiver;
    const { billed } = this.#meter.bill(table, rows.sym);
    let [payable, owed] = [0, 0];
    if (this.#meter.isOpen) {
      for (; payable < rows.count; payable += 1) {
        if (billed.has(rows.seq + payable)) continue;
        if (owed >= receiver.free) break;
        owed += 1;
      }
    }
    if (payable > 0) this.#pass(receiver, firstRows(rows, payable), owed);
    if (this.#ended) return;
    const after = rows.seq + payable - 1;
    this.#stopped.set(keyOf(table, rows.sym), { receiver, sym: rows.sym, after, isDry: false, resumeAt: undefined });
    this.#host.hold(table, rows.sym);
    this.#meter.short();
    this.moneyChanged(false);
  }

  /** Something was handed over: what is waited for, or will be next. */
  waitForLeft(): void {
    if (this.#gone || this.#waiting) return;
    this.#waiting = true;
    [this.#leaving, this.#gathering] = [this.#gathering, this.#leaving];
    for (const receiver of this.#receivers) receiver.leave();
    this.#sink.whenLeft(this.#onLeft);
  }

  readonly #onLeft = (): void => {
    if (this.#gone) return;
    this.#waiting = false;
    if (this.#leaving.length > 0) {
      for (const handed of this.#leaving) this.#bill(handed);
      this.#leaving.length = 0;
    }
    let isMore = this.#gathering.length > 0;
    let most = 0;
    for (const receiver of this.#receivers) {
      most = Math.max(most, receiver.hasLeft());
      isMore ||= receiver.isGathering;
    }
    if (most >= SETTLE_AT) this.settle();
    this.#meter.recordLater();
    if (isMore) this.waitForLeft();
    else if (this.#ended) this.gone();
  };

  #bill({ receiver, sym, from, to, reserved }: Handed): void {
    this.#meter.left(this.#meter.bill(receiver.table, sym), receiver, from, to, reserved);
  }

  #check(): void {
    const isFresh = this.#isFresh;
    if (this.#ended || (this.#meter.isLeasing && !isFresh)) return;
    this.#isFresh = false;
    this.#goOn();
    const state = this.#state();
    if (state === 'dry' && !this.#meter.isLeasing) for (const stopped of this.#stopped.values()) stopped.isDry = true;
    if (state === this.#told && !isFresh) return;
    this.#told = state;
    this.#host.onBalance(state, this.#meter.leftMsat);
  }

  #state(): BalanceState {
    const left = this.#meter.leftMsat;
    if (this.#stopped.size > 0 && !this.#meter.isLeasing) return 'dry';
    let least: bigint | undefined;
    for (const { msat } of this.#receivers) if (least === undefined || msat < least) least = msat;
    if (least !== undefined && left < least) return 'dry';
    return left < this.#host.topUpBelow() ? 'low' : 'ok';
  }

  /** Stopped symbols that can be paid now go on: from where they stopped, or where they were dry, with a gap. */
  #goOn(): void {
    if (this.#stopped.size === 0 || !this.#meter.isOpen) return;
    this.settle();
    const tables = new Map<string, Map<string, number>>();
    for (const [key, { receiver, sym, after, isDry, resumeAt }] of this.#stopped) {
      const { table } = receiver;
      if (!this.#meter.bill(table, sym).billed.has(after + 1) && !this.#meter.fund(receiver, 1)) continue;
      this.#stopped.delete(key);
      const from = isDry ? Math.max(after + 1, resumeAt ?? this.#host.next(table, sym)) : after + 1;
      if (from > after + 1) {
        this.#sink.gap({ table, sym, epoch: this.#host.epoch, from: after + 1, to: from - 1, reason: 'balance' });
      }
      tables.set(table, (tables.get(table) ?? new Map()).set(sym, from - 1));
    }
    for (const [table, symbols] of tables) this.#host.goOn(table, symbols);
  }
}

function keyOf(table: string, sym: string): string {
  return JSON.stringify([table, sym]);
}
