import { TickerplantError } from './errors.ts';
import type { QuoteItem } from './messages.ts';
import { pricingsOf } from './pricing.ts';
import type { TableDefinition } from './schema.ts';

interface Entry {
  readonly definition: TableDefinition;
  readonly symbols: Set<string>;
}

const NAMED_AT_MOST = 5;

/** The tables on sale and the symbols that each has now. */
export class Catalog {
  readonly #entries = new Map<string, Entry>();

  constructor(tables: readonly TableDefinition[]) {
    for (const definition of tables) {
      if (this.#entries.has(definition.name)) throw new TypeError(`two tables are named ${definition.name}`);
      const kinds = pricingsOf(definition).map(({ kind }) => kind);
      if (new Set(kinds).size < kinds.length) throw new TypeError(`table ${definition.name} has two pricings of one kind`);
      this.#entries.set(definition.name, { definition, symbols: new Set(definition.symbols) });
    }
  }

  tables(): readonly TableDefinition[] {
    return [...this.#entries.values()].map((entry) => entry.definition);
  }

  /** @throws TickerplantError `UNKNOWN_TABLE`, naming it. */
  table(name: string): TableDefinition {
    return this.#entry(name).definition;
  }

  /** Whether a table is on sale. */
  sells(table: string): boolean {
    return this.#entries.has(table);
  }

  symbols(table: string): readonly string[] {
    return [...this.#entry(table).symbols];
  }

  has(table: string, sym: string): boolean {
    return this.#entry(table).symbols.has(sym);
  }

  /** Adds symbols to a table that takes them from its feed. @throws TickerplantError `UNKNOWN_SYMBOL` for a fixed list. */
  declare(table: string, syms: Iterable<string>): void {
    const { definition, symbols } = this.#entry(table);
    for (const sym of syms) {
      if (symbols.has(sym)) continue;
      if (definition.symbols !== undefined) {
        throw new TickerplantError('UNKNOWN_SYMBOL', `table ${table} has no symbol ${sym}: its list in the configuration is fixed`);
      }
      symbols.add(sym);
    }
  }

  /**
   * What a request stands for: each table once, each symbol once, wildcards replaced by what they stand for now.
   * @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL`, `BAD_REQUEST` (nothing asked for), `TOO_MANY`.
   */
  resolve(table: string, syms: readonly string[] | '*', atMost: number): readonly QuoteItem[] {
    if (syms !== '*' && syms.length > atMost) {
      throw new TickerplantError('TOO_MANY', `${syms.length} symbols in one request, at most ${atMost} are taken`);
    }
    if (table !== '*') return [{ table, syms: this.#resolveSymbols(table, syms) }];
    if (syms === '*') {
      const items = [...this.#entries.keys()].map((name) => ({ table: name, syms: this.symbols(name) })).filter(hasSymbols);
      if (items.length === 0) throw new TickerplantError('UNKNOWN_SYMBOL', 'no table has a symbol yet');
      return items;
    }
    return this.#resolveEverywhere(syms);
  }

  #resolveSymbols(table: string, syms: readonly string[] | '*'): readonly string[] {
    const { symbols } = this.#entry(table);
    if (syms === '*') {
      if (symbols.size === 0) throw new TickerplantError('UNKNOWN_SYMBOL', `table ${table} has no symbols yet`);
      return [...symbols];
    }
    if (syms.length === 0) throw new TickerplantError('BAD_REQUEST', 'no symbol is named; "*" asks for all');
    const unknown = syms.filter((sym) => !symbols.has(sym));
    if (unknown.length > 0) throw new TickerplantError('UNKNOWN_SYMBOL', `table ${table} has no symbol ${enumerate(unknown)}`);
    return [...new Set(syms)];
  }

  #resolveEverywhere(syms: readonly string[]): readonly QuoteItem[] {
    if (syms.length === 0) throw new TickerplantError('BAD_REQUEST', 'no symbol is named; "*" asks for all');
    const wanted = new Set(syms);
    const items = [...this.#entries].map(([table, { symbols }]) => ({ table, syms: [...wanted].filter((sym) => symbols.has(sym)) }));
    const found = new Set(items.flatMap((item) => item.syms));
    const unknown = [...wanted].filter((sym) => !found.has(sym));
    if (unknown.length > 0) throw new TickerplantError('UNKNOWN_SYMBOL', `no table has a symbol ${enumerate(unknown)}`);
    return items.filter(hasSymbols);
  }

  #entry(table: string): Entry {
    const entry = this.#entries.get(table);
    if (entry === undefined) {
      const known = [...this.#entries.keys()].join(', ');
      throw new TickerplantError('UNKNOWN_TABLE', `there is no table ${clip(table)}; there is ${known}`);
    }
    return entry;
  }
}

function hasSymbols(item: QuoteItem): boolean {
  return item.syms.length > 0;
}

function enumerate(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_AT_MOST).map(clip).join(', ');
  return names.length > NAMED_AT_MOST ? `${shown} and ${names.length - NAMED_AT_MOST} more` : shown;
}

/** Names come from strangers: an error must not grow with them. */
function clip(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}
