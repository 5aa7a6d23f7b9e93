import { createHash } from 'node:crypto';
import type { NodeIdentity } from '../lightning/backend.ts';
import { hashOfPreimage, preimage } from '../lightning/identifiers.ts';
import type { StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { Logger } from '../ports/logger.ts';
import type { PurchaseEffect, PurchaseRecord, Purchases } from '../ports/purchases.ts';
import type { Random } from '../ports/random.ts';
import { limitedAs } from '../tickerplant/address.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import { Invoicing } from '../tickerplant/invoicing.ts';
import { DEFAULT_LIMITS, type TickerplantLimits } from '../tickerplant/limits.ts';
import { QuoteSweeper } from '../tickerplant/quote-sweeper.ts';
import { RateLimiter } from '../tickerplant/rate-limiter.ts';
import { type SellerBackend, SellerNode } from '../tickerplant/seller-node.ts';
import { type AppliedEvent, SettlementFollower } from '../tickerplant/settlement-follower.ts';
import { UnpaidQuotes } from '../tickerplant/unpaid-quotes.ts';
import { untilReached } from '../tickerplant/until-reached.ts';
import { Deliveries, type DeliveryPlace } from './deliveries.ts';
import { StoreError } from './errors.ts';
import type { Content, ItemSource, Listing, Offer } from './items.ts';
import { memoOf } from './memo.ts';

/** What a store is made of. */
export interface StoreOptions {
  /** The first that knows an item sells it. */
  readonly sources: readonly ItemSource[];
  readonly purchases: Purchases;
  readonly backend: SellerBackend;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often a purchase may be delivered. */
  readonly deliveries: number;
  /** How long a purchase can be paid. */
  readonly expirySeconds: number;
  readonly limits?: Partial<TickerplantLimits>;
}

/** A purchase that was just made; `link` and `token` are the buyer's secrets and are kept nowhere. */
export interface MadePurchase {
  readonly link: string;
  readonly token: string;
  readonly purchase: PurchaseRecord;
}

/** A delivery that has begun. */
export interface Delivery extends DeliveryPlace {
  readonly content: Content;
}

/** 192 bits: more than anybody can guess. */
const LINK_BYTES = 24;
const LINK = /^[A-Za-z0-9_-]{32}$/;
const ID_BYTES = 8;
const STOP_DEADLINE_MS = 5_000;

/** Sells single items: a purchase per link, paid by an invoice of its own, delivered as often as was bought. */
export class Store implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #node: SellerNode;
  readonly #invoicing: Invoicing;
  readonly #unpaid: UnpaidQuotes<PurchaseRecord>;
  readonly #sweeper: QuoteSweeper<PurchaseRecord>;
  readonly #follower: SettlementFollower;
  readonly #limiter: RateLimiter;
  readonly #deliveries: Deliveries;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #listeners = new Set<(effect: PurchaseEffect) => void>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;

  /** Begins to follow settlements at once, whether the node is there yet or not. */
  constructor(options: StoreOptions) {
    this.#options = options;
    const { purchases, backend, clock, logger, expirySeconds, sources } = options;
    if (new Set(sources.map(({ name }) => name)).size < sources.length) throw new TypeError('two sources of items have the same name');
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#node = new SellerNode(backend, purchases, logger);
    this.#invoicing = new Invoicing({ node: this.#node, backend, clock, logger, expirySeconds });
    this.#unpaid = new UnpaidQuotes(limits);
    this.#limiter = new RateLimiter(clock, limits.quoteBurstPerAddress, limits.quotesPerSecondPerAddress);
    this.#deliveries = new Deliveries(purchases, clock);
    this.#sweeper = new QuoteSweeper({
      open: this.#unpaid,
      node: this.#node,
      backend,
      ledger: purchases,
      clock,
      logger,
      isCaughtUp: () => this.#follower.isCaughtUp,
      onExpired: (purchase) => this.#tell(purchase.id),
    });
    this.#follower = new SettlementFollower({
      node: this.#node,
      backend,
      cursors: purchases,
      clock,
      logger,
      apply: (node, event) => this.#apply(node, event),
    });
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#restore(signal), this.#follower.run(signal)]);
  }

  /** What the stream of settlements from the node is doing. */
  get settlementStatus(): StreamStatus {
    return this.#follower.status;
  }

  /** What is for sale. */
  async listings(): Promise<readonly Listing[]> {
    const all = await Promise.all(this.#options.sources.map((source) => source.listings()));
    const byId = new Map<string, Listing>();
    for (const listing of all.flat()) if (!byId.has(listing.id) && listing.unlisted !== true) byId.set(listing.id, listing);
    return [...byId.values()];
  }

  /** One item. @throws StoreError `UNKNOWN_ITEM`. */
  async listing(id: string): Promise<Listing> {
    for (const source of this.#options.sources) {
      const listing = await source.listing(id);
      if (listing !== undefined) return listing;
    }
    throw unknownItem();
  }

  /**
   * Makes a purchase: durable before its invoice leaves the house. `address`: who asks, for limits.
   * @throws StoreError `UNKNOWN_ITEM`, TickerplantError `BAD_REQUEST`, `RATE_LIMITED`, `TOO_MANY`, `NODE_UNAVAILABLE`, `STOPPING`.
   */
  async buy(order: {
    readonly item: string;
    readonly parameters?: Readonly<Record<string, string>>;
    readonly address: string;
  }): Promise<MadePurchase> {
    if (this.#stopping.signal.aborted) throw new TickerplantError('STOPPING', 'the store is going down; come back in a moment');
    const { random, purchases, clock, deliveries, expirySeconds } = this.#options;
    const { address, item } = order;
    if (!this.#limiter.take(limitedAs(address)))
      throw new TickerplantError('RATE_LIMITED', 'too many purchases from this address; wait a little', { retry: 'later' });
    const place = this.#unpaid.reserve(address);
    try {
      const { title, priceMsat, snapshot } = await this.#offer(item, order.parameters ?? {});
      const { identity } = await this.#invoicing.node();
      const id = Buffer.from(random.bytes(ID_BYTES)).toString('hex');
      const link = Buffer.from(random.bytes(LINK_BYTES)).toString('base64url');
      const invoice = await this.#invoicing.invoice(id, priceMsat, memoOf(title));
      const now = clock.now();
      const made = {
        id,
        linkDigest: digestOf(link),
        rootKey: Buffer.from(random.bytes(32)).toString('hex'),
        node: identity,
        item: itemPath(item, order.parameters),
        title,
        snapshot,
        amountMsat: priceMsat,
        paymentHash: invoice.paymentHash,
        paymentRequest: invoice.paymentRequest,
        createdAt: Math.floor(now),
        // The node's word counts: it is what decides whether a payment is taken.
        expiresAt: Math.floor(Math.min(invoice.expiresAt, now + expirySeconds * 1000)),
        deliveries,
      };
      await purchases.create(made);
      const purchase: PurchaseRecord = {
        ...made,
        state: 'open',
        delivered: 0,
        brokenOffBytes: 0,
        receivedMsat: undefined,
        settledAt: undefined,
        late: false,
        lastDeliveredAt: undefined,
        refundedAt: undefined,
      };
      this.#unpaid.add(purchase, address);
      this.#sweeper.schedule();
      this.#options.logger.info({ purchase: id, item, msat: String(priceMsat) }, 'purchase made');
      return { link, token: this.tokenOf(purchase), purchase };
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** The purchase of a link. @throws StoreError `UNKNOWN_LINK`. */
  async byLink(link: string): Promise<PurchaseRecord> {
    const purchase = LINK.test(link) ? await this.#options.purchases.byLink(digestOf(link)) : undefined;
    if (purchase === undefined) throw new StoreError('UNKNOWN_LINK', 'there is no purchase with this link (any more)');
    return purchase;
  }

  /**
   * The purchase of an L402 credential. The preimage is a part of it: what is kept here alone is worth nothing to a thief.
   * @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`.
   */
  async byCredential(credential: { readonly token: string; readonly preimage: string | undefined }): Promise<PurchaseRecord> {
    const { credentials, purchases, clock } = this.#options;
    const { tokenId } = credentials.identify(credential.token);
    const purchase = await purchases.byLink(tokenId);
    if (purchase === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not known here');
    credentials.verify(credential.token, purchase.rootKey, clock.now());
    if (credential.preimage === undefined)
      throw new TickerplantError('BAD_TOKEN', 'the preimage of the payment is missing: Authorization: L402 <token>:<preimage>');
    if (hashOfPreimage(preimage(credential.preimage)) !== purchase.paymentHash)
      throw new TickerplantError('BAD_TOKEN', 'the preimage is not of its invoice');
    return purchase;
  }

  /** The purchase's L402 token; the same each time. */
  tokenOf({ linkDigest, rootKey, paymentHash }: PurchaseRecord): string {
    return this.#options.credentials.mint({ paymentHash, tokenId: linkDigest }, rootKey);
  }

  /** The purchase as it stands when it is no longer open, or when so long has passed, or the signal is aborted. */
  async whenClosed(purchase: PurchaseRecord, waitMs: number, signal: AbortSignal): Promise<PurchaseRecord> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#waiting.get(purchase.id) ?? new Set();
    this.#waiting.set(purchase.id, waiters);
    waiters.add(resolve);
    const timer = this.#options.clock.setTimer(waitMs, resolve);
    const stop = AbortSignal.any([signal, this.#stopping.signal]);
    stop.addEventListener('abort', () => resolve(), { once: true });
    try {
      // It may have come between the two looks.
      const again = await this.#again(purchase);
      if (again.state !== 'open' || stop.aborted) return again;
      await promise;
      return await this.#again(purchase);
    } finally {
      timer[Symbol.dispose]();
      waiters.delete(resolve);
      if (waiters.size === 0 && this.#waiting.get(purchase.id) === waiters) this.#waiting.delete(purchase.id);
    }
  }

  /** What is delivered, to be looked at; nothing is counted. @throws StoreError as {@link deliver}. */
  async open(purchase: PurchaseRecord): Promise<Content> {
    const { purchases, logger, clock, sources } = this.#options;
    const { id, item } = purchase;
    const [source, snapshot] = JSON.parse(purchase.snapshot) as [string, string];
    const delivered = {
      id,
      snapshot,
      kept: () => purchases.answer(id),
      keep: (answer: Parameters<Purchases['keepAnswer']>[1]) => purchases.keepAnswer(id, answer),
    };
    try {
      const seller = sources.find(({ name }) => name === source);
      if (seller === undefined) throw new StoreError('CHANGED', 'the seller does not have what you bought any more');
      return await seller.open(item, delivered);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'CHANGED')) throw error;
      const isNew = await purchases.noteUndeliverable(id, clock.now());
      if (isNew) logger.error({ purchase: id, item, err: error }, 'what was bought can not be delivered; a refund is noted');
      const refund = purchase.delivered === 0 ? '; that its price is to be given back is noted' : '';
      throw new StoreError('CHANGED', `${error.message}${refund}. Ask the seller about purchase ${id}`, { cause: error });
    }
  }

  /**
   * Begins a delivery. Whoever calls this says how it ended and disposes of the content.
   * @throws StoreError `NOT_PAID`, `DELIVERED`, `REFUNDED`, `CHANGED`, `ITEM_UNAVAILABLE`.
   */
  async deliver(purchase: PurchaseRecord): Promise<Delivery> {
    // Before anything is opened or computed for somebody who may not have it.
    if (this.#stopping.signal.aborted) throw new TickerplantError('STOPPING', 'the store is going down; come back in a moment');
    const first = await this.#deliveries.check(purchase);
    const content = await this.open(first);
    try {
      return { content, ...(await this.#deliveries.begin(first, content.size)) };
    } catch (error) {
      await content[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Calls back after every settlement's effect is durable. Disposing of it ends that. */
  onSettlement(listener: (effect: PurchaseEffect) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Takes no more orders, stops following settlements and lets deliveries end, for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#sweeper.stop();
    await this.#deliveries.end(STOP_DEADLINE_MS);
    await this.#running;
  }

  async #offer(id: string, parameters: Readonly<Record<string, string>>): Promise<Offer> {
    for (const source of this.#options.sources) {
      const offer = await source.offer({ id, parameters, random: this.#options.random });
      if (offer !== undefined) return { ...offer, snapshot: JSON.stringify([source.name, offer.snapshot]) };
    }
    throw unknownItem();
  }

  async #again(purchase: PurchaseRecord): Promise<PurchaseRecord> {
    return (await this.#options.purchases.byLink(purchase.linkDigest)) ?? purchase;
  }

  async #apply(node: NodeIdentity, { settlement, cursor, kind }: AppliedEvent): Promise<void> {
    const { purchases, clock, logger } = this.#options;
    const effect = await purchases.applySettlement({ node, cursor, kind, settlement, now: clock.now() });
    if (effect.kind !== 'foreign') {
      const { purchase } = effect;
      logger.info({ effect: effect.kind, purchase: purchase.id, receivedMsat: String(settlement.receivedMsat) }, 'settlement applied');
      if ('refunds' in effect)
        for (const refund of effect.refunds) logger.warn({ ...refund, msat: String(refund.msat) }, 'money to be given back');
      this.#unpaid.delete(purchase);
      this.#tell(purchase.id);
    }
    for (const listener of this.#listeners) listener(effect);
  }

  #tell(purchase: string): void {
    for (const resolve of this.#waiting.get(purchase) ?? []) resolve();
  }

  /** Takes up the open purchases of earlier runs. */
  async #restore(signal: AbortSignal): Promise<void> {
    const { purchases, clock, logger } = this.#options;
    const restore = async (): Promise<void> => {
      const { identity } = await this.#node.known();
      for (const purchase of await purchases.openPurchases(identity)) this.#unpaid.add(purchase);
      await this.#sweeper.sweep();
    };
    await untilReached(restore, 'the Lightning node is not reached yet; no purchases until it is', { clock, logger, signal });
  }
}

/** An item and what was asked of it as they stand in a URL: what a purchase is of. */
export function itemPath(id: string, parameters: Readonly<Record<string, string>> = {}): string {
  const path = id.split('/').map(encodeURIComponent).join('/');
  const query = new URLSearchParams(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))).toString();
  return query === '' ? path : `${path}?${query}`;
}

function unknownItem(): StoreError {
  return new StoreError('UNKNOWN_ITEM', 'nothing of this name is for sale here');
}

function digestOf(link: string): string {
  return createHash('sha256').update(link).digest('hex');
}
