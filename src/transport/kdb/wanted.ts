/** Which symbols a connection has subscribed to: of a table, of every table, all of them. */
export class Wanted {
  #everything = false;
  readonly #wholeTables = new Set<string>();
  /** Table → symbols; `'*'` for every table. */
  readonly #symbols = new Map<string, Set<string>>();

  /** Adds; answers whether there was anything new in it. */
  add(table: string | '*', syms: readonly string[] | '*'): boolean {
    if (this.#everything || this.#wholeTables.has(table)) return false;
    if (syms === '*') {
      if (table === '*') this.#everything = true;
      else this.#wholeTables.add(table);
      return true;
    }
    const known = this.#symbols.get(table) ?? new Set<string>();
    const before = known.size;
    for (const sym of syms) known.add(sym);
    this.#symbols.set(table, known);
    return known.size > before;
  }

  has(table: string, sym: string): boolean {
    return (
      this.#everything ||
      this.#wholeTables.has(table) ||
      this.#symbols.get(table)?.has(sym) === true ||
      this.#symbols.get('*')?.has(sym) === true
    );
  }
}
