import type { Msat } from '../lightning/amount.ts';
import type { Meter, Spender, SymbolBill, Tariff } from './meter.ts';
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

/** Rows that were handed over and have not left yet. */
interface Handed {
  readonly symbol: MeteredSymbol;
  readonly from: number;
  readonly to: number;
  /** How many rows were set aside for it. */
  readonly reserved: number;
}

/** A symbol that stopped because it could not be paid. */
interface Stopped {
  /** The last number that was handed over. */
  readonly after: number;
  /** There was nothing left: it goes on with a gap. */
  isDry: boolean;
  /** With this number, where a payment said so. */
  resumeAt: number | undefined;
}

/**
 * The rows of one session that are paid one by one. A row is set aside for when it is handed to the sink, billed when the sink
 * says that it has left, and given back when the connection ends before. What can't be paid is not handed over: its symbol
 * stops, and goes on when there is money, from the journal where there was only a new lease to wait for, else with a gap.
 */
export class MeteredDelivery implements Spender {
  readonly #host: MeteredHost;
  readonly #meter: Meter;
  readonly #symbols = new Map<string, Map<string, MeteredSymbol>>();
  readonly #stopped = new Map<MeteredSymbol, Stopped>();
  /** Symbols that have something handed over since {@link SubscriberSink.whenLeft} was last called, and those that had before. */
  #gathering: MeteredSymbol[] = [];
  #leaving: MeteredSymbol[] = [];
  /** What is not one stretch with the rest of its symbol. */
  #gatheringApart: Handed[] = [];
  #leavingApart: Handed[] = [];
  #waiting = false;
  #ended = false;
  #gone = false;
  #told: BalanceState | undefined;
  #checking = false;
  #isFresh = false;

  constructor(host: MeteredHost) {
    this.#host = host;
    this.#meter = host.meters.attach(host.subscription, this);
  }

