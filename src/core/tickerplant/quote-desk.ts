import { createHash } from 'node:crypto';
import { type Msat, msat, sumMsat } from '../lightning/amount.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Invoice } from '../lightning/invoice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import { type Grant, type Ledger, LedgerError, type NewQuote, type QuoteRecord } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Random } from '../ports/random.ts';
import type { Catalog } from './catalog.ts';
import { revokedError, TickerplantError } from './errors.ts';
import { Invoicing } from './invoicing.ts';
import type { TickerplantLimits } from './limits.ts';
import type { QuotedItem, QuoteOffer, QuoteReason } from './messages.ts';
import { creditFor, grantedUntil, memoOf } from './pricing.ts';
import { QuoteSweeper } from './quote-sweeper.ts';
import type { KnownNode, SellerBackend, SellerNode } from './seller-node.ts';
import { UnpaidQuotes } from './unpaid-quotes.ts';

/** What the desk leans on. */
export interface QuoteDeskDependencies {
  readonly catalog: Catalog;
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly ledger: Ledger;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly expirySeconds: number;
  /** When the day ends that it is now, milliseconds since 1970. */
  readonly dayEnds: () => number;
  readonly limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress'>;
  /** Whether every settlement that the node has on record has had its effect: only then is an unpaid quote known to be one. */
  readonly isCaughtUp: () => boolean;
  /** Told when a quote ran out unpaid. */
  readonly onExpired: (quote: QuoteRecord) => void;
}

/** The credential of the subscription that a quote is for; the first quote of a subscription writes it down. */
export interface SubscriptionCredential {
  readonly id: string;
  readonly tokenId: string;
  readonly rootKey: string;
}

/** What to quote. */
export interface DeskRequest {
  readonly items: readonly QuotedItem[];
  readonly reason: QuoteReason;
  readonly credential: SubscriptionCredential;
  /** What the subscription has already; undefined where this is its first quote. */
  readonly grants: readonly Grant[] | undefined;
  /** Who asks, for limits; left out for the seller's own offers. */
  readonly address?: string;
  /** Idempotency key with its scope, and what is asked under it. */
  readonly key: { readonly scope: string; readonly key: string; readonly asked: string; readonly isSecret: boolean } | undefined;
}

/** A quote and the subscription that it is for; `created` false where the key had one already. */
export interface DeskAnswer {
  readonly offer: QuoteOffer;
  readonly record: QuoteRecord;
  readonly created: boolean;
}

/** How often a quote is made anew because its credit was taken by another one meanwhile. */
const CREDIT_TRIES = 3;

/** Prices, asks the node for invoices, makes quotes durable before they leave the house, and ends those that run out. */
export class QuoteDesk {
  readonly #dependencies: QuoteDeskDependencies;
  readonly #open: UnpaidQuotes<QuoteRecord>;
  readonly #sweeper: QuoteSweeper<QuoteRecord>;
  readonly #invoicing: Invoicing;
  readonly #underWay = new Map<string, Promise<DeskAnswer>>();
  /** Resolves when the open quotes of earlier runs are taken up: until then it is not known what is offered already. */
  readonly restored: Promise<void>;
  #onRestored: () => void = () => undefined;
  #isRestored = false;
  #made = 0;

  constructor(dependencies: QuoteDeskDependencies) {
    this.#dependencies = dependencies;
    this.#open = new UnpaidQuotes(dependencies.limits);
    this.restored = new Promise((resolve) => {
      this.#onRestored = resolve;
    });
    this.#sweeper = new QuoteSweeper({ ...dependencies, open: this.#open });
    this.#invoicing = new Invoicing(dependencies);
  }

  /** Whether {@link restored} has resolved. */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /** Quotes made since the start. */
  get made(): number {
    return this.#made;
  }

  /** An open quote by its payment hash. */
  open(hash: PaymentHash): QuoteRecord | undefined {
    return this.#open.get(hash);
  }

