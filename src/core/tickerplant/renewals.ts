import { msat } from '../lightning/amount.ts';
import type { Clock } from '../ports/clock.ts';
import type { Grant } from '../ports/ledger.ts';
import type { Catalog } from './catalog.ts';
import type { QuotedItem, QuoteItem } from './messages.ts';
import { pricePerSymbol, pricingOf } from './pricing.ts';
import type { Pricing } from './schema.ts';
import { type OfferHost, StandingOffer } from './standing-offer.ts';
import { LONGEST_TIMER_MS } from './timers.ts';

/** What a session's renewals are made from. */
export interface RenewalsHost extends OfferHost {
  readonly catalog: Catalog;
  readonly clock: Clock;
  /** Table → symbol → the grant that counts, of what is covered and wanted. */
  readonly wanted: () => ReadonlyMap<string, ReadonlyMap<string, Grant>>;
}

/**
 * Offers to go on with what was bought for a time, in good time before it ends, as long as a session is there to take the offer. What is not on
 * sale by time any more is not offered.
 */
export class Renewals {
  readonly #host: RenewalsHost;
  readonly #offer: StandingOffer;
  #timer: Disposable | undefined;
  #closed = false;

  constructor(host: RenewalsHost) {
    this.#host = host;
    this.#offer = new StandingOffer(host, 'renewal', () => onSale(this.#due().items, 'time', host.catalog));
  }

  /** A session begins: what is offered already is sent here too. */
  begin(): void {
    this.#schedule();
    this.#offer.begin();
  }

  /** Grants or wishes have changed, or an offer has run out. */
  check(): void {
    if (this.#closed) return;
    this.#schedule();
    this.#offer.check();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#offer.close();
  }

  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const { nextAt } = this.#due();
    if (nextAt === undefined) return;
    const { clock } = this.#host;
    this.#timer = clock.setTimer(Math.min(Math.ceil(nextAt - clock.now()), LONGEST_TIMER_MS), () => this.check());
  }

  /** What is to be renewed now, and when the next is. */
  #due(): { readonly items: readonly QuoteItem[]; readonly nextAt: number | undefined } {
    const now = this.#host.clock.now();
    const items: QuoteItem[] = [];
    let nextAt: number | undefined;
    for (const [table, symbols] of this.#host.wanted()) {
      const syms: string[] = [];
      for (const [sym, { terms, until }] of symbols) {
        if (terms.kind !== 'time') continue;
        const at = until - terms.renewBeforeMs;
        if (at <= now) syms.push(sym);
        else nextAt = Math.min(nextAt ?? at, at);
      }
      if (syms.length > 0) items.push({ table, syms });
    }
    return { items, nextAt };
  }
}

/** Items at the price that holds now, of those that are on sale that way. */
export function onSale(items: readonly QuoteItem[], kind: Pricing['kind'], catalog: Catalog): readonly QuotedItem[] {
  return items.flatMap(({ table, syms }) => {
    const terms = catalog.sells(table) ? pricingOf(catalog.table(table), kind) : undefined;
    const sold = terms === undefined ? [] : syms.filter((sym) => catalog.has(table, sym));
    if (terms === undefined || sold.length === 0) return [];
    return [{ table, syms: sold, terms, amountMsat: msat(pricePerSymbol(terms) * BigInt(sold.length)) }];
  });
}
