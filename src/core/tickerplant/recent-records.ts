const CAPACITY = 65_536;

/** Who has noted slots of {@link RecentRecords}. */
export interface SlotKeeper {
  /** Slots that were noted until now are about to mean other records: to be looked up now, and not kept. */
  spill(): void;
}

/**
 * The newest records that were published, each in a slot, a small number. Whoever must remember for each subscriber which records it got
 * notes slots: one number each, in place of table, symbol and numbers, which stand here once. They are looked up many at a time.
 */
export class RecentRecords {
  /** All ones: a slot is a number and this. */
  readonly #mask: number;
  readonly #symbols: string[] = [];
  readonly #ids = new Map<string, Map<string, number>>();
  readonly #symbolAt: Int32Array;
  readonly #seqAt: Float64Array;
  readonly #countAt: Int32Array;
  readonly #keepers = new Set<SlotKeeper>();
  #next = 0;
  /** While slots are looked up: symbol → its stretch; `#to` 0 where there is none. */
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  /** `capacity`: records that are remembered, a power of two. */
  constructor(capacity: number = CAPACITY) {
    this.#mask = capacity - 1;
    this.#symbolAt = new Int32Array(capacity);
    this.#seqAt = new Float64Array(capacity);
    this.#countAt = new Int32Array(capacity);
  }

  /** The slot of the newest record; it means that for as long as {@link SlotKeeper.spill} was not called. */
  get newest(): number {
    return (this.#next - 1) & this.#mask;
  }

  /** From now on records are remembered, and it is told when they are to be forgotten. */
  watch(keeper: SlotKeeper): void {
    this.#keepers.add(keeper);
  }

  unwatch(keeper: SlotKeeper): void {
    this.#keepers.delete(keeper);
  }

  /** A record was published. */
  add(table: string, sym: string, seq: number, count: number): void {
    if (this.#keepers.size === 0) return;
    const at = this.#next & this.#mask;
    // Half of the slots mean what they meant before, however late this is.
    if ((at & (this.#mask >> 1)) === 0) for (const keeper of this.#keepers) keeper.spill();
    this.#symbolAt[at] = this.#idOf(table, sym);
    this.#seqAt[at] = seq;
    this.#countAt[at] = count;
    this.#next = (this.#next + 1) & this.#mask;
  }

  /** How many rows the records in the slots have together, from the `begin`-th of them and before the `end`-th. */
  rows(slots: ArrayLike<number>, begin: number, end: number): number {
    let sum = 0;
    for (let i = begin; i < end; i += 1) sum += this.#countAt[slots[i] as number] as number;
    return sum;
  }

  /** The records in the slots, of one table, joined to stretches of numbers of each symbol: `from` to `to`, both included. */
  stretches(slots: ArrayLike<number>, begin: number, end: number, each: (sym: string, from: number, to: number) => void): void {
    const touched: number[] = [];
    const tell = (id: number) => each(this.#symbols[id] as string, this.#from[id] as number, this.#to[id] as number);
    for (let i = begin; i < end; i += 1) {
      const slot = slots[i] as number;
      const id = this.#symbolAt[slot] as number;
      const seq = this.#seqAt[slot] as number;
      const last = this.#to[id] as number;
      if (last + 1 !== seq || last === 0) {
        if (last === 0) touched.push(id);
        else tell(id);
        this.#from[id] = seq;
      }
      this.#to[id] = seq + (this.#countAt[slot] as number) - 1;
    }
    for (const id of touched) {
      tell(id);
      this.#to[id] = 0;
    }
  }

  #idOf(table: string, sym: string): number {
    let ids = this.#ids.get(table);
    if (ids === undefined) {
      ids = new Map();
      this.#ids.set(table, ids);
    }
    let id = ids.get(sym);
    if (id === undefined) {
      id = this.#symbols.push(sym) - 1;
      ids.set(sym, id);
      this.#from.push(0);
      this.#to.push(0);
    }
    return id;
  }
}
