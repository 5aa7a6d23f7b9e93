import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { KeptAnswer, PurchaseRecord, Purchases } from '../ports/purchases.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import type { ItemCatalog } from './catalog.ts';
import { Deliveries, type DeliveryPlace } from './deliveries.ts';
import { StoreError } from './errors.ts';
import type { Content } from './items.ts';

/** What fulfilment leans on. */
export interface FulfilmentDependencies {
  readonly catalog: ItemCatalog;
  readonly purchases: Purchases;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A delivery that has begun. */
export interface Delivery extends DeliveryPlace {
  readonly content: Content;
}

/** Delivers what was bought: opens it as it was sold, and notes a refund where it can't be delivered any more. */
export class Fulfilment {
  readonly #dependencies: FulfilmentDependencies;
  readonly #deliveries: Deliveries;
  #isEnding = false;

  constructor(dependencies: FulfilmentDependencies) {
    this.#dependencies = dependencies;
    this.#deliveries = new Deliveries(dependencies.purchases, dependencies.clock);
  }

  /** What is delivered, to be looked at; nothing is counted. @throws StoreError `CHANGED`, `ITEM_UNAVAILABLE`. */
  async open({ id, item, snapshot, delivered }: PurchaseRecord): Promise<Content> {
    const { catalog, purchases, logger, clock } = this.#dependencies;
    const kept = () => purchases.answer(id);
    const keep = (answer: KeptAnswer) => purchases.keepAnswer(id, answer);
    try {
      return await catalog.open(item, { id, snapshot, kept, keep });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'CHANGED')) throw error;
      const isNew = await purchases.noteUndeliverable(id, clock.now());
      if (isNew) logger.error({ purchase: id, item, err: error }, 'what was bought can not be delivered; a refund is noted');
      const refund = delivered === 0 ? '; that its price is to be given back is noted' : '';
      throw new StoreError('CHANGED', `${error.message}${refund}. Ask the seller about purchase ${id}`, { cause: error });
    }
  }

  /**
   * Begins a delivery. Whoever calls this says how it ended and disposes of the content.
   * @throws StoreError `NOT_PAID`, `DELIVERED`, `REFUNDED`, `CHANGED`, `ITEM_UNAVAILABLE`, TickerplantError `STOPPING`.
   */
  async deliver(purchase: PurchaseRecord): Promise<Delivery> {
    // Before anything is opened or computed for somebody who may not have it.
    if (this.#isEnding) throw new TickerplantError('STOPPING', 'the store is going down; come back in a moment');
    const first = await this.#deliveries.check(purchase);
    const content = await this.open(first);
    try {
      return { content, ...(await this.#deliveries.begin(first, content.size)) };
    } catch (error) {
      await content[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Begins no more deliveries, and lets those under way end; what takes longer than this is broken off. */
  async end(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    await this.#deliveries.end(deadlineMs);
  }
}
