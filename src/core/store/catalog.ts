import { StoreError } from './errors.ts';
import type { Content, Delivered, ItemSource, Listing, Offer, Order } from './items.ts';

/** All that is for sale, from several sources: the first that knows an item sells it, and only the one that sold it opens it. */
export class ItemCatalog {
  readonly #sources: readonly ItemSource[];

  /** @throws TypeError where two sources have the same name. */
  constructor(sources: readonly ItemSource[]) {
    if (new Set(sources.map(({ name }) => name)).size < sources.length) throw new TypeError('two sources of items have the same name');
    this.#sources = sources;
  }

  /** What is for sale, but for what is unlisted. */
  async listings(): Promise<readonly Listing[]> {
    const all = await Promise.all(this.#sources.map((source) => source.listings()));
    const byId = new Map<string, Listing>();
    for (const listing of all.flat()) if (!byId.has(listing.id) && listing.unlisted !== true) byId.set(listing.id, listing);
    return [...byId.values()];
  }

  /** One item. @throws StoreError `UNKNOWN_ITEM`. */
  async listing(id: string): Promise<Listing> {
    for (const source of this.#sources) {
      const listing = await source.listing(id);
      if (listing !== undefined) return listing;
    }
    throw unknownItem();
  }

  /** What an order comes to; the snapshot says whose it is too. @throws StoreError `UNKNOWN_ITEM`, TickerplantError `BAD_REQUEST`. */
  async offer(order: Order): Promise<Offer> {
    for (const source of this.#sources) {
      const offer = await source.offer(order);
      if (offer !== undefined) return { ...offer, snapshot: JSON.stringify([source.name, offer.snapshot]) };
    }
    throw unknownItem();
  }

  /** Opens what was bought, by a snapshot of {@link offer}. @throws StoreError `CHANGED`, `ITEM_UNAVAILABLE`. */
  async open(item: string, delivered: Delivered): Promise<Content> {
    const [name, snapshot] = JSON.parse(delivered.snapshot) as [string, string];
    const seller = this.#sources.find((source) => source.name === name);
    if (seller === undefined) throw new StoreError('CHANGED', 'the seller does not have what you bought any more');
    return await seller.open(item, { ...delivered, snapshot });
  }
}

function unknownItem(): StoreError {
  return new StoreError('UNKNOWN_ITEM', 'nothing of this name is for sale here');
}
