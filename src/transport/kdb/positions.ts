import type { ResumePosition } from '../../core/tickerplant/messages.ts';
import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type { SymbolPosition } from './outbox.ts';

/** Symbols whose positions are remembered for connections that are gone. */
const MAX_REMEMBERED = 1_000_000;

/** Table → what a resume is told. */
export type After = Readonly<Record<string, ResumePosition>>;

/** Where one connection is, symbol by symbol. */
export class Positions {
  readonly #tables = new Map<string, Map<string, SymbolPosition>>();

  /** The symbol of rows that are about to be handed over; `isNew`: none of it was before. */
  of({ table, sym, epoch }: PublishedRows): { readonly position: SymbolPosition; readonly isNew: boolean } {
    let symbols = this.#tables.get(table);
    if (symbols === undefined) {
      symbols = new Map();
      this.#tables.set(table, symbols);
    }
    const known = symbols.get(sym);
    if (known?.epoch === epoch) return { position: known, isNew: false };
    const position: SymbolPosition = { table, sym, epoch, pushed: 0, drained: 0 };
    symbols.set(sym, position);
    return { position, isNew: true };
  }

  all(): readonly SymbolPosition[] {
    return [...this.#tables.values()].flatMap((symbols) => [...symbols.values()]);
  }

  /** What was handed over, for going on on this very connection. */
  pushed(): readonly SymbolPosition[] {
    return this.all().filter(({ pushed }) => pushed > 0);
  }
}

/**
 * Where connections are and were, by subscription: what the machine had taken of their rows. Those that are gone are remembered, a
 * limited number, until the process ends.
 */
export class RememberedPositions {
  readonly #live = new Map<string, Positions>();
  readonly #gone = new Map<string, readonly SymbolPosition[]>();
  #count = 0;

  /** The subscription is delivered on this connection from now on. */
  attach(subscription: string, positions: Positions): void {
    const before = this.#live.get(subscription);
    if (before !== undefined && before !== positions) this.#save(subscription, before.all());
    this.#live.set(subscription, positions);
  }

  /** The connection is gone, or another has the subscription: what it had is remembered. */
  detach(subscription: string, positions: Positions): void {
    if (this.#live.get(subscription) !== positions) return;
    this.#live.delete(subscription);
    this.#save(subscription, positions.all());
  }

  /** The last known positions of a subscription's symbols. */
  of(subscription: string): readonly SymbolPosition[] {
    return merged(this.#gone.get(subscription) ?? [], this.#live.get(subscription)?.all() ?? []);
  }

  #save(subscription: string, positions: readonly SymbolPosition[]): void {
    const kept = merged(this.#gone.get(subscription) ?? [], positions);
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

/** One position a symbol, the later list's where it has taken anything. */
function merged(before: readonly SymbolPosition[], after: readonly SymbolPosition[]): readonly SymbolPosition[] {
  const drained = after.filter((position) => position.drained > 0);
  return [...new Map([...before, ...drained].map((position) => [`${position.table}\0${position.sym}`, position])).values()];
}

/** Positions as a resume takes them; where a symbol is in several, the last one counts. One epoch a table: the highest. */
export function afterOf(
  positions: readonly { readonly table: string; readonly sym: string; readonly epoch: number; readonly seq: number }[],
): After {
  const tables = new Map<string, { epoch: number; seqs: Map<string, number> }>();
  for (const { table, sym, epoch, seq } of positions) {
    const known = tables.get(table);
    if (known === undefined || known.epoch < epoch) tables.set(table, { epoch, seqs: new Map([[sym, seq]]) });
    else if (known.epoch === epoch) known.seqs.set(sym, seq);
  }
  return Object.fromEntries([...tables].map(([table, { epoch, seqs }]) => [table, { epoch, seqs: Object.fromEntries(seqs) }]));
}
