import { type Msat, msat } from '../lightning/amount.ts';
import type { Clock } from '../ports/clock.ts';
import type { BilledRows, Ledger } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import { BilledRanges } from './billed-ranges.ts';
import type { RecordPace } from './record-pace.ts';

/** What a meter leans on. */
export interface MeterDependencies {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The epoch of the rows that are billed. */
  readonly epoch: number;
  readonly pace: RecordPace;
  /** How many meters are running. */
  readonly meters: () => number;
}

/** Who spends of a meter: a session. */
export interface Spender {
  /** To tell {@link Meter.left} of everything that has left until now: it is about to be recorded. */
  settle(): void;
  /** What is left has changed, or was looked up: symbols may go on, and the buyer is told. `isFresh`: after a payment, or at the beginning. */
  moneyChanged(isFresh: boolean): void;
}

/** Rows of one price that go one way: how many may go out still, and how many were billed and are not taken off the money yet. */
export interface Tariff {
  /** The price of a row. */
  readonly msat: bigint;
  /** Rows whose money is set aside for this price. */
  free: number;
  /** Rows that have left since it was last reckoned. */
  used: number;
}

/** What a symbol's rows are billed by. */
export interface SymbolBill {
  /** All that was billed. */
  readonly billed: BilledRanges;
  /** What the ledger does not know yet. */
  readonly unrecorded: BilledRanges;
}

const RETRY_MS = 1_000;
/** A lease is this part of the balance, */
const LEASE_PART = 5n;
/** and at least so many rows' worth. */
const LEASE_ROWS = 100n;
/** More rows at a time than this are never set aside: numbers stay exact, and other prices get theirs. */
const MOST_ROWS = 1_000_000n;

/**
 * The balance of one subscription as its session spends it: a lease of it is held here, and counted down in rows, so that a row
 * costs a subtraction of numbers and no money is reckoned. What was used is recorded about every second, under much
 * load every ten, and at the end.
 *
 * At any time: lease = recorded as spent + Σ price × (free + handed over + used) + unallotted.
 */
export class Meter {
  readonly #subscription: string;
  readonly #dependencies: MeterDependencies;
  readonly #bills = new Map<string, Map<string, SymbolBill>>();
  readonly #tariffs = new Set<Tariff>();
  /** What was used by tariffs that are gone. */
  #usedBefore = 0n;
  readonly #spenders = new Set<Spender>();
  #lease: { readonly id: string; spent: bigint } | undefined;
  /** The lease's money that is not recorded as spent. */
  #inHand = 0n;
  /** The part of it that is set aside for no price. */
  #unallotted = 0n;
  /** What is left of the balance beside the lease. */
  #rest = 0n;
  /** Below this there is another lease, where there is something to lend. */
  #enough = 0n;
  #isOpen = false;
  #leasing = 0;
  /** A lease that is asked for, and not yet begun to be got. */
  #asked: { isFresh: boolean } | undefined;
  #last: Promise<void> = Promise.resolve();
  #recording: Disposable | undefined;
  #retrying: Disposable | undefined;

  constructor(subscription: string, dependencies: MeterDependencies) {
    this.#subscription = subscription;
    this.#dependencies = dependencies;
  }

  /** Whether what was billed before is known: nothing can be handed over until it is. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether more money may be on its way from the balance. */
  get isLeasing(): boolean {
    return this.#leasing > 0 || this.#retrying !== undefined;
  }

  /** What is left of the balance, without what is on its way to the buyer. */
  get leftMsat(): Msat {
    const left = this.#rest + this.#available();
    return msat(left > 0n ? left : 0n);
  }

  get isSpent(): boolean {
    return this.#spenders.size > 0;
  }

  attach(spender: Spender): void {
    this.#spenders.add(spender);
    this.#lend(true);
  }

  detach(spender: Spender): void {
    this.#spenders.delete(spender);
  }

  /** A payment has raised the balance. */
  deposited(): void {
    this.#lend(true);
  }

  /** Rows of this tariff are set aside for from now on. */
  join(tariff: Tariff): void {
    this.#tariffs.add(tariff);
  }