  /** A subscription's quotes that can still be paid. */
  openOf(subscription: string): readonly QuoteRecord[] {
    const now = this.#dependencies.clock.now();
    return this.#open.of(subscription).filter((quote) => quote.expiresAt > now);
  }

  /** The offer of a quote that was made before, for its buyer again. @throws TickerplantError `NODE_UNAVAILABLE`, `UNKNOWN_TABLE`. */
  async offerAgain(quote: QuoteRecord, credential: SubscriptionCredential, grants: readonly Grant[]): Promise<QuoteOffer> {
    return this.#offer(quote, credential, await this.#invoicing.node(), grants);
  }

  /** Takes up the open quotes of earlier runs. */
  async restore(): Promise<void> {
    const { node, ledger } = this.#dependencies;
    const { identity } = await node.known();
    for (const quote of await ledger.openQuotes(identity)) this.#open.add(quote);
    this.#isRestored = true;
    this.#onRestored();
    await this.#sweeper.sweep();
  }

  /** A quote that is no longer open: it was settled. */
  close(quote: QuoteRecord): void {
    this.#open.delete(quote);
  }

  /** Open quotes were withdrawn in the ledger: they are taken back at the node too. */
  withdrawn(ids: readonly string[]): void {
    for (const quote of [...this.#open.values()].filter(({ id }) => ids.includes(id))) {
      this.#open.delete(quote);
      this.#dependencies.onExpired(quote);
    }
    void this.#sweeper.sweep();
  }

  stop(): void {
    this.#sweeper.stop();
  }

  /** @throws TickerplantError `NODE_UNAVAILABLE`, `KEY_REUSED`. */
  quote(request: DeskRequest): Promise<DeskAnswer> {
    if (request.key === undefined) return this.#make(request, undefined);
    const digest = sha256(`${request.key.scope}\n${request.key.key}`);
    const asked = sha256(request.key.asked);
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) {
      return underWay.then((answer) => {
        assertSameRequest(answer.record, asked);
        return { ...answer, created: false };
      });
    }
    const making = this.#byKey(request, digest, asked).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, making);
    return making;
  }

