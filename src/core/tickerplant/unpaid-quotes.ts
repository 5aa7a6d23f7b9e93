import type { PaymentHash } from '../lightning/identifiers.ts';
import { isThisMachine, limitedAs } from './address.ts';
import { TickerplantError } from './errors.ts';
import type { TickerplantLimits } from './limits.ts';

/** What waits for its payment. */
export interface UnpaidQuote {
  readonly paymentHash: PaymentHash;
  /** What it adds to; a purchase of a single item adds to nothing. */
  readonly subscription?: string;
}

/** Quotes that can be paid now, by payment hash and by subscription, with who asked for them: how many there may be is limited. */
export class UnpaidQuotes<Quote extends UnpaidQuote> {
  readonly #limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress'>;
  readonly #byHash = new Map<PaymentHash, Quote>();
  readonly #bySubscription = new Map<string, Map<PaymentHash, Quote>>();
  readonly #addresses = new Map<PaymentHash, string>();
  readonly #perAddress = new Map<string, number>();
  #reserved = 0;

  constructor(limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress'>) {
    this.#limits = limits;
  }

  get(hash: PaymentHash): Quote | undefined {
    return this.#byHash.get(hash);
  }

  of(subscription: string): readonly Quote[] {
    return [...(this.#bySubscription.get(subscription)?.values() ?? [])];
  }

  values(): Iterable<Quote> {
    return this.#byHash.values();
  }

  /** `address`: who asked; left out for a quote of an earlier run, which counts for nobody. */
  add(quote: Quote, address?: string): void {
    const { paymentHash } = quote;
    this.#byHash.set(paymentHash, quote);
    if (quote.subscription !== undefined) this.#addTo(quote.subscription, quote);
    if (address === undefined || this.#addresses.has(paymentHash)) return;
    const counted = limitedAs(address);
    this.#addresses.set(paymentHash, counted);
    this.#count(counted, 1);
  }

  delete({ paymentHash, subscription }: UnpaidQuote): void {
    this.#byHash.delete(paymentHash);
    const others = subscription === undefined ? undefined : this.#bySubscription.get(subscription);
    others?.delete(paymentHash);
    if (subscription !== undefined && others?.size === 0) this.#bySubscription.delete(subscription);
    const address = this.#addresses.get(paymentHash);
    if (address === undefined) return;
    this.#addresses.delete(paymentHash);
    this.#count(address, -1);
  }

  /**
   * Takes a place for a quote that is about to be made, until it is disposed of.
   * @throws TickerplantError `TOO_MANY`, to be tried again later: places come free as quotes are paid or run out.
   */
  reserve(address: string | undefined): Disposable {
    const { openQuotes, openQuotesPerAddress } = this.#limits;
    if (this.#byHash.size + this.#reserved >= openQuotes) throw tooMany('there are too many unpaid quotes at the moment');
    const counted = address === undefined || isThisMachine(address) ? undefined : limitedAs(address);
    if (counted !== undefined && (this.#perAddress.get(counted) ?? 0) >= openQuotesPerAddress)
      throw tooMany(`at most ${openQuotesPerAddress} unpaid quotes at a time from one address`);
    this.#reserved += 1;
    if (counted !== undefined) this.#count(counted, 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#reserved -= 1;
        if (counted !== undefined) this.#count(counted, -1);
      },
    };
  }

  #addTo(subscription: string, quote: Quote): void {
    const others = this.#bySubscription.get(subscription);
    if (others === undefined) this.#bySubscription.set(subscription, new Map([[quote.paymentHash, quote]]));
    else others.set(quote.paymentHash, quote);
  }

  #count(address: string, change: 1 | -1): void {
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}

function tooMany(message: string): TickerplantError {
  return new TickerplantError('TOO_MANY', `${message}; pay one, or wait until one runs out`, { retry: 'later' });
}
