import type { PaymentHash } from '../lightning/identifiers.ts';
import type { QuoteRecord } from '../ports/ledger.ts';

/** The quotes that can be paid, by payment hash and by subscription. */
export class OpenQuotes {
  readonly #byHash = new Map<PaymentHash, QuoteRecord>();
  readonly #bySubscription = new Map<string, Map<PaymentHash, QuoteRecord>>();

  get(hash: PaymentHash): QuoteRecord | undefined {
    return this.#byHash.get(hash);
  }

  of(subscription: string): readonly QuoteRecord[] {
    return [...(this.#bySubscription.get(subscription)?.values() ?? [])];
  }

  values(): Iterable<QuoteRecord> {
    return this.#byHash.values();
  }

  add(quote: QuoteRecord): void {
    this.#byHash.set(quote.paymentHash, quote);
    const others = this.#bySubscription.get(quote.subscription);
    if (others === undefined) this.#bySubscription.set(quote.subscription, new Map([[quote.paymentHash, quote]]));
    else others.set(quote.paymentHash, quote);
  }

  delete({ paymentHash, subscription }: QuoteRecord): void {
    this.#byHash.delete(paymentHash);
    const others = this.#bySubscription.get(subscription);
    others?.delete(paymentHash);
    if (others?.size === 0) this.#bySubscription.delete(subscription);
  }
}
