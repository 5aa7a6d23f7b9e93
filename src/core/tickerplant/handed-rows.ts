/** Rows of one symbol, `from` to `to`, and how many rows were set aside for them. */
export interface Stretch {
  from: number;
  to: number;
  reserved: number;
}

/**
 * What was handed over row by row and is not billed yet, in that order. An entry is written for everything that goes out, so it is five
 * numbers and names in columns and nothing is looked up for it; symbols and their bills are when it is taken, many at a time.
 */
export class HandedRows<Receiver> {
  #receivers: Receiver[] = [];
  #syms: string[] = [];
  #froms: number[] = [];
  #counts: number[] = [];
  #reserved: number[] = [];

  get length(): number {
    return this.#syms.length;
  }

  push(receiver: Receiver, sym: string, from: number, count: number, reserved: number): void {
    this.#receivers.push(receiver);
    this.#syms.push(sym);
    this.#froms.push(from);
    this.#counts.push(count);
    this.#reserved.push(reserved);
  }

  /** Takes away the first so many, joined to stretches of each symbol. */
  take(count: number): ReadonlyMap<Receiver, ReadonlyMap<string, readonly Stretch[]>> {
    const taken = new Map<Receiver, Map<string, Stretch[]>>();
    for (let i = 0; i < count; i += 1) {
      const receiver = this.#receivers[i] as Receiver;
      const symbols = taken.get(receiver) ?? new Map<string, Stretch[]>();
      taken.set(receiver, symbols);
      const sym = this.#syms[i] as string;
      const from = this.#froms[i] as number;
      const to = from + (this.#counts[i] as number) - 1;
      const reserved = this.#reserved[i] as number;
      const stretches = symbols.get(sym);
      const last = stretches?.at(-1);
      if (last !== undefined && last.to + 1 === from) {
        last.to = to;
        last.reserved += reserved;
      } else if (stretches === undefined) symbols.set(sym, [{ from, to, reserved }]);
      else stretches.push({ from, to, reserved });
    }
    for (const column of [this.#receivers, this.#syms, this.#froms, this.#counts, this.#reserved]) column.splice(0, count);
    return taken;
  }
}
