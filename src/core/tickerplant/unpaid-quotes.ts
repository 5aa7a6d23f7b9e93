import type { PaymentHash } from '../lightning/identifiers.ts';
import type { QuoteRecord } from '../ports/ledger.ts';
import { TickerplantError } from './errors.ts';
import type { TickerplantLimits } from './limits.ts';

/** Quotes that can be paid now, by payment hash and by subscription, with who asked for them: how many there may be is limited. */
export class UnpaidQuotes {
  readonly #limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress'>;
  readonly #byHash = new Map<PaymentHash, QuoteRecord>();
  readonly #bySubscription = new Map<string, Map<PaymentHash, QuoteRecord>>();
  readonly #addresses = new Map<PaymentHash, string>();
  readonly #perAddress = new Map<string, number>();
  #reserved = 0;

  constructor(limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress'>) {
    this.#limits = limits;
  }

  get(hash: PaymentHash): QuoteRecord | undefined {
    return this.#byHash.get(hash);
  }

  of(subscription: string): readonly QuoteRecord[] {
    return [...(this.#bySubscription.get(subscription)?.values() ?? [])];
  }

  values(): Iterable<QuoteRecord> {
    return this.#byHash.values();
  }

  /** `address`: who asked; left out for a quote of an earlier run, which counts for nobody. */
  add(quote: QuoteRecord, address?: string): void {
    const { paymentHash } = quote;
    this.#byHash.set(paymentHash, quote);
    const others = this.#bySubscription.get(quote.subscription);
    if (others === undefined) this.#bySubscription.set(quote.subscription, new Map([[paymentHash, quote]]));
    else others.set(paymentHash, quote);
    if (address === undefined || this.#addresses.has(paymentHash)) return;
    this.#addresses.set(paymentHash, address);
    this.#count(address, 1);
  }

  delete({ paymentHash, subscription }: QuoteRecord): void {
    this.#byHash.delete(paymentHash);
    const others = this.#bySubscription.get(subscription);
    others?.delete(paymentHash);
    if (others?.size === 0) this.#bySubscription.delete(subscription);
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
    const counted = address === undefined || isThisMachine(address) ? undefined : address;
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

  #count(address: string, change: 1 | -1): void {
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}

function tooMany(message: string): TickerplantError {
  return new TickerplantError('TOO_MANY', `${message}; pay one, or wait until one runs out`, { retry: 'later' });
}

/**
 * Whether an address is one of this machine's own: programs of its owner, or a proxy that does not say who is behind it. What is
 * limited per address is not limited for them.
 */
export function isThisMachine(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./i.test(address);
}
