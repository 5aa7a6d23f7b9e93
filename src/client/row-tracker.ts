import type { ActiveEvent, GapEvent } from '../core/tickerplant/messages.ts';
import type { Row } from '../core/tickerplant/schema.ts';
import type { GapReason } from './events.ts';
import type { UpdMessage } from './messages.ts';
import type { Positions } from './positions.ts';

/** A stretch of numbers that will not come. */
export interface Missing {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number | undefined;
  readonly reason: GapReason;
}

/**
 * What to do with rows that came. `seen`: nothing, they were there before. `take`: these, the first of them with number
 * `seq`, after telling of what is missing. `ask-again`: numbers are missing without a reason; resume from the last good one.
 */
export type Judgement =
  | { readonly kind: 'seen' }
  | { readonly kind: 'take'; readonly seq: number; readonly rows: readonly Row[]; readonly missing: readonly Missing[] }
  | { readonly kind: 'ask-again'; readonly expected: number };

/** Decides which rows are new, which were seen, and where numbers are missing. Pure: it knows no socket. */
export class RowTracker {
  readonly positions: Positions;
  /** Symbols of a grant that is running: their numbers go on without holes. */
  readonly #granted = new Set<string>();
  /** Holes that were asked for once already, `table/sym/epoch/expected`. */
  readonly #askedAgain = new Set<string>();

  constructor(positions: Positions) {
    this.positions = positions;
  }

  /** A grant took effect. Rows before its first number were never paid for, so they are not missing. */
  active(event: Pick<ActiveEvent, 'table' | 'syms' | 'epoch' | 'next'>): void {
    for (const sym of event.syms) {
      const next = event.next[sym];
      const key = `${event.table}/${sym}`;
      if (next !== undefined && next > 0 && !this.#granted.has(key)) {
        this.positions.apply({ table: event.table, epoch: event.epoch, sym, seq: next - 1 });
      }
      this.#granted.add(key);
    }
  }

  /** The session goes on where it was. */
  resumed(tables: readonly { readonly table: string; readonly syms: readonly string[] }[]): void {
    for (const { table, syms } of tables) for (const sym of syms) this.#granted.add(`${table}/${sym}`);
  }

  /** The grant is over: what comes after the next one need not join on. */
  ended(): void {
    this.#granted.clear();
  }

  /** The server says that numbers will not come. */
  gap(event: GapEvent): void {
    if (event.to !== undefined) this.positions.apply({ table: event.table, epoch: event.epoch, sym: event.sym, seq: event.to });
  }

  /** Judges rows; `take` has moved the position already. */
  rows(message: UpdMessage): Judgement {
    const { table, sym, epoch } = message;
    const known = this.positions.epoch(table);
    if (known !== undefined && epoch < known) return { kind: 'seen' };
    const before = this.positions.seq(table, sym);
    const raised = known !== undefined && epoch > known;
    const last = raised && before !== undefined ? 0 : before;
    const end = message.seq + message.rows.length - 1;
    if (last !== undefined && end <= last) return { kind: 'seen' };
    const missing: Missing[] = [];
    if (last !== undefined && message.seq > last + 1 && !message.conflated) {
      const hole = `${table}/${sym}/${epoch}/${last + 1}`;
      if (!this.#askedAgain.has(hole)) {
        this.#askedAgain.add(hole);
        // In a new epoch the place to ask from is its beginning.
        if (raised) this.positions.apply({ table, epoch, sym, seq: 0 });
        return { kind: 'ask-again', expected: last + 1 };
      }
      missing.push({ table, sym, epoch, from: last + 1, to: message.seq - 1, reason: 'hole' });
    }
    if (this.#askedAgain.size > 0) this.#forget(table, sym);
    const skip = last === undefined ? 0 : Math.max(0, last + 1 - message.seq);
    this.positions.apply({ table, epoch, sym, seq: end });
    return { kind: 'take', seq: message.seq + skip, rows: skip === 0 ? message.rows : message.rows.slice(skip), missing };
  }

  #forget(table: string, sym: string): void {
    for (const hole of this.#askedAgain) if (hole.startsWith(`${table}/${sym}/`)) this.#askedAgain.delete(hole);
  }
}
