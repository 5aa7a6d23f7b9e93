import type { Msat } from '../core/lightning/amount.ts';
import { StoreError } from '../core/store/errors.ts';
import type { Content, ItemSource, Listing } from '../core/store/items.ts';
import { TickerplantError } from '../core/tickerplant/errors.ts';

/** A computed answer: text, bytes, or anything that JSON can say. */
export type Answer =
  | string
  | Uint8Array
  | { readonly body: string | Uint8Array; readonly contentType: string; readonly filename?: string }
  | { readonly json: unknown };

/** Something that is computed for whoever has paid. */
export interface ComputedOptions {
  /** Its name in URLs, `square` or `maths/square`. */
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly price: Msat | ((parameters: Readonly<Record<string, string>>) => Msat);
  /** Checks what the URL's query asks for, before anybody pays; the message of what it throws is shown to the buyer. */
  readonly check?: (parameters: Readonly<Record<string, string>>) => void | Promise<void>;
  /** Computes the answer when it has been paid. It is kept, so that every delivery of a purchase is the same; `purchase`: its id. */
  readonly compute: (parameters: Readonly<Record<string, string>>, purchase: string) => Answer | Promise<Answer>;
  readonly unlisted?: boolean;
}

/** Larger answers are computed anew for every delivery. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Sells an answer that is computed when it has been paid. */
export function computed(options: ComputedOptions): ItemSource {
  const { id, title, description, price, unlisted, check, compute } = options;
  const priceOf = (parameters: Readonly<Record<string, string>>) => (typeof price === 'function' ? price(parameters) : price);
  const listing = (): Listing => ({
    id,
    title,
    priceMsat: priceOf({}),
    ...(description !== undefined && { description }),
    ...(unlisted !== undefined && { unlisted }),
  });
  return {
    name: `computed:${id}`,
    listings: async () => [listing()],
    listing: async (other) => (other === id ? listing() : undefined),
    async offer(order) {
      if (order.id !== id) return undefined;
      const { parameters } = order;
      try {
        await check?.(parameters);
      } catch (error) {
        if (error instanceof TickerplantError) throw error;
        throw new TickerplantError('BAD_REQUEST', error instanceof Error ? error.message : String(error), { cause: error });
      }
      const asked = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
      const full = asked.length === 0 ? title : `${title} (${asked.join(', ')})`;
      return { title: full, priceMsat: priceOf(parameters), snapshot: JSON.stringify(parameters) };
    },
    async open(_item, delivered) {
      const kept = await delivered.kept();
      if (kept !== undefined) return bytesContent(JSON.parse(kept.head) as Head, kept.body);
      let answer: { readonly head: Head; readonly body: Uint8Array };
      try {
        answer = toBytes(await compute(JSON.parse(delivered.snapshot) as Record<string, string>, delivered.id));
      } catch (cause) {
        if (cause instanceof StoreError) throw cause;
        throw new StoreError('ITEM_UNAVAILABLE', 'what you bought can not be computed at the moment; try again later', { cause });
      }
      if (answer.body.length > KEPT_BYTES) return bytesContent(answer.head, answer.body);
      const { head, body } = await delivered.keep({ head: JSON.stringify(answer.head), body: answer.body });
      return bytesContent(JSON.parse(head) as Head, body);
    },
  };
}

interface Head {
  readonly contentType: string;
  readonly filename?: string;
}

function toBytes(answer: Answer): { readonly head: Head; readonly body: Uint8Array } {
  if (typeof answer === 'string') return { head: { contentType: 'text/plain; charset=utf-8' }, body: Buffer.from(answer) };
  if (answer instanceof Uint8Array) return { head: { contentType: 'application/octet-stream' }, body: answer };
  if ('json' in answer) return { head: { contentType: 'application/json' }, body: Buffer.from(`${JSON.stringify(answer.json)}\n`) };
  const { body, contentType, filename } = answer;
  return { head: { contentType, ...(filename !== undefined && { filename }) }, body: typeof body === 'string' ? Buffer.from(body) : body };
}

/** Bytes that are there as a whole. */
export function bytesContent({ contentType, filename }: Head, body: Uint8Array): Content {
  return {
    contentType,
    filename,
    size: body.length,
    async *read(start) {
      if (start < body.length) yield body.subarray(start);
    },
    async [Symbol.asyncDispose]() {},
  };
}
