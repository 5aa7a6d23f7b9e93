import type { NodeIdentity } from '../lightning/backend.ts';
import { hashOfPreimage, preimage } from '../lightning/identifiers.ts';
import type { StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { Logger } from '../ports/logger.ts';
import type { PurchaseEffect, PurchaseRecord, Purchases } from '../ports/purchases.ts';
import type { Random } from '../ports/random.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import { DEFAULT_LIMITS, type TickerplantLimits } from '../tickerplant/limits.ts';
import { type SellerBackend, SellerNode } from '../tickerplant/seller-node.ts';
import { type AppliedEvent, SettlementFollower } from '../tickerplant/settlement-follower.ts';
import { untilReached } from '../tickerplant/until-reached.ts';
import { ItemCatalog } from './catalog.ts';
import { StoreError } from './errors.ts';
import { type Delivery, Fulfilment } from './fulfilment.ts';
import type { Content, ItemSource, Listing } from './items.ts';
import { digestOfLink, isLink } from './link.ts';
import { type ItemOrder, OrderDesk, type TakenOrder } from './order-desk.ts';

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
export interface MadePurchase extends TakenOrder {
  readonly token: string;
}

const STOP_DEADLINE_MS = 5_000;

/** Sells single items: a purchase per link, paid by an invoice of its own, delivered as often as was bought. */
export class Store implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #catalog: ItemCatalog;
  readonly #orders: OrderDesk;
  readonly #fulfilment: Fulfilment;
  readonly #follower: SettlementFollower;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #listeners = new Set<(effect: PurchaseEffect) => void>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;

  /** Begins to follow settlements at once, whether the node is there yet or not. */
  constructor(options: StoreOptions) {
    const { sources, purchases, backend, clock, random, logger, deliveries, expirySeconds } = options;
    this.#options = options;
    this.#catalog = new ItemCatalog(sources);
    const node = new SellerNode(backend, purchases, logger);
    this.#orders = new OrderDesk({
      catalog: this.#catalog,
      node,
      backend,
      purchases,
      clock,
      random,
      logger,
      deliveries,
      expirySeconds,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      isCaughtUp: () => this.#follower.isCaughtUp,
      onExpired: (purchase) => this.#tell(purchase.id),
    });
    this.#fulfilment = new Fulfilment({ catalog: this.#catalog, purchases, clock, logger });
    this.#follower = new SettlementFollower({
      node,
      backend,
      cursors: purchases,
      clock,
      logger,
      apply: (identity, event) => this.#apply(identity, event),
    });
    const { signal } = this.#stopping;
    this.#running = Promise.all([
      untilReached(() => this.#orders.restore(), 'the Lightning node is not reached yet; no purchases until it is', {
        clock,
        logger,
        signal,
      }),
      this.#follower.run(signal),
    ]);
  }

  /** What the stream of settlements from the node is doing. */
  get settlementStatus(): StreamStatus {
    return this.#follower.status;
  }

  /** What is for sale, but for what is unlisted. */
  async listings(): Promise<readonly Listing[]> {
    return await this.#catalog.listings();
  }

  /** One item. @throws StoreError `UNKNOWN_ITEM`. */
  async listing(id: string): Promise<Listing> {
    return await this.#catalog.listing(id);
  }

  /** Makes a purchase. @throws StoreError, TickerplantError as {@link OrderDesk.take}. */
  async buy(order: ItemOrder): Promise<MadePurchase> {
    const taken = await this.#orders.take(order);
    return { ...taken, token: this.tokenOf(taken.purchase) };
  }

  /** The purchase of a link. @throws StoreError `UNKNOWN_LINK`. */
  async byLink(link: string): Promise<PurchaseRecord> {
    const purchase = isLink(link) ? await this.#options.purchases.byLink(digestOfLink(link)) : undefined;
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

  /** What is delivered, to be looked at; nothing is counted. @throws StoreError as {@link Fulfilment.open}. */
  async open(purchase: PurchaseRecord): Promise<Content> {
    return await this.#fulfilment.open(purchase);
  }

  /** Begins a delivery. Whoever calls this says how it ended and disposes of the content. @throws as {@link Fulfilment.deliver}. */
  async deliver(purchase: PurchaseRecord): Promise<Delivery> {
    return await this.#fulfilment.deliver(purchase);
  }

  /** Calls back after every settlement's effect is durable. Disposing of it ends that. */
  onSettlement(listener: (effect: PurchaseEffect) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Takes no more orders, stops following settlements and lets deliveries end, for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#orders.stop();
    await this.#fulfilment.end(STOP_DEADLINE_MS);
    await this.#running;
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
      this.#orders.closed(purchase);
      this.#tell(purchase.id);
    }
    for (const listener of this.#listeners) listener(effect);
  }

  #tell(purchase: string): void {
    for (const resolve of this.#waiting.get(purchase) ?? []) resolve();
  }
}
