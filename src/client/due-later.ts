import type { Clock } from '../core/ports/clock.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';

/** Offers kept at a time: a server that is honest has one open for each table. */
const MAX_KEPT = 32;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Offers that came before they are due. Calls back when one may be due by its time. */
export class DueLater {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #kept = new Map<string, { readonly offer: QuoteOffer; readonly timer: Disposable | undefined }>();

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(quote: string): boolean {
    return this.#kept.has(quote);
  }

  /** Keeps an offer until a time, or until somebody looks; false where too many are kept. A newer one for the same takes the place. */
  add(offer: QuoteOffer, dueAt: number | undefined): boolean {
    for (const [quote, kept] of this.#kept) if (sameThing(kept.offer, offer)) this.remove(quote);
    if (this.#kept.size >= MAX_KEPT) return false;
    const now = this.#clock.now();
    const delay = dueAt === undefined ? undefined : Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(dueAt - now)));
    this.#kept.set(offer.quote, { offer, timer: delay === undefined ? undefined : this.#clock.setTimer(delay, this.#look) });
    return true;
  }

  remove(quote: string): boolean {
    this.#kept.get(quote)?.timer?.[Symbol.dispose]();
    return this.#kept.delete(quote);
  }

  /** Everything that is kept and has not run out, which is kept no longer. */
  take(): readonly QuoteOffer[] {
    const offers = [...this.#kept.values()].map(({ offer }) => offer);
    this.clear();
    const now = this.#clock.now();
    return offers.filter((offer) => offer.expiresAt > now);
  }

  clear(): void {
    for (const quote of [...this.#kept.keys()]) this.remove(quote);
  }
}

function sameThing(one: QuoteOffer, other: QuoteOffer): boolean {
  const what = ({ reason, items }: QuoteOffer): string =>
    JSON.stringify([reason, items.map(({ table, syms }) => [table, [...syms].sort()])]);
  return what(one) === what(other);
}