  /** Nothing more goes out by it. */
  part(tariff: Tariff): void {
    if (!this.#tariffs.delete(tariff)) return;
    this.#unallotted += tariff.msat * BigInt(tariff.free);
    this.#usedBefore += tariff.msat * BigInt(tariff.used);
    tariff.free = 0;
    tariff.used = 0;
  }

  bill(table: string, sym: string): SymbolBill {
    const syms = this.#bills.get(table) ?? new Map<string, SymbolBill>();
    this.#bills.set(table, syms);
    const known = syms.get(sym);
    if (known !== undefined) return known;
    const made = { billed: new BilledRanges(), unrecorded: new BilledRanges() };
    syms.set(sym, made);
    return made;
  }

  /** Sees to it that so many rows of a price may go out; answers whether they may. A lease that runs low is renewed meanwhile. */
  fund(tariff: Tariff, rows: number): boolean {
    if (!this.#isOpen) return false;
    const missing = BigInt(rows - tariff.free);
    if (missing > 0n) {
      if (this.#unallotted < tariff.msat * missing) this.#takeFromOthers(tariff);
      const affordable = this.#unallotted / tariff.msat;
      const quarter = affordable / 4n < MOST_ROWS ? affordable / 4n : MOST_ROWS;
      const wanted = missing > quarter ? missing : quarter;
      const taken = wanted < affordable ? wanted : affordable;
      this.#unallotted -= tariff.msat * taken;
      tariff.free += Number(taken);
    }
    if (this.#rest > 0n && this.#available() < this.#enough) this.#lend(false);
    return tariff.free >= rows;
  }

  /** Rows can't be paid: asks the balance for more, where it may have it. */
  short(): void {
    if (!this.#isOpen || this.#rest > 0n) this.#lend(false);
  }

  /** These have left for the buyer, and `reserved` rows were set aside for them: each is billed that was not before. */
  left(bill: SymbolBill, tariff: Tariff, from: number, to: number, reserved: number): void {
    const billed = bill.billed.add(from, to);
    bill.unrecorded.add(from, to);
    tariff.used += billed;
    if (reserved > billed) this.release(tariff, reserved - billed);
  }

  /** Something has left: it is recorded within about a second. */
  recordLater(): void {
    if (this.#recording === undefined && this.isSpent) this.#setTimer();
  }

  /** Rows that were set aside will not leave, or were billed already. */
  release(tariff: Tariff, rows: number): void {
    tariff.free += rows;
    this.#tell(false);
  }

  /** Records what was used and gives back the rest of the lease, unless it is spent of again. False where that failed: to be tried again. Never rejects. */
  close(): Promise<boolean> {
    this.#recording?.[Symbol.dispose]();
    this.#recording = undefined;
    this.#retrying?.[Symbol.dispose]();
    this.#retrying = undefined;
    return this.#inTurn('what was used of a balance could not be recorded; trying again', async () => {
      if (this.isSpent) return;
      // What was used after a lease had been closed, and none was got again.
      if (this.#lease === undefined && this.#used() > 0n) await this.#renew(this.#inHand);
      if (this.isSpent) return;
      const recorded = this.#lease === undefined ? undefined : this.#record(true);
      // Before the ledger answers: whoever comes meanwhile must not spend what has just gone back.
      this.#shut();
      await recorded;
    });
  }

  /** Nothing is in hand until it is opened again. */
  #shut(): void {
    this.#isOpen = false;
    for (const tariff of this.#tariffs) tariff.free = 0;
    this.#unallotted = 0n;
    this.#inHand = 0n;
    this.#rest = 0n;
  }

  /** Rows set aside and not handed over, and what is set aside for nothing. */
  #available(): bigint {
    let sum = this.#unallotted;
    for (const { msat: price, free } of this.#tariffs) sum += price * BigInt(free);
    return sum;
  }

  #used(): bigint {
    let sum = this.#usedBefore;
    for (const { msat: price, used } of this.#tariffs) sum += price * BigInt(used);
    return sum;
  }

  #takeFromOthers(tariff: Tariff): void {
    for (const other of this.#tariffs) {
      if (other === tariff) continue;
      this.#unallotted += other.msat * BigInt(other.free);
      other.free = 0;
    }
  }

  /** Asks for another lease. `isFresh`: the buyer is told what is left, whatever it is. */
  #lend(isFresh: boolean): void {
    if (this.#asked !== undefined) {
      this.#asked.isFresh ||= isFresh;
      return;
    }
    if (this.isLeasing && !isFresh) return;
    const asked = { isFresh };
    this.#asked = asked;
    this.#leasing += 1;
    void this.#inTurn('a lease of a balance was not got; trying again', async () => {
      this.#asked = undefined;
      try {
        if (this.isSpent) await this.#replaceLease();
      } catch (error) {
        this.#retrying ??= this.#dependencies.clock.setTimer(RETRY_MS, () => {
          this.#retrying = undefined;
          this.#lend(true);
        });
        throw error;
      } finally {
        this.#leasing -= 1;
      }
      this.#tell(asked.isFresh);
    });
  }

  async #replaceLease(): Promise<void> {
    let balance = this.#rest + this.#inHand;
    if (this.#lease !== undefined) balance = await this.#record(true);
    if (!this.#isOpen) balance = await this.#open();
    const part = balance / LEASE_PART;
    const rows = this.#dearest() * LEASE_ROWS;
    const wanted = part > rows ? part : rows;
    const available = this.#available();
    await this.#renew(this.#inHand - available + (available > wanted ? available : wanted));
    this.#enough = wanted / 2n;
  }

  /** What was billed before is read anew: whoever metered before has recorded it by now. Answers the balance. */
  async #open(): Promise<bigint> {
    const { ledger, epoch } = this.#dependencies;
    const record = await ledger.subscription(this.#subscription);
    for (const rows of record?.billed ?? []) {
      if (rows.epoch !== epoch) continue;
      const { billed } = this.bill(rows.table, rows.sym);
      for (const [from, to] of rows.ranges) billed.add(from, to);
    }
    this.#isOpen = true;
    return record?.balanceMsat ?? 0n;
  }

  /** A lease of so much, and at least of what is in hand: that much is there, since nobody else spends. */
  async #renew(amount: bigint): Promise<void> {
    const { ledger, clock } = this.#dependencies;
    const lease = await ledger.lease(this.#subscription, msat(amount), clock.now());
    this.#lease = { id: lease.id, spent: 0n };
    this.#unallotted += lease.msat - this.#inHand;
    this.#inHand = lease.msat;
    this.#rest = lease.balanceMsat;
  }

  /** Notes in the ledger what was used; answers the balance beside the lease (closed: with what came back of it). */
  async #record(close: boolean): Promise<bigint> {
    const { ledger, clock } = this.#dependencies;
    for (const spender of this.#spenders) spender.settle();
    const lease = this.#lease;
    if (lease === undefined) return this.#rest;
    const used = this.#used();
    lease.spent += used;
    this.#inHand -= used;
    this.#usedBefore = 0n;
    for (const tariff of this.#tariffs) tariff.used = 0;
    const billed = this.#takeUnrecorded();
    try {
      const request = { lease: lease.id, spentMsat: msat(lease.spent), billed, close, now: clock.now() };
      const { balanceMsat } = await ledger.recordUse(request);
      if (close) this.#lease = undefined;
      return balanceMsat;
    } catch (error) {
      for (const { table, sym, ranges } of billed) {
        for (const [from, to] of ranges) this.bill(table, sym).unrecorded.add(from, to);
      }
      throw error;
    }
  }

  #takeUnrecorded(): readonly BilledRows[] {
    const { epoch } = this.#dependencies;
    const taken: BilledRows[] = [];
    for (const [table, syms] of this.#bills) {
      for (const [sym, { unrecorded }] of syms) {
        if (unrecorded.isEmpty) continue;
        taken.push({ table, sym, epoch, ranges: unrecorded.ranges() });
        unrecorded.clear();
      }
    }
    return taken;
  }

  #setTimer(): void {
    const { clock, pace, meters } = this.#dependencies;
    this.#recording = clock.setTimer(pace.pause(meters()), () => {
      this.#recording = undefined;
      this.#tell(false);
      void this.#inTurn('what was used of a balance could not be recorded; trying again', async () => {
        try {
          await pace.measure(() => this.#record(false));
        } catch (error) {
          this.recordLater();
          throw error;
        }
      });
    });
  }

  #tell(isFresh: boolean): void {
    for (const spender of this.#spenders) spender.moneyChanged(isFresh);
  }

  #dearest(): bigint {
    let dearest = 1n;
    for (const { msat: price } of this.#tariffs) if (price > dearest) dearest = price;
    return dearest;
  }

  /** One command of the ledger's after another. False where it failed. */
  #inTurn(failing: string, command: () => Promise<void>): Promise<boolean> {
    const done = this.#last.then(command).then(
      () => true,
      (error: unknown) => {
        this.#dependencies.logger.warn({ err: error, subscription: this.#subscription }, failing);
        return false;
      },
    );
    this.#last = done.then(() => undefined);
    return done;
  }
}
