import { createHash } from 'node:crypto';
import { type Msat, msat, sumMsat } from '../lightning/amount.ts';
import type { NodeIdentity } from '../lightning/backend.ts';
import { CircuitBreaker } from '../lightning/circuit-breaker.ts';
import { isLightningError, LightningError } from '../lightning/errors.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Invoice } from '../lightning/invoice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import { type Grant, type Ledger, LedgerError, type NewQuote, type QuoteRecord } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Random } from '../ports/random.ts';
import type { Catalog } from './catalog.ts';
import { revokedError, TickerplantError } from './errors.ts';
import type { TickerplantLimits } from './limits.ts';
import type { QuotedItem, QuoteItem, QuoteOffer, QuoteReason } from './messages.ts';
import { creditFor, grantedUntil, memoOf } from './pricing.ts';
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
const INVOICE_TIMEOUT_MS = 15_000;
const CANCEL_TIMEOUT_MS = 15_000;
const SWEEP_MS = 60_000;
/** After a sweep that failed, however overdue a quote is. */
const SWEEP_RETRY_MS = 1_000;
/** Unpaid quotes are forgotten so long after they ran out: for questions about them, and for whatever comes very late. */
const PRUNE_AFTER_MS = 30 * 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_AT_ONCE = 500;

/** Prices, asks the node for invoices, makes quotes durable before they leave the house, and ends those that run out. */
export class QuoteDesk {
  readonly #dependencies: QuoteDeskDependencies;
  readonly #open: UnpaidQuotes;
  readonly #reaching: CircuitBreaker;
  readonly #invoicing: CircuitBreaker;
  readonly #underWay = new Map<string, Promise<DeskAnswer>>();
  /** Resolves when the open quotes of earlier runs are taken up: until then it is not known what is offered already. */
  readonly restored: Promise<void>;
  #onRestored: () => void = () => undefined;
  #isRestored = false;
  #timer: Disposable | undefined;
  #stopCancelling: (() => void) | undefined;
  /** Not before this is there another sweep; 0 unless the last one failed. */
  #retryAt = 0;
  #pruneAt = 0;
  #stopped = false;
  #made = 0;

  constructor(dependencies: QuoteDeskDependencies) {
    this.#dependencies = dependencies;
    this.#open = new UnpaidQuotes(dependencies.limits);
    this.restored = new Promise((resolve) => {
      this.#onRestored = resolve;
    });
    this.#reaching = new CircuitBreaker({ clock: dependencies.clock });
    this.#invoicing = new CircuitBreaker({ clock: dependencies.clock });
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
    return this.#offer(quote, credential, await this.#node(), grants);
  }

