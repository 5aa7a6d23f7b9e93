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

/** A bounded map of what was learnt lately; the oldest is forgotten first. */
export class RecentMap<Key, Value> {
  readonly #limit: number;
  readonly #items = new Map<Key, Value>();

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  set(key: Key, value: Value): void {
    this.#items.delete(key);
    this.#items.set(key, value);
    if (this.#items.size > this.#limit) {
      const oldest = this.#items.keys().next();
      if (!oldest.done) this.#items.delete(oldest.value);
    }
  }

  get(key: Key): Value | undefined {
    return this.#items.get(key);
  }
}
