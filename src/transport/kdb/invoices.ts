import { Buffer } from 'node:buffer';
import type { QuoteOffer } from '../../core/tickerplant/messages.ts';
import { chars, dictionary, list, long, symbol, symbols, table } from '../../kdb/build.ts';
import { KDB_EPOCH_NS } from '../../kdb/times.ts';
import type { K, KAtom, KDictionary, KTable } from '../../kdb/types.ts';

const NS_PER_MS = 1_000_000n;
/** Invoices of one subscription that are remembered, the newest. */
const MAX_PER_SUBSCRIPTION = 64;
/** Subscriptions whose invoices are remembered, those that were used last. */
const MAX_SUBSCRIPTIONS = 10_000;

/** An invoice as a kdb+ buyer sees it. */
export interface NumberedInvoice {
  readonly offer: QuoteOffer;
  /** Our own count of quotes: nodes other than lnd have no add index. */
  readonly number: number;
  /** The connection that asked for it. */
  readonly handle: number;
  settled: boolean;
}

/** The invoices that were given over kdb+, by the subscription that they are for: nobody sees another's. */
export class InvoiceBook {
  readonly #bySubscription = new Map<string, NumberedInvoice[]>();
  readonly #byQuote = new Map<string, NumberedInvoice>();
  #count = 0;

  /** Notes an offer; under an idempotency key the same quote keeps its number. */
  add(offer: QuoteOffer, handle: number): NumberedInvoice {
    const known = this.#byQuote.get(offer.quote);
    if (known !== undefined) return known;
    this.#count += 1;
    const invoice: NumberedInvoice = { offer, number: this.#count, handle, settled: false };
    const others = this.#bySubscription.get(offer.subscription) ?? [];
    // Moved to the end: the first is the one that was not used for longest.
    this.#bySubscription.delete(offer.subscription);
    this.#bySubscription.set(offer.subscription, others);
    others.push(invoice);
    this.#byQuote.set(offer.quote, invoice);
    for (const old of others.splice(0, Math.max(0, others.length - MAX_PER_SUBSCRIPTION))) this.#byQuote.delete(old.offer.quote);
    this.#forgetOldest();
    return invoice;
  }

  /** The quote was paid. */
  settled(quote: string): void {
    const invoice = this.#byQuote.get(quote);
    if (invoice !== undefined) invoice.settled = true;
  }

  /** The quote ran out. */
  remove(quote: string): void {
    const invoice = this.#byQuote.get(quote);
    if (invoice === undefined) return;
    this.#byQuote.delete(quote);
    const { subscription } = invoice.offer;
    const left = (this.#bySubscription.get(subscription) ?? []).filter((other) => other !== invoice);
    if (left.length === 0) this.#bySubscription.delete(subscription);
    else this.#bySubscription.set(subscription, left);
  }

  /** What there is for subscriptions, without what has expired unpaid. */
  of(subscriptions: Iterable<string>, now: number): readonly NumberedInvoice[] {
    return [...subscriptions]
      .flatMap((subscription) => this.#bySubscription.get(subscription) ?? [])
      .filter(({ settled, offer }) => settled || offer.expiresAt > now)
      .sort((one, other) => one.number - other.number);
  }

  #forgetOldest(): void {
    if (this.#bySubscription.size <= MAX_SUBSCRIPTIONS) return;
    const [oldest] = this.#bySubscription.keys();
    if (oldest === undefined) return;
    for (const { offer } of this.#bySubscription.get(oldest) ?? []) this.#byQuote.delete(offer.quote);
    this.#bySubscription.delete(oldest);
  }
}

/**
 * The third item of `.u.sub`'s answer: lnd's names for an invoice as the whitepaper has them, then the amount in msat, when
 * it expires, and the token with which the subscription can be gone on with.
 */
export function invoiceDictionary({ offer, number }: NumberedInvoice): KDictionary {
  return dictionary({
    r_hash: chars(Buffer.from(offer.paymentHash, 'hex').toString('base64')),
    payment_request: chars(offer.invoice),
    add_index: chars(String(number)),
    amount: long(offer.amountMsat),
    expiry: timestamp(offer.expiresAt),
    token: chars(offer.token),
  });
}

/** `.u.pendingInvoices[]`. */
export function invoiceTable(invoices: readonly NumberedInvoice[]): KTable {
  const texts = (of: (invoice: NumberedInvoice) => string) => list(...invoices.map((invoice) => chars(of(invoice))));
  const longs = (of: (invoice: NumberedInvoice) => bigint) => BigInt64Array.from(invoices, of);
  return table({
    handle: { kind: 'vector', type: 'int', attribute: 'none', values: Int32Array.from(invoices, ({ handle }) => handle) },
    request: list(...invoices.map(requestOf)),
    payment_request: texts(({ offer }) => offer.invoice),
    payment_hash: texts(({ offer }) => offer.paymentHash),
    add_index: { kind: 'vector', type: 'long', attribute: 'none', values: longs(({ number }) => BigInt(number)) },
    amount: { kind: 'vector', type: 'long', attribute: 'none', values: longs(({ offer }) => offer.amountMsat) },
    expiry: { kind: 'vector', type: 'timestamp', attribute: 'none', values: longs(({ offer }) => nsSince2000(offer.expiresAt)) },
    settled: { kind: 'vector', type: 'boolean', attribute: 'none', values: Uint8Array.from(invoices, ({ settled }) => Number(settled)) },
    token: texts(({ offer }) => offer.token),
    reason: symbols(invoices.map(({ offer }) => offer.reason)),
  });
}

/** As the whitepaper has it, ``(`trade;`AAPL`GOOGL)``; a list of such where there are several tables. */
function requestOf({ offer }: NumberedInvoice): K {
  const items = offer.items.map((item) => list(symbol(item.table), symbols(item.syms)));
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : list(...items);
}

function timestamp(ms: number): KAtom {
  return { kind: 'atom', type: 'timestamp', value: nsSince2000(ms) };
}

function nsSince2000(ms: number): bigint {
  return BigInt(Math.floor(ms)) * NS_PER_MS - KDB_EPOCH_NS;
}