  /** The receiver of a symbol's rows at a price. */
  symbol(table: string, sym: string, price: bigint): MeteredSymbol {
    const syms = this.#symbols.get(table) ?? new Map<string, MeteredSymbol>();
    this.#symbols.set(table, syms);
    const known = syms.get(sym);
    if (known?.tariff.msat === price) return known;
    const made = new MeteredSymbol(this, table, sym, this.#meter.bill(table, sym), this.#meter.tariff(price));
    syms.set(sym, made);
    return made;
  }

  /** A payment took effect: stopped symbols go on with these numbers, others with the next row. */
  paid(next: (table: string, sym: string) => number | undefined): void {
    for (const [{ table, sym }, stopped] of this.#stopped) {
      if (stopped.isDry) stopped.resumeAt ??= next(table, sym) ?? this.#host.next(table, sym);
    }
    this.#meter.deposited();
  }

  /** A symbol is not delivered any more, or not by the row: it does not go on by itself. Answers where it had stopped. */
  forget(table: string, sym: string): number | undefined {
    for (const [symbol, { after }] of this.#stopped) {
      if (symbol.table !== table || symbol.sym !== sym) continue;
      this.#stopped.delete(symbol);
      return after;
    }
    return undefined;
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
    for (const symbols of [this.#leaving, this.#gathering]) for (const symbol of new Set(symbols)) symbol.release();
    for (const apart of [this.#leavingApart, this.#gatheringApart]) {
      for (const { symbol, reserved } of apart) this.#meter.release(symbol.tariff, reserved);
    }
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

  /** What can be paid of a record goes out; false where that was not all, and the symbol has stopped. */
  hand(symbol: MeteredSymbol, rows: PublishedRows): void {
    const { bill, tariff } = symbol;
    const last = rows.seq + rows.count - 1;
    const owed = rows.seq > bill.billed.last ? rows.count : bill.billed.missing(rows.seq, last);
    if (owed <= tariff.free ? this.#meter.isOpen : this.#meter.fund(tariff, owed)) this.#pass(symbol, rows, owed);
    else this.#cut(symbol, rows);
  }

  /** Live rows: those that the buyer has no room for wait. */
  live(symbol: MeteredSymbol, rows: PublishedRows): void {
    if (this.#host.sink.isFull) this.#host.lag(rows);
    else this.hand(symbol, rows);
  }

  apart(handed: Handed): void {
    this.#gatheringApart.push(handed);
  }

  gather(symbol: MeteredSymbol): void {
    this.#gathering.push(symbol);
  }

  left(symbol: MeteredSymbol, from: number, to: number, reserved: number): void {
    this.#meter.left(symbol.bill, symbol.tariff, from, to, reserved);
  }

  release(symbol: MeteredSymbol, reserved: number): void {
    this.#meter.release(symbol.tariff, reserved);
  }

  #pass(symbol: MeteredSymbol, rows: PublishedRows, owed: number): void {
    symbol.tariff.free -= owed;
    symbol.note(rows.seq, rows.seq + rows.count - 1, owed);
    this.#host.sink.rows(rows);
    if (!this.#waiting) this.#waitForLeft();
  }

  #cut(symbol: MeteredSymbol, rows: PublishedRows): void {
    const { bill, tariff } = symbol;
    let [payable, owed] = [0, 0];
    if (this.#meter.isOpen) {
      for (; payable < rows.count; payable += 1) {
        if (bill.billed.has(rows.seq + payable)) continue;
        if (owed >= tariff.free) break;
        owed += 1;
      }
    }
    if (payable > 0) this.#pass(symbol, firstRows(rows, payable), owed);
    if (this.#ended) return;
    this.#stopped.set(symbol, { after: rows.seq + payable - 1, isDry: false, resumeAt: undefined });
    this.#host.hold(rows.table, rows.sym);
    this.#meter.short();
    this.moneyChanged(false);
  }

  #waitForLeft(): void {
    if (this.#gone) return;
    this.#waiting = true;
    [this.#leaving, this.#gathering] = [this.#gathering, this.#leaving];
    [this.#leavingApart, this.#gatheringApart] = [this.#gatheringApart, this.#leavingApart];
    for (const symbol of this.#leaving) symbol.leave();
    this.#host.sink.whenLeft(this.#onLeft);
  }

  readonly #onLeft = (): void => {
    if (this.#gone) return;
    for (const symbol of this.#leaving) symbol.hasLeft();
    for (const { symbol, from, to, reserved } of this.#leavingApart) this.left(symbol, from, to, reserved);
    this.#leaving.length = 0;
    this.#leavingApart.length = 0;
    this.#waiting = false;
    if (this.#gathering.length > 0) this.#waitForLeft();
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
    for (const syms of this.#symbols.values()) {
      for (const { tariff } of syms.values()) if (least === undefined || tariff.msat < least) least = tariff.msat;
    }
    if (least !== undefined && left < least) return 'dry';
    return left < this.#host.topUpBelow() ? 'low' : 'ok';
  }

  /** Stopped symbols that can be paid now go on: from where they stopped, or where they were dry, with a gap. */
  #goOn(): void {
    if (this.#stopped.size === 0 || !this.#meter.isOpen) return;
    const tables = new Map<string, Map<string, number>>();
    for (const [symbol, { after, isDry, resumeAt }] of this.#stopped) {
      const { table, sym, bill, tariff } = symbol;
      if (!bill.billed.has(after + 1) && !this.#meter.fund(tariff, 1)) continue;
      this.#stopped.delete(symbol);
      const from = isDry ? Math.max(after + 1, resumeAt ?? this.#host.next(table, sym)) : after + 1;
      if (from > after + 1) {
        this.#host.sink.gap({ table, sym, epoch: this.#host.epoch, from: after + 1, to: from - 1, reason: 'balance' });
      }
      tables.set(table, (tables.get(table) ?? new Map()).set(sym, from - 1));
    }
    for (const [table, symbols] of tables) this.#host.goOn(table, symbols);
  }
}

/** One symbol whose rows are paid one by one, as a receiver of its own: what is not metered is not asked whether it is. */
export class MeteredSymbol implements RowReceiver {
  readonly table: string;
  readonly sym: string;
  readonly bill: SymbolBill;
  readonly tariff: Tariff;
  readonly #delivery: MeteredDelivery;
  /** The stretch handed over lately: 0 where there is none. And the one before it, which is leaving. */
  #from = 0;
  #to = 0;
  #reserved = 0;
  #leavingFrom = 0;
  #leavingTo = 0;
  #leavingReserved = 0;

  constructor(delivery: MeteredDelivery, table: string, sym: string, bill: SymbolBill, tariff: Tariff) {
    this.#delivery = delivery;
    this.table = table;
    this.sym = sym;
    this.bill = bill;
    this.tariff = tariff;
  }

  rows(rows: PublishedRows): void {
    this.#delivery.live(this, rows);
  }

  /** Rows from the journal, or the newest for a slow reader: as many of them go out as can be paid. */
  hand(rows: PublishedRows): void {
    this.#delivery.hand(this, rows);
  }

  /** Rows are handed over, and so many set aside for. */
  note(from: number, to: number, reserved: number): void {
    if (this.#to !== 0 && this.#to + 1 === from) {
      this.#to = to;
      this.#reserved += reserved;
      return;
    }
    if (this.#to === 0) this.#delivery.gather(this);
    else this.#delivery.apart({ symbol: this, from: this.#from, to: this.#to, reserved: this.#reserved });
    this.#from = from;
    this.#to = to;
    this.#reserved = reserved;
  }

  /** The stretch is leaving; the next begins anew. */
  leave(): void {
    this.#leavingFrom = this.#from;
    this.#leavingTo = this.#to;
    this.#leavingReserved = this.#reserved;
    this.#to = 0;
    this.#reserved = 0;
  }

  hasLeft(): void {
    const reserved = this.#leavingReserved;
    this.#leavingReserved = 0;
    this.#delivery.left(this, this.#leavingFrom, this.#leavingTo, reserved);
  }

  /** Neither stretch will leave. */
  release(): void {
    const reserved = this.#reserved + this.#leavingReserved;
    this.#reserved = 0;
    this.#leavingReserved = 0;
    this.#to = 0;
    this.#delivery.release(this, reserved);
  }
}
