/** Told of every change of a record, also when one is taken back: keeps an index. */
export type ChangeListener<T> = (before: T | undefined, after: T | undefined) => void;

/** Immutable records by id. */
export class Table<T> {
  readonly name: string;
  readonly #rows = new Map<string, T>();
  readonly #touched: (table: Table<T>, id: string, before: T | undefined) => void;
  readonly #listeners: ChangeListener<T>[] = [];

  constructor(name: string, touched: (table: Table<T>, id: string, before: T | undefined) => void) {
    this.name = name;
    this.#touched = touched;
  }

  get(id: string): T | undefined {
    return this.#rows.get(id);
  }

  /** The record that must be there. @throws Error: it is a mistake in the network itself when it is not. */
  need(id: string): T {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`no ${this.name} record ${id}`);
    return row;
  }

  values(): IterableIterator<T> {
    return this.#rows.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#rows.entries();
  }

  put(id: string, row: T): void {
    const before = this.#rows.get(id);
    this.#touched(this, id, before);
    this.restore(id, row);
  }

  /** Replaces fields of a record that is there; answers the new record. */
  patch(id: string, fields: Partial<T>): T {
    const row = { ...this.need(id), ...fields };
    this.put(id, row);
    return row;
  }

  /** Sets or removes a record without noting the change: for loading and taking back. */
  restore(id: string, row: T | undefined): void {
    const before = this.#rows.get(id);
    if (row === undefined) this.#rows.delete(id);
    else this.#rows.set(id, row);
    for (const listener of this.#listeners) listener(before, row);
  }

  onChange(listener: ChangeListener<T>): void {
    this.#listeners.push(listener);
  }
}
