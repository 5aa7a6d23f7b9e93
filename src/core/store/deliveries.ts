import type { Clock } from '../ports/clock.ts';
import type { PurchaseRecord, Purchases } from '../ports/purchases.ts';
import { StoreError } from './errors.ts';

/** A delivery that may take place, until it is told how it ended. */
export interface DeliveryPlace {
  /** Aborted where the same purchase is delivered anew and this one stands in the way: it is to be broken off. */
  readonly superseded: AbortSignal;
  /** All of it was sent: it counts. Answers the purchase as it stands then. */
  completed(): Promise<PurchaseRecord>;
  /** It broke off after so many bytes: it does not count. */
  brokenOff(bytes: number): Promise<void>;
}

/** Bytes that may break off, per delivery, as a multiple of the item; and at least so many. */
const BROKEN_OFF_TIMES = 10;
const BROKEN_OFF_BYTES = 1024 * 1024;

/**
 * Counts deliveries. One counts when it was sent completely; what breaks off is free, within reason, and can be had again. No more are under
 * way for a purchase than it has left: the newest takes the place of the oldest, whose buyer has gone most likely.
 */
export class Deliveries {
  readonly #purchases: Purchases;
  readonly #clock: Clock;
  /** Every delivery that has not been told how it ended. */
  readonly #left = new Set<AbortController>();
  readonly #underWay = new Map<string, Set<AbortController>>();
  readonly #recording = new Map<string, Promise<unknown>>();
  #onIdle: () => void = () => undefined;

  constructor(purchases: Purchases, clock: Clock) {
    this.#purchases = purchases;
    this.#clock = clock;
  }

  /** The purchase as it stands, where it may be delivered. @throws StoreError why not. */
  async check({ linkDigest }: PurchaseRecord): Promise<PurchaseRecord> {
    const purchase = await this.#settledDown(linkDigest);
    assertDeliverable(purchase, undefined);
    return purchase;
  }

  /** Takes a place for a delivery. `size`: the item's, where it is known. @throws StoreError why not. */
  async begin({ linkDigest }: PurchaseRecord, size: number | undefined): Promise<DeliveryPlace> {
    const purchase = await this.#settledDown(linkDigest);
    const left = assertDeliverable(purchase, size);
    const { id } = purchase;
    const others = this.#underWay.get(id) ?? new Set();
    this.#underWay.set(id, others);
    for (const oldest of others) {
      if (others.size < left) break;
      others.delete(oldest);
      oldest.abort();
    }
    const place = new AbortController();
    others.add(place);
    this.#left.add(place);
    const leave = () => {
      others.delete(place);
      this.#left.delete(place);
      if (others.size === 0 && this.#underWay.get(id) === others) this.#underWay.delete(id);
      if (this.#left.size === 0) this.#onIdle();
    };
    return {
      superseded: place.signal,
      completed: () => {
        const counted = this.#record(id, this.#purchases.countDelivery(id, this.#clock.now()));
        leave();
        return counted;
      },
      brokenOff: async (bytes) => {
        const noted = bytes > 0 ? this.#record(id, this.#purchases.addBrokenOff(id, bytes)) : undefined;
        leave();
        await noted;
      },
    };
  }

  /** Resolves when nothing is under way and all that has ended is recorded; what takes longer than this is broken off. */
  async end(deadlineMs: number): Promise<void> {
    const timer = this.#clock.setTimer(deadlineMs, () => {
      for (const place of this.#left) place.abort();
    });
    while (this.#left.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    timer[Symbol.dispose]();
    await Promise.all(this.#recording.values());
  }

  /** The purchase, once all that has ended of it is recorded. */
  async #settledDown(linkDigest: string): Promise<PurchaseRecord> {
    for (;;) {
      const purchase = await this.#purchases.byLink(linkDigest);
      if (purchase === undefined) throw new StoreError('UNKNOWN_LINK', 'this purchase is not known (any more)');
      const recording = this.#recording.get(purchase.id);
      if (recording === undefined) return purchase;
      await recording.catch(() => undefined);
    }
  }

  async #record<T>(id: string, recording: Promise<T>): Promise<T> {
    const all = Promise.allSettled([this.#recording.get(id), recording]);
    this.#recording.set(id, all);
    try {
      return await recording;
    } finally {
      if (this.#recording.get(id) === all) this.#recording.delete(id);
    }
  }
}

/** How many deliveries are left. @throws StoreError where there is none. */
function assertDeliverable(purchase: PurchaseRecord, size: number | undefined): number {
  const { state, refundedAt, delivered, deliveries, brokenOffBytes, id } = purchase;
  if (state !== 'settled') throw new StoreError('NOT_PAID', 'this purchase is not paid (yet)');
  if (refundedAt !== undefined) throw new StoreError('REFUNDED', `the price of purchase ${id} was given back; nothing is delivered for it`);
  if (delivered >= deliveries) {
    const often = deliveries === 1 ? 'once' : `${deliveries} times`;
    throw new StoreError('DELIVERED', `delivered already: ${often}, as was bought`);
  }
  const allowed = Math.max((size ?? Number.POSITIVE_INFINITY) * BROKEN_OFF_TIMES, BROKEN_OFF_BYTES) * deliveries;
  if (brokenOffBytes > allowed) {
    throw new StoreError('DELIVERED', `delivered already: deliveries of purchase ${id} broke off too often; ask the seller`);
  }
  return deliveries - delivered;
}
