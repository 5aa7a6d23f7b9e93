/** How many ranges of a symbol are kept; beyond it the smallest hole is taken for billed, in the buyer's favour. */
export const MOST_RANGES = 64;

/** Numbers of a symbol's rows that were billed, as ranges: ascending, apart, both ends included. */
export class BilledRanges {
  /** Range i is from [2i] to [2i + 1]. */
  readonly #bounds: number[] = [];

  constructor(ranges: readonly (readonly [from: number, to: number])[] = []) {
    for (const [from, to] of ranges) this.add(from, to);
  }

  /** The highest billed number; 0 where there is none. */
  get last(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  ranges(): readonly (readonly [from: number, to: number])[] {
    return Array.from({ length: this.#bounds.length / 2 }, (_each, i) => [this.#bound(2 * i), this.#bound(2 * i + 1)] as const);
  }

  has(number: number): boolean {
    const at = this.#rangeFrom(number);
    return at < this.#bounds.length && this.#bound(at) <= number;
  }

  /** How many of these numbers are not billed. */
  missing(from: number, to: number): number {
    let count = to - from + 1;
    for (let at = this.#rangeFrom(from); at < this.#bounds.length && this.#bound(at) <= to; at += 2) {
      count -= Math.min(this.#bound(at + 1), to) - Math.max(this.#bound(at), from) + 1;
    }
    return count;
  }

  /** Notes that these are billed; answers how many of them were not. */
  add(from: number, to: number): number {
    const bounds = this.#bounds;
    const { length } = bounds;
    if (length > 0 && this.last + 1 === from) {
      bounds[length - 1] = to;
      return to - from + 1;
    }
    if (this.last < from) {
      bounds.push(from, to);
      this.#limit();
      return to - from + 1;
    }
    const added = this.missing(from, to);
    // What touches it from below is joined too.
    const first = this.#rangeFrom(from - 1);
    let end = first;
    let [low, high] = [from, to];
    while (end < bounds.length && this.#bound(end) <= to + 1) {
      low = Math.min(low, this.#bound(end));
      high = Math.max(high, this.#bound(end + 1));
      end += 2;
    }
    bounds.splice(first, end - first, low, high);
    this.#limit();
    return added;
  }

  /** Forgets everything. */
  clear(): void {
    this.#bounds.length = 0;
  }

  #bound(at: number): number {
    return this.#bounds[at] as number;
  }

  /** Where the first range begins that does not end before a number. */
  #rangeFrom(number: number): number {
    let [low, high] = [0, this.#bounds.length / 2];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bound(2 * middle + 1) < number) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  #limit(): void {
    while (this.#bounds.length > 2 * MOST_RANGES) {
      let smallest = 1;
      for (let at = 3; at < this.#bounds.length - 1; at += 2) if (this.#hole(at) < this.#hole(smallest)) smallest = at;
      this.#bounds.splice(smallest, 2);
    }
  }

  #hole(at: number): number {
    return this.#bound(at + 1) - this.#bound(at);
  }
}
