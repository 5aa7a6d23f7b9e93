import type { Column, Row, TableDefinition, Value } from '../core/tickerplant/schema.ts';
import { timeOfDayOf, timestampOf } from '../core/tickerplant/times.ts';
import { SeededRandom } from './seeded-random.ts';

const WORDS = ['alpha', 'bravo', 'charlie', 'delta', 'echo'] as const;

/**
 * Makes rows of a table, the same ones from the same seed: a symbol by chance, whose price in cents walks by up to a
 * thousandth. `bid` and `ask` stand around it, other columns are filled by their type.
 */
export class RandomRows {
  readonly #columns: readonly Column[];
  readonly #symbols: readonly string[];
  readonly #random: SeededRandom;
  readonly #cents: number[];

  constructor(table: TableDefinition, symbols: readonly string[], seed: number) {
    this.#columns = table.columns;
    this.#symbols = symbols;
    this.#random = new SeededRandom(seed);
    this.#cents = symbols.map(() => 2000 + this.#random.below(48_000));
  }

  /** The next row, at a time in milliseconds since 1970. */
  next(time: number): Row {
    const index = this.#random.below(this.#symbols.length);
    const before = this.#cents[index] ?? 1;
    const step = Math.max(1, Math.round(before / 1000));
    const cents = Math.max(1, before + this.#random.below(2 * step + 1) - step);
    this.#cents[index] = cents;
    return this.#columns.map((column, i) => (i === 1 ? (this.#symbols[index] ?? '') : this.#value(column, cents, time)));
  }

  #value(column: Column, cents: number, time: number): Value {
    switch (column.type) {
      case 'timestamp':
        return timestampOf(time);
      case 'timespan':
        return timeOfDayOf(time);
      case 'date':
        return timestampOf(time).slice(0, 10);
      case 'float':
      case 'real':
        if (column.name === 'bid') return Math.max(0, cents - 1) / 100;
        if (column.name === 'ask') return (cents + 1) / 100;
        return column.name === 'price' ? cents / 100 : this.#random.below(100_000) / 1000;
      case 'long':
      case 'int':
      case 'short':
        return 1 + this.#random.below(1000);
      case 'boolean':
        return this.#random.below(2) === 1;
      case 'symbol':
      case 'string':
        return WORDS[this.#random.below(WORDS.length)] ?? null;
    }
  }
}
