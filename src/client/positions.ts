import type { ResumePosition } from '../core/tickerplant/messages.ts';
import type { Position } from './events.ts';

interface TablePosition {
  epoch: number;
  readonly seqs: Map<string, number>;
}

/**
 * The last number seen per table and symbol. A table is in one epoch; when that is raised, symbols that were known before
 * stand at 0 in the new one, so that nothing of it is taken for seen.
 */
export class Positions {
  readonly #tables = new Map<string, TablePosition>();

  constructor(positions: Iterable<Position> = []) {
    for (const position of positions) this.apply(position);
  }

  /** The epoch of a table; undefined before anything of it was seen. */
  epoch(table: string): number | undefined {
    return this.#tables.get(table)?.epoch;
  }

  /** The last number of a symbol in its table's epoch; undefined where nothing of it was ever seen. */
  seq(table: string, sym: string): number | undefined {
    return this.#tables.get(table)?.seqs.get(sym);
  }

  /** Moves forward; an older epoch or number moves nothing. */
  apply(position: Position): void {
    let table = this.#tables.get(position.table);
    if (table === undefined) {
      table = { epoch: position.epoch, seqs: new Map() };
      this.#tables.set(position.table, table);
    }
    if (position.epoch < table.epoch) return;
    if (position.epoch > table.epoch) {
      table.epoch = position.epoch;
      for (const sym of table.seqs.keys()) table.seqs.set(sym, 0);
    }
    if (position.seq >= (table.seqs.get(position.sym) ?? 0)) table.seqs.set(position.sym, position.seq);
  }

  /** What a `resume` tells the server. */
  after(): Record<string, ResumePosition> {
    const after: Record<string, ResumePosition> = {};
    for (const [name, { epoch, seqs }] of this.#tables) after[name] = { epoch, seqs: Object.fromEntries(seqs) };
    return after;
  }

  /** Every position, table by table. */
  *[Symbol.iterator](): Generator<Position> {
    for (const [table, { epoch, seqs }] of this.#tables) {
      for (const [sym, seq] of seqs) yield { table, epoch, sym, seq };
    }
  }
}
