import type { Msat } from '../lightning/amount.ts';
import { HandedRows } from './handed-rows.ts';
import type { Meter, Spender, Tariff } from './meter.ts';
import type { Meters } from './meters.ts';
import type { PublishedRows } from './published-rows.ts';
import type { RowReceiver } from './publisher.ts';
import { firstRows } from './replay.ts';
import type { SubscriberSink } from './service.ts';

/** The session that is metered. */
export interface MeteredHost {
  readonly subscription: string;
  readonly sink: SubscriberSink;
  readonly meters: Meters;
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

/** From so many records on that have left, what was handed over is billed at once; else with the meter's next record. */
const SETTLE_AT = 1_024;

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
 * The rows of one session that are paid one by one. A row is set aside for when it is handed to the sink, billed when the sink
 * says that it has left (at the latest with the meter's next record), and given back when the connection ends before. What can't be paid is not handed over: its symbol
 * stops, and goes on when there is money, from the journal where there was only a new lease to wait for, else with a gap.
 */
export class MeteredDelivery implements Spender {
  readonly #host: MeteredHost;
  readonly #sink: SubscriberSink;
  readonly #meter: Meter;
  /** Table → price → the receiver of its rows. */
  readonly #receivers = new Map<string, Map<bigint, MeteredReceiver>>();
  /** By table and symbol. */
  readonly #stopped = new Map<string, Stopped>();
  readonly #handed = new HandedRows<MeteredReceiver>();
  /** How many of `#handed`, from its beginning, have left. */
  #left = 0;
  /** How many will have when {@link SubscriberSink.whenLeft} calls back; undefined while it was not asked to. */
  #leaving: number | undefined;
  #ended = false;
  #gone = false;
  #told: BalanceState | undefined;
  #checking = false;
  #isFresh = false;

  constructor(host: MeteredHost) {
    this.#host = host;
    this.#sink = host.sink;
    this.#meter = host.meters.attach(host.subscription, this);
  }

  /** The receiver of a table's rows at a price. */
  receiver(table: string, price: bigint): MeteredReceiver {
    const prices = this.#receivers.get(table) ?? new Map<bigint, MeteredReceiver>();
    this.#receivers.set(table, prices);
    const receiver = prices.get(price) ?? new MeteredReceiver(this, table, this.#meter.tariff(price));
    prices.set(price, receiver);
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
    if (this.#leaving === undefined) this.gone();
  }

  /** The connection is gone: what has not left by now won't. */
  gone(): void {
    if (this.#gone) return;
    this.#ended = true;
    this.#gone = true;
    this.settle();
    for (const [{ tariff }, symbols] of this.#handed.take(this.#handed.length)) {
      for (const { reserved } of [...symbols.values()].flat()) this.#meter.release(tariff, reserved);
    }
    this.#host.meters.detach(this.#host.subscription, this);
  }

  /** Whether something was handed over that has neither left nor is lost. */
  get isWaiting(): boolean {
    return this.#leaving !== undefined && !this.#gone;
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
    if (this.#left === 0) return;
    const left = this.#handed.take(this.#left);
    if (this.#leaving !== undefined) this.#leaving -= this.#left;
    this.#left = 0;
    for (const [{ table, tariff }, symbols] of left) {
      for (const [sym, stretches] of symbols) {
        const bill = this.#meter.bill(table, sym);
        for (const { from, to, reserved } of stretches) this.#meter.left(bill, tariff, from, to, reserved);
      }
    }
  }

  /** Live rows, which nobody has had before: those that the buyer has no room for wait. */
  live(receiver: MeteredReceiver, rows: PublishedRows): void {
    if (this.#sink.isFull) this.#host.lag(rows);
    else if (rows.count <= receiver.tariff.free && this.#meter.isOpen) this.#pass(receiver, rows, rows.count);
    else this.hand(receiver, rows);
  }

  /** What can be paid of a record goes out; where that is not all, the symbol stops. */
  hand(receiver: MeteredReceiver, rows: PublishedRows): void {
    const { tariff } = receiver;
    const { billed } = this.#meter.bill(rows.table, rows.sym);
    const owed = rows.seq > billed.last ? rows.count : billed.missing(rows.seq, rows.seq + rows.count - 1);
    if (owed <= tariff.free ? this.#meter.isOpen : this.#meter.fund(tariff, owed)) this.#pass(receiver, rows, owed);
    else this.#cut(receiver, rows);
  }

  #pass(receiver: MeteredReceiver, rows: PublishedRows, owed: number): void {
    receiver.tariff.free -= owed;
    this.#handed.push(receiver, rows.sym, rows.seq, rows.count, owed);
    this.#sink.rows(rows);
    if (this.#leaving === undefined) this.#waitForLeft();
  }

  #cut(receiver: MeteredReceiver, rows: PublishedRows): void {
    this.settle();
    const { tariff, table } = receiver;
    const { billed } = this.#meter.bill(table, rows.sym);
    let [payable, owed] = [0, 0];
    if (this.#meter.isOpen) {
      for (; payable < rows.count; payable += 1) {
        if (billed.has(rows.seq + payable)) continue;
        if (owed >= tariff.free) break;
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

  #waitForLeft(): void {
    if (this.#gone) return;
    this.#leaving = this.#handed.length;
    this.#sink.whenLeft(this.#onLeft);
  }

  readonly #onLeft = (): void => {
    if (this.#gone || this.#leaving === undefined) return;
    this.#left = this.#leaving;
    this.#leaving = undefined;
    this.#meter.recordLater();
    if (this.#left >= SETTLE_AT) this.settle();
    if (this.#handed.length > this.#left) this.#waitForLeft();
    else if (this.#ended) this.gone();
  };

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
    for (const prices of this.#receivers.values())
      for (const price of prices.keys()) if (least === undefined || price < least) least = price;
    if (least !== undefined && left < least) return 'dry';
    return left < this.#host.topUpBelow() ? 'low' : 'ok';
  }

  /** Stopped symbols that can be paid now go on: from where they stopped, or where they were dry, with a gap. */
  #goOn(): void {
    if (this.#stopped.size === 0 || !this.#meter.isOpen) return;
    this.settle();
    const tables = new Map<string, Map<string, number>>();
    for (const [key, { receiver, sym, after, isDry, resumeAt }] of this.#stopped) {
      const { table, tariff } = receiver;
      if (!this.#meter.bill(table, sym).billed.has(after + 1) && !this.#meter.fund(tariff, 1)) continue;
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

/** Rows of a table that are paid one by one, at one price, as a receiver of its own: what is not metered is not asked whether it is. */
export class MeteredReceiver implements RowReceiver {
  readonly table: string;
  readonly tariff: Tariff;
  readonly #delivery: MeteredDelivery;

  constructor(delivery: MeteredDelivery, table: string, tariff: Tariff) {
    this.#delivery = delivery;
    this.table = table;
    this.tariff = tariff;
  }

  rows(rows: PublishedRows): void {
    this.#delivery.live(this, rows);
  }

  /** Rows from the journal, or the newest for a slow reader: as many of them go out as can be paid. */
  hand(rows: PublishedRows): void {
    this.#delivery.hand(this, rows);
  }
}

function keyOf(table: string, sym: string): string {
  return JSON.stringify([table, sym]);
}
