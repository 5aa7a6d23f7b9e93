import type { ResumePosition } from '../../core/tickerplant/messages.ts';
import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { type Ending, SymbolPosition } from './symbol-position.ts';

/** Symbols whose positions are remembered for connections that are gone. */
const MAX_REMEMBERED = 1_000_000;

/** Table → what a resume is told. */
export type After = Readonly<Record<string, ResumePosition>>;

/** The last number of a symbol that a buyer has. */
export interface Reached {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
}

/** Where one connection is, symbol by symbol. */
export class Positions {
  readonly #tables = new Map<string, Map<string, SymbolPosition>>();

  /** The symbol of rows that are about to be handed over; nothing is pushed yet where it is new. */
  of({ table, sym, epoch }: PublishedRows): SymbolPosition {
    let symbols = this.#tables.get(table);
    if (symbols === undefined) {
      symbols = new Map();
      this.#tables.set(table, symbols);
    }
    const known = symbols.get(sym);
    if (known?.epoch === epoch) return known;
    const position = new SymbolPosition(table, sym, epoch);
    symbols.set(sym, position);
    return position;
  }

  /** What the client has got, as far as can be told. */
  received(ending: Ending, now: number): readonly Reached[] {
    return this.#all().flatMap((position) => {
      const seq = position.received(ending, now);
      return seq === undefined ? [] : [{ table: position.table, sym: position.sym, epoch: position.epoch, seq }];
    });
  }

  /** What was handed over, for going on on this very connection. */
  pushed(): readonly Reached[] {
    return this.#all()
      .filter(({ pushed }) => pushed > 0)
      .map(({ table, sym, epoch, pushed }) => ({ table, sym, epoch, seq: pushed }));
  }

  #all(): readonly SymbolPosition[] {
    return [...this.#tables.values()].flatMap((symbols) => [...symbols.values()]);
  }
}

/**
 * Where connections are and were, by subscription: what their clients have got, as far as can be told. Those that are gone are remembered,
 * a limited number, until the process ends.
 */
export class RememberedPositions {
  readonly #live = new Map<string, Positions>();
  readonly #gone = new Map<string, readonly Reached[]>();
  #count = 0;

  /** The subscription is delivered on this connection from now on. */
  attach(subscription: string, positions: Positions, now: number): void {
    const before = this.#live.get(subscription);
    if (before !== undefined && before !== positions) this.#save(subscription, before.received('broken', now));
    this.#live.set(subscription, positions);
  }

  /** The connection is gone, or another has the subscription: what it had is remembered. */
  detach(subscription: string, positions: Positions, ending: Ending, now: number): void {
    if (this.#live.get(subscription) !== positions) return;
    this.#live.delete(subscription);
    this.#save(subscription, positions.received(ending, now));
  }

  /** The last known positions of a subscription's symbols. */
  of(subscription: string, now: number): readonly Reached[] {
    return merged(this.#gone.get(subscription) ?? [], this.#live.get(subscription)?.received('broken', now) ?? []);
  }

  #save(subscription: string, reached: readonly Reached[]): void {
    const kept = merged(this.#gone.get(subscription) ?? [], reached);
    this.#drop(subscription);
    if (kept.length === 0) return;
    this.#gone.set(subscription, kept);
    this.#count += kept.length;
    for (const oldest of this.#gone.keys()) {
      if (this.#count <= MAX_REMEMBERED || oldest === subscription) break;
      this.#drop(oldest);
    }
  }

  #drop(subscription: string): void {
    this.#count -= this.#gone.get(subscription)?.length ?? 0;
    this.#gone.delete(subscription);
  }
}

/** One position a symbol, the later list's where it has one. */
function merged(before: readonly Reached[], after: readonly Reached[]): readonly Reached[] {
  return [...new Map([...before, ...after].map((each) => [`${each.table}\0${each.sym}`, each])).values()];
}

/** Positions as a resume takes them; where a symbol is in several, the last one counts. One epoch a table: the highest. */
export function afterOf(positions: readonly Reached[]): After {
  const tables = new Map<string, { epoch: number; seqs: Map<string, number> }>();
  for (const { table, sym, epoch, seq } of positions) {
    const known = tables.get(table);
    if (known === undefined || known.epoch < epoch) tables.set(table, { epoch, seqs: new Map([[sym, seq]]) });
    else if (known.epoch === epoch) known.seqs.set(sym, seq);
  }
  return Object.fromEntries([...tables].map(([table, { epoch, seqs }]) => [table, { epoch, seqs: Object.fromEntries(seqs) }]));
}
