import type { Grant, SubscriptionRecord } from '../ports/ledger.ts';
import { covered, endsAt, isLive, isMetered } from './entitlement.ts';
import type { QuoteItem } from './messages.ts';
import type { Resumed } from './service.ts';

/** What a subscription has: its grants, and which symbols of them its buyer does not want for now. */
export class Holdings {
  #grants: readonly Grant[];
  #unsubscribed: ReadonlyMap<string, ReadonlySet<string>>;
  /** What is not delivered on this connection, and is no wish that is kept. */
  readonly #leftOut = new Map<string, Set<string>>();

  constructor(record: Pick<SubscriptionRecord, 'grants' | 'unsubscribed'>) {
    this.#grants = record.grants;
    this.#unsubscribed = new Map(Object.entries(record.unsubscribed).map(([table, syms]) => [table, new Set(syms)]));
  }

  /** Ended ones too. */
  get grants(): readonly Grant[] {
    return this.#grants;
  }

  /** Adds grants; answers those that are new. */
  add(grants: readonly Grant[]): readonly Grant[] {
    const known = new Set(this.#grants.map((grant) => grant.id));
    const fresh = grants.filter((grant) => !known.has(grant.id));
    this.#grants = [...this.#grants, ...fresh];
    return fresh;
  }

  /** The grants that are good now. */
  live(now: number): readonly Grant[] {
    return this.#grants.filter((grant) => isLive(grant, now));
  }

  /** When the next of those ends; undefined where there is none. */
  nextEnd(now: number): number | undefined {
    return this.live(now).reduce<number | undefined>(
      (least, grant) => Math.min(least ?? Number.POSITIVE_INFINITY, endsAt(grant)),
      undefined,
    );
  }

  /** Table → symbol → the grant that counts, of what is covered now and wanted. */
  wanted(now: number): ReadonlyMap<string, ReadonlyMap<string, Grant>> {
    const tables = new Map<string, ReadonlyMap<string, Grant>>();
    for (const [table, symbols] of covered(this.#grants, now)) {
      const unwanted = this.#unsubscribed.get(table);
      const leftOut = this.#leftOut.get(table);
      const left = new Map([...symbols].filter(([sym]) => unwanted?.has(sym) !== true && leftOut?.has(sym) !== true));
      if (left.size > 0) tables.set(table, left);
    }
    return tables;
  }

  /** The same as buyers are told. */
  told(now: number, epoch: number): Resumed['tables'] {
    return [...this.wanted(now)].map(([table, symbols]) => {
      const until = Math.min(...[...symbols.values()].map((grant) => grant.until));
      return { table, syms: [...symbols.keys()], until, epoch };
    });
  }

  /** The wanted symbols whose rows are paid one by one. */
  metered(now: number): readonly QuoteItem[] {
    return [...this.wanted(now)]
      .map(([table, symbols]) => ({ table, syms: [...symbols].filter(([, grant]) => isMetered(grant)).map(([sym]) => sym) }))
      .filter(({ syms }) => syms.length > 0);
  }

  /** Below what balance a top-up is offered: so much for each of those symbols, as it was sold. */
  topUpBelow(now: number): bigint {
    let below = 0n;
    for (const symbols of this.wanted(now).values()) {
      for (const { terms } of symbols.values()) if (terms.kind === 'tick') below += terms.topUpBelowMsat;
    }
    return below;
  }

  /** The buyer wants symbols (again). */
  want(table: string, syms: readonly string[]): void {
    const left = new Set(this.#unsubscribed.get(table));
    for (const sym of syms) {
      left.delete(sym);
      this.#leftOut.get(table)?.delete(sym);
    }
    this.#unsubscribed = new Map(this.#unsubscribed).set(table, left);
  }

  /** Symbols of what is covered now that are not delivered here until they are wanted. */
  leaveOut(isLeftOut: (table: string, sym: string) => boolean, now: number): void {
    for (const [table, symbols] of covered(this.#grants, now)) {
      this.#leftOut.set(table, new Set([...symbols.keys()].filter((sym) => isLeftOut(table, sym))));
    }
  }

  /** The buyer does not want symbols for now. */
  unwant(table: string, syms: readonly string[]): void {
    this.#unsubscribed = new Map(this.#unsubscribed).set(table, new Set([...(this.#unsubscribed.get(table) ?? []), ...syms]));
  }

  /** What the buyer does not want of a table for now. */
  unsubscribed(table: string): readonly string[] {
    return [...(this.#unsubscribed.get(table) ?? [])];
  }
}