  async #byKey(request: DeskRequest, digest: string, asked: string): Promise<DeskAnswer> {
    const { ledger, clock } = this.#dependencies;
    const earlier = await ledger.quoteByKey(digest);
    if (earlier?.state === 'open' && earlier.expiresAt <= clock.now()) await this.#sweeper.sweep();
    else if (earlier !== undefined) {
      // Whoever shares the buyer's address can guess a short key; what is paid goes to the buyer only.
      if (earlier.state === 'settled' && request.key?.isSecret === false && earlier.subscription !== request.credential.id)
        throw new TickerplantError('KEY_REUSED', 'the quote of this key is paid already: resume with its token, or take another key');
      return await this.#again(earlier, asked);
    }
    return await this.#make(request, { digest, asked });
  }

  async #again(quote: QuoteRecord, asked: string): Promise<DeskAnswer> {
    assertSameRequest(quote, asked);
    const subscription = await this.#dependencies.ledger.subscription(quote.subscription);
    if (subscription === undefined) throw new TickerplantError('INTERNAL', 'the quote has no subscription');
    if (subscription.revokedAt !== undefined) throw revokedError(subscription.id);
    return { offer: this.#offer(quote, subscription, await this.#invoicing.node(), subscription.grants), record: quote, created: false };
  }

  /** Within the limits of open quotes. */
  async #make(request: DeskRequest, key: { readonly digest: string; readonly asked: string } | undefined): Promise<DeskAnswer> {
    const place = this.#open.reserve(request.address);
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          // In the end without the credit: another quote of the subscription's has it.
          return await this.#makeOnce(request, key, attempt <= CREDIT_TRIES);
        } catch (error) {
          if (!(error instanceof CreditTaken)) throw error;
        }
      }
    } finally {
      place[Symbol.dispose]();
    }
  }

  async #makeOnce(
    request: DeskRequest,
    key: { readonly digest: string; readonly asked: string } | undefined,
    useCredit: boolean,
  ): Promise<DeskAnswer> {
    const { random } = this.#dependencies;
    const { credential, items, grants } = request;
    const node = await this.#invoicing.node();
    const price = sumMsat(items.map((item) => item.amountMsat));
    const creditMsat = useCredit && grants !== undefined ? await this.#credit(credential.id, price) : msat(0);
    const amountMsat = msat(price - creditMsat);
    const id = hex(random.bytes(16));
    const invoice = await this.#invoicing.invoice(id, amountMsat, memoOf(items));
    const { created, quote: record } = await this.#write(request, { id, node, invoice, key, amountMsat, creditMsat });
    if (!created && key !== undefined) {
      await this.#dependencies.backend.invoices.cancel(invoice.paymentHash).catch(() => undefined);
      return await this.#again(record, key.asked);
    }
    this.#made += 1;
    this.#open.add(record, request.address);
    this.#sweeper.schedule();
    return { offer: this.#offer(record, credential, node, grants ?? []), record, created: true };
  }

  /** Makes the quote durable. @throws CreditTaken where its credit is not there any more; then its invoice is cancelled. */
  async #write(
    { credential, items, reason }: DeskRequest,
    made: {
      readonly id: string;
      readonly node: KnownNode;
      readonly invoice: Invoice;
      readonly key: { readonly digest: string; readonly asked: string } | undefined;
      readonly amountMsat: Msat;
      readonly creditMsat: Msat;
    },
  ): Promise<{ readonly created: boolean; readonly quote: QuoteRecord }> {
    const { ledger, clock, backend, expirySeconds } = this.#dependencies;
    const { id, node, invoice, key, amountMsat, creditMsat } = made;
    const quote: NewQuote = {
      id,
      subscription: credential.id,
      node: node.identity,
      key: key?.digest,
      request: key?.asked,
      items,
      reason,
      amountMsat,
      creditMsat,
      paymentHash: invoice.paymentHash,
      paymentRequest: invoice.paymentRequest,
      createdAt: clock.now(),
      // The node's word counts: it is what decides whether a payment is taken.
      expiresAt: Math.min(invoice.expiresAt, clock.now() + expirySeconds * 1000),
      newSubscription: { tokenId: credential.tokenId, rootKey: credential.rootKey },
    };
    try {
      return await ledger.createQuote(quote);
    } catch (error) {
      if (creditMsat === 0n || !(error instanceof LedgerError && error.code === 'CONFLICT')) throw error;
      await backend.invoices.cancel(invoice.paymentHash).catch(() => undefined);
      throw new CreditTaken();
    }
  }

  async #credit(subscription: string, price: Msat): Promise<Msat> {
    const record = await this.#dependencies.ledger.subscription(subscription);
    return record === undefined ? msat(0) : creditFor(price, record.creditMsat);
  }

  #offer(
    quote: QuoteRecord,
    credential: { readonly tokenId: string; readonly rootKey: string },
    node: KnownNode,
    grants: readonly Grant[],
  ): QuoteOffer {
    const { catalog, credentials, clock, dayEnds } = this.#dependencies;
    const { paymentHash } = quote;
    return {
      quote: quote.id,
      subscription: quote.subscription,
      token: credentials.mint({ paymentHash, tokenId: credential.tokenId }, credential.rootKey),
      items: quote.items.map((item) => ({ ...item, schema: catalog.table(item.table).columns })),
      reason: quote.reason,
      amountMsat: quote.amountMsat,
      creditMsat: quote.creditMsat,
      invoice: quote.paymentRequest,
      paymentHash,
      expiresAt: quote.expiresAt,
      until: Math.min(...quote.items.map((item) => grantedUntil(item, grants, clock.now(), dayEnds()))),
      node: { id: node.identity.nodeId, uris: node.uris },
    };
  }
}

/** The credit that a quote was to use went to another one. */
class CreditTaken extends Error {}

function assertSameRequest(quote: QuoteRecord, asked: string): void {
  if (quote.request !== asked) throw new TickerplantError('KEY_REUSED', 'this key belongs to a request for something else');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Random bytes as lower-case hex: ids and keys. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
