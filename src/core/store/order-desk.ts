import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { PurchaseRecord, Purchases } from '../ports/purchases.ts';
import type { Random } from '../ports/random.ts';
import { limitedAs } from '../tickerplant/address.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import { Invoicing } from '../tickerplant/invoicing.ts';
import type { TickerplantLimits } from '../tickerplant/limits.ts';
import { QuoteSweeper } from '../tickerplant/quote-sweeper.ts';
import { RateLimiter } from '../tickerplant/rate-limiter.ts';
import type { SellerBackend, SellerNode } from '../tickerplant/seller-node.ts';
import { UnpaidQuotes } from '../tickerplant/unpaid-quotes.ts';
import type { ItemCatalog } from './catalog.ts';
import { itemPath } from './item-path.ts';
import { digestOfLink, newLink } from './link.ts';
import { memoOf } from './memo.ts';

/** What the desk leans on. */
export interface OrderDeskDependencies {
  readonly catalog: ItemCatalog;
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly purchases: Purchases;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often a purchase may be delivered. */
  readonly deliveries: number;
  /** How long a purchase can be paid. */
  readonly expirySeconds: number;
  readonly limits: Pick<TickerplantLimits, 'openQuotes' | 'openQuotesPerAddress' | 'quoteBurstPerAddress' | 'quotesPerSecondPerAddress'>;
  /** Whether every settlement that the node has on record has had its effect: only then is an unpaid purchase known to be one. */
  readonly isCaughtUp: () => boolean;
  /** Told when a purchase ran out unpaid. */
  readonly onExpired: (purchase: PurchaseRecord) => void;
}

/** Who orders what. */
export interface ItemOrder {
  readonly item: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Who asks, for limits. */
  readonly address: string;
}

/** A purchase that was just made; `link` is the buyer's secret and is kept nowhere. */
export interface TakenOrder {
  readonly link: string;
  readonly purchase: PurchaseRecord;
}

const ID_BYTES = 8;

/** Takes orders: asks the node for invoices, makes purchases durable before they leave the house, and ends those that run out. */
export class OrderDesk {
  readonly #dependencies: OrderDeskDependencies;
  readonly #invoicing: Invoicing;
  readonly #unpaid: UnpaidQuotes<PurchaseRecord>;
  readonly #sweeper: QuoteSweeper<PurchaseRecord>;
  readonly #limiter: RateLimiter;
  #isStopped = false;

  constructor(dependencies: OrderDeskDependencies) {
    const { purchases, clock, limits } = dependencies;
    this.#dependencies = dependencies;
    this.#invoicing = new Invoicing(dependencies);
    this.#unpaid = new UnpaidQuotes(limits);
    this.#sweeper = new QuoteSweeper({ ...dependencies, open: this.#unpaid, ledger: purchases });
    this.#limiter = new RateLimiter(clock, limits.quoteBurstPerAddress, limits.quotesPerSecondPerAddress);
  }

  /**
   * Makes a purchase: durable before its invoice leaves the house.
   * @throws StoreError `UNKNOWN_ITEM`, TickerplantError `BAD_REQUEST`, `RATE_LIMITED`, `TOO_MANY`, `NODE_UNAVAILABLE`, `STOPPING`.
   */
  async take({ item, parameters = {}, address }: ItemOrder): Promise<TakenOrder> {
    if (this.#isStopped) throw new TickerplantError('STOPPING', 'the store is going down; come back in a moment');
    const { catalog, random, purchases, clock, logger, deliveries, expirySeconds } = this.#dependencies;
    if (!this.#limiter.take(limitedAs(address)))
      throw new TickerplantError('RATE_LIMITED', 'too many purchases from this address; wait a little', { retry: 'later' });
    const place = this.#unpaid.reserve(address);
    try {
      const { title, priceMsat, snapshot } = await catalog.offer({ id: item, parameters, random });
      const { identity } = await this.#invoicing.node();
      const id = Buffer.from(random.bytes(ID_BYTES)).toString('hex');
      const link = newLink(random);
      const invoice = await this.#invoicing.invoice(id, priceMsat, memoOf(title));
      const now = clock.now();
      const made = {
        id,
        linkDigest: digestOfLink(link),
        rootKey: Buffer.from(random.bytes(32)).toString('hex'),
        node: identity,
        item: itemPath(item, parameters),
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
      logger.info({ purchase: id, item, msat: String(priceMsat) }, 'purchase made');
      return { link, purchase };
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** A settlement closed the purchase: it is unpaid no longer. */
  closed(purchase: PurchaseRecord): void {
    this.#unpaid.delete(purchase);
  }

  /** Takes up the open purchases of earlier runs; rejects while the node is not reached. */
  async restore(): Promise<void> {
    const { node, purchases } = this.#dependencies;
    const { identity } = await node.known();
    for (const purchase of await purchases.openPurchases(identity)) this.#unpaid.add(purchase);
    await this.#sweeper.sweep();
  }

  /** Takes no more orders and ends no more purchases. */
  stop(): void {
    this.#isStopped = true;
    this.#sweeper.stop();
  }
}
