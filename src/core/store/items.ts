import type { Msat } from '../lightning/amount.ts';
import type { KeptAnswer } from '../ports/purchases.ts';
import type { Random } from '../ports/random.ts';

/** An item as it stands in the shop window. */
export interface Listing {
  /** Its name in URLs: segments with `/` between, none of them empty, `.` or `..`. */
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly priceMsat: Msat;
  /** Bytes, where that is known beforehand. */
  readonly size?: number;
  /** Left out of the list of all that is for sale; it can be bought by whoever knows its URL. */
  readonly unlisted?: boolean;
}

/** What a buyer asks for. */
export interface Order {
  readonly id: string;
  /** The URL's query: what is to be computed, which row. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly random: Random;
}

/** What is sold to one buyer. */
export interface Offer {
  readonly title: string;
  readonly priceMsat: Msat;
  /** All that {@link ItemSource.open} needs to deliver just this, whatever changes meanwhile; kept with the purchase, never shown. */
  readonly snapshot: string;
}

/** What is delivered. Disposing of it closes what is open. */
export interface Content extends AsyncDisposable {
  readonly contentType: string;
  /** The name to be saved under. */
  readonly filename: string | undefined;
  /** Bytes; undefined where it is not known, and then a delivery can't be resumed in its middle. */
  readonly size: number | undefined;
  /** The bytes from a position on, read as they are taken. Called once. */
  read(start: number): AsyncIterable<Uint8Array>;
}

/** What an item source is told of the purchase that it delivers for. */
export interface Delivered {
  readonly id: string;
  readonly snapshot: string;
  /** The answer that was kept for this purchase. */
  kept(): Promise<KeptAnswer | undefined>;
  /** Keeps a computed answer, so that the next delivery is the same; answers what is kept. */
  keep(answer: KeptAnswer): Promise<KeptAnswer>;
}

/** Where single items come from: a folder, a file, something that computes. */
export interface ItemSource {
  /** Names the source within its store, and stays the same: what was bought is delivered by the source that sold it. */
  readonly name: string;
  /** What is for sale. */
  listings(): Promise<readonly Listing[]>;
  /** One item; undefined where it is none of this source's. */
  listing(id: string): Promise<Listing | undefined>;
  /**
   * What an order comes to; undefined where the item is none of this source's. Which file a surprise is, is decided here.
   * @throws TickerplantError `BAD_REQUEST` for parameters that can't be meant; the message is for the buyer.
   */
  offer(order: Order): Promise<Offer | undefined>;
  /** Opens what was bought. @throws StoreError `CHANGED`, `ITEM_UNAVAILABLE`. */
  open(item: string, delivered: Delivered): Promise<Content>;
}