  /** Takes up the open quotes of earlier runs. */
  async restore(): Promise<void> {
    const { node, ledger } = this.#dependencies;
    const { identity } = await node.known();
    for (const quote of await ledger.openQuotes(identity)) this.#open.add(quote);
    this.#isRestored = true;
    this.#onRestored();
    await this.sweep();
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
    void this.sweep();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#stopCancelling?.();
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

  /** Ends the quotes whose time is over, and what is left to cancel at the node; then again when the next one ends. */
  async sweep(): Promise<void> {
    const { node, ledger, clock, logger, onExpired } = this.#dependencies;
    this.#timer?.[Symbol.dispose]();
    this.#retryAt = 0;
    try {
      const { identity } = await node.known();
      for (const quote of await ledger.expireQuotes(identity, clock.now())) {
        this.#open.delete(quote);
        logger.debug({ quote: quote.id }, 'quote expired unpaid');
        onExpired(quote);
      }
      for (const quote of await ledger.invoicesToCancel(identity)) if (!(await this.#cancel(quote))) break;
      await this.#prune(identity);
    } catch (error) {
      if (!this.#stopped) logger.warn({ err: error }, 'expired quotes could not be closed; trying again');
      this.#retryAt = clock.now() + SWEEP_RETRY_MS;
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#stopped) return;
    const { clock } = this.#dependencies;
    // A clock that was set back must not stretch it.
    const pause = Math.min(Math.ceil(this.#retryAt - clock.now()), SWEEP_RETRY_MS);
    let next = SWEEP_MS;
    for (const quote of this.#open.values()) next = Math.min(next, quote.expiresAt - clock.now());
    this.#timer = clock.setTimer(Math.max(Math.ceil(next), pause, 1), () => void this.sweep());
  }

  /** False: the node does not answer, and the others can wait. */
  async #cancel(quote: QuoteRecord): Promise<boolean> {
    const { ledger, logger } = this.#dependencies;
    try {
      await this.#cancelInTime(quote.paymentHash);
    } catch (error) {
      // Paid after all: its settlement is on the way and closes it.
      if (isLightningError(error, 'CONFLICT')) return true;
      if (!isLightningError(error, 'NOT_FOUND') && !isLightningError(error, 'UNSUPPORTED')) {
        logger.warn({ err: error, quote: quote.id }, 'an invoice could not be cancelled; trying again');
        return !isLightningError(error, 'TIMEOUT');
      }
    }
    await ledger.invoiceClosed(quote.id);
    return true;
  }

  async #cancelInTime(hash: PaymentHash): Promise<void> {
    const { backend, clock } = this.#dependencies;
    const giveUp = new AbortController();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const stop = () => {
      reject(new LightningError('TIMEOUT', `not cancelled within ${CANCEL_TIMEOUT_MS} ms`, { operation: 'cancel' }));
      giveUp.abort();
    };
    const timer = clock.setTimer(CANCEL_TIMEOUT_MS, stop);
    this.#stopCancelling = stop;
    try {
      // Whatever the backend makes of the signal, this goes on.
      await Promise.race([backend.invoices.cancel(hash, { signal: giveUp.signal }), late]);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #prune(node: NodeIdentity): Promise<void> {
    const { ledger, clock, logger, isCaughtUp } = this.#dependencies;
    const now = clock.now();
    if (!isCaughtUp() || (now < this.#pruneAt && this.#pruneAt <= now + PRUNE_EVERY_MS)) return;
    const pruned = await ledger.pruneQuotes(node, now - PRUNE_AFTER_MS, PRUNE_AT_ONCE);
    if (pruned < PRUNE_AT_ONCE) this.#pruneAt = now + PRUNE_EVERY_MS;
    if (pruned > 0) logger.info({ pruned }, 'quotes that were never paid are forgotten');
  }

  async #byKey(request: DeskRequest, digest: string, asked: string): Promise<DeskAnswer> {
    const { ledger, clock } = this.#dependencies;
    const earlier = await ledger.quoteByKey(digest);
    if (earlier?.state === 'open' && earlier.expiresAt <= clock.now()) await this.sweep();
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
    return { offer: this.#offer(quote, subscription, await this.#node(), subscription.grants), record: quote, created: false };
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
    const node = await this.#node();
    const price = sumMsat(items.map((item) => item.amountMsat));
    const creditMsat = useCredit && grants !== undefined ? await this.#credit(credential.id, price) : msat(0);
    const amountMsat = msat(price - creditMsat);
    const id = hex(random.bytes(16));
    const invoice = await this.#invoice(id, amountMsat, items);
    const { created, quote: record } = await this.#write(request, { id, node, invoice, key, amountMsat, creditMsat });
    if (!created && key !== undefined) {
      await this.#dependencies.backend.invoices.cancel(invoice.paymentHash).catch(() => undefined);
      return await this.#again(record, key.asked);
    }
    this.#made += 1;
    this.#open.add(record, request.address);
    this.#schedule();
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

  async #invoice(label: string, amountMsat: Msat, items: readonly QuoteItem[]): Promise<Invoice> {
    const { backend, clock, expirySeconds } = this.#dependencies;
    const request = { amountMsat, description: memoOf(items), expirySeconds, label };
    const giveUp = new AbortController();
    const timer = clock.setTimer(INVOICE_TIMEOUT_MS, () => giveUp.abort());
    const create = async () => {
      try {
        return await backend.invoices.create(request, { signal: giveUp.signal });
      } catch (error) {
        if (!giveUp.signal.aborted) throw error;
        throw new LightningError('TIMEOUT', `no invoice within ${INVOICE_TIMEOUT_MS} ms`, { operation: 'create', cause: error });
      }
    };
    try {
      return await this.#invoicing.run('create', create);
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #node(): Promise<KnownNode> {
    try {
      return await this.#reaching.run('identity', () => this.#dependencies.node.known());
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): TickerplantError {
    this.#dependencies.logger.warn({ err: error }, 'the Lightning node gave no invoice');
    return new TickerplantError('NODE_UNAVAILABLE', "the seller's Lightning node can not make invoices right now; try again later", {
      cause: error,
    });
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
