import type { Table } from './table.ts';

/** The records of each node in the order of a number that counts from 1 without holes: invoices as made, as settled, payments. */
export class Sequence<T extends { readonly node: string }> {
  readonly #byNode = new Map<string, T[]>();

  constructor(table: Table<T>, number: (row: T) => number | undefined) {
    table.onChange((before, after) => {
      const row = after ?? before;
      if (row === undefined) return;
      const list = this.#byNode.get(row.node) ?? [];
      this.#byNode.set(row.node, list);
      const was = before === undefined ? undefined : number(before);
      const is = after === undefined ? undefined : number(after);
      if (after !== undefined && is !== undefined) list[is - 1] = after;
      else if (was !== undefined) list.length = was - 1;
    });
  }

  /** At most `limit` after a number, in order. */
  after(node: string, number: number, limit: number): readonly T[] {
    return this.#byNode.get(node)?.slice(number, number + limit) ?? [];
  }
}
