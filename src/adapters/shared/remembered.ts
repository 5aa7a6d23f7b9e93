/** A bounded set of what was done lately; the oldest is forgotten first. */
export class RecentSet<T> {
  readonly #limit: number;
  readonly #items = new Set<T>();

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  add(item: T): void {
    this.#items.delete(item);
    this.#items.add(item);
    if (this.#items.size > this.#limit) {
      const oldest = this.#items.values().next();
      if (!oldest.done) this.#items.delete(oldest.value);
    }
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }
}
