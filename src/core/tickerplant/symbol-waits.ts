import type { PublishedRows } from './published-rows.ts';

interface Wait {
  /** Symbol of a table → the number that it has to come to. */
  readonly left: Map<string, number>;
  readonly callback: () => void;
}

/** Waits until symbols that are being replayed have come to certain numbers: what has to be told between rows is told there. */
export class SymbolWaits {
  readonly #waits = new Set<Wait>();

  /** Calls back when every symbol has been handed all rows below its number; at once where none is left to wait for. */
  add(symbols: Iterable<readonly [table: string, sym: string, mark: number]>, callback: () => void): void {
    const left = new Map<string, number>();
    for (const [table, sym, mark] of symbols) left.set(keyOf(table, sym), mark);
    if (left.size === 0) callback();
    else this.#waits.add({ left, callback });
  }

  /** Rows are about to be handed over. */
  before({ table, sym, seq }: PublishedRows): void {
    this.#reached(table, sym, seq);
  }

  /** Rows have been handed over. */
  after({ table, sym, seq, count }: PublishedRows): void {
    this.#reached(table, sym, seq + count);
  }

  /** A symbol is live, or is not delivered any more: nothing of it is to be waited for. */
  done(table: string, sym: string): void {
    this.#reached(table, sym, Number.POSITIVE_INFINITY);
  }

  #reached(table: string, sym: string, next: number): void {
    if (this.#waits.size === 0) return;
    const key = keyOf(table, sym);
    for (const wait of this.#waits) {
      const mark = wait.left.get(key);
      if (mark === undefined || next < mark) continue;
      wait.left.delete(key);
      if (wait.left.size > 0) continue;
      this.#waits.delete(wait);
      wait.callback();
    }
  }
}

function keyOf(table: string, sym: string): string {
  return `${table}\0${sym}`;
}
