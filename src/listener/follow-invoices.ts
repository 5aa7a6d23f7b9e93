import type { CallOptions } from '../core/lightning/common.ts';
import { type PaymentHash, paymentHash } from '../core/lightning/identifiers.ts';
import type { Invoice } from '../core/lightning/invoice.ts';
import { invoiceEvent, type NewEvent } from './event.ts';
import type { FollowingDependencies } from './follow-settlements.ts';

const PAGE = 100;
/** Invoices asked for in one turn whether they have ended unpaid. */
const OVERDUE_AT_ONCE = 50;
/** A node without an order of its own lists by whole seconds: what is younger may still get a neighbour before it. */
const SETTLED_ORDER_MS = 3_000;
/** An invoice may be settled by what had arrived before its time was over. */
const LINGER_MS = 90_000;
const LONGEST_PAUSE_MS = 60_000;

/** Told beside {@link FollowingDependencies}. */
export interface InvoiceFollowingOptions extends FollowingDependencies {
  /** Milliseconds between looks at the node's list. */
  readonly everyMs: number;
}

/** Where the list was read to: behind a page, and which of the page after it are known. */
interface Place {
  readonly after?: string | undefined;
  readonly seen: readonly string[];
}

/**
 * Follows which invoices are made, and which of them end unpaid, into the outbox. Nodes have no stream for it that all of them share,
 * so the list is read on from where it was read last; where an invoice ended unpaid is looked at when its time is over.
 */
export class InvoiceFollowing {
  readonly #options: InvoiceFollowingOptions;

  constructor(options: InvoiceFollowingOptions) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, everyMs } = this.#options;
    for (let pause = everyMs; !signal.aborted; ) {
      try {
        // The settlements' following says whose outbox it is.
        if (this.#options.outbox.node !== undefined) {
          await this.#look({ signal });
          await this.#lookAtOverdue({ signal });
        }
        pause = everyMs;
      } catch (error) {
        if (signal.aborted) return;
        pause = Math.min(Math.max(everyMs, pause) * 2, Math.max(everyMs, LONGEST_PAUSE_MS));
        logger.debug({ err: error, retryInMs: pause }, "the node's list of invoices could not be read; trying again");
      }
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  /** What was made since the last look. */
  async #look(options: CallOptions): Promise<void> {
    const { outbox } = this.#options;
    // What was there before the outbox was is nobody's news.
    const tell = outbox.madeAfter !== undefined;
    for (let place = readPlace(outbox.madeAfter); options.signal?.aborted !== true; ) {
      const { invoices, next, isEnd } = await this.#since(place, options);
      if (tell && (invoices.length > 0 || next !== place)) {
        const events = invoices.map((invoice): NewEvent => invoiceEvent('created', invoice));
        const opened = invoices.filter(({ state }) => state === 'open' || state === 'held');
        outbox.append(events, { madeAfter: formatPlace(next), opened });
      }
      place = next;
      if (!isEnd) continue;
      if (!tell) outbox.append([], { madeAfter: formatPlace(place) });
      return;
    }
  }

  /** The invoices after a place, some of them at most, with the place after them. */
  async #since(
    place: Place,
    options: CallOptions,
  ): Promise<{ readonly invoices: readonly Invoice[]; readonly next: Place; readonly isEnd: boolean }> {
    const ask = (limit: number) =>
      this.#options.backend.invoices.list(place.after === undefined ? { limit } : { after: place.after, limit }, options);
    const { items, next } = await ask(PAGE);
    const ripe = this.#ripe(items);
    const invoices = ripe.filter(({ paymentHash: hash }) => !place.seen.includes(hash));
    if (next !== undefined && ripe.length === items.length) return { invoices, next: { after: next, seen: [] }, isEnd: false };
    if (invoices.length === 0) return { invoices, next: place, isEnd: true };
    const seen = ripe.map(({ paymentHash: hash }) => hash);
    // Many nodes say after a full page where the next one begins, also at the end: then the next look is shorter.
    const exact = await ask(ripe.length);
    const isSame = exact.items.length === seen.length && exact.items.every(({ paymentHash: hash }, index) => hash === seen[index]);
    if (exact.next !== undefined && isSame) return { invoices, next: { after: exact.next, seen: [] }, isEnd: true };
    return { invoices, next: { after: place.after, seen }, isEnd: true };
  }

  #ripe(items: readonly Invoice[]): readonly Invoice[] {
    const { backend, clock } = this.#options;
    if (backend.capabilities.orderedSettlements) return items;
    const limit = clock.now() - SETTLED_ORDER_MS;
    const young = items.findIndex(({ createdAt }) => createdAt > limit);
    return young < 0 ? items : items.slice(0, young);
  }

  async #lookAtOverdue(options: CallOptions): Promise<void> {
    const { outbox, clock } = this.#options;
    for (const hash of outbox.overdue(clock.now(), OVERDUE_AT_ONCE)) {
      if (options.signal?.aborted === true) return;
      const ended = await this.#ended(paymentHash(hash), options);
      if (ended !== undefined) outbox.append(ended, { ended: [hash] });
    }
  }

  /** What to tell of an invoice whose time is over; undefined where it may still be settled. */
  async #ended(hash: PaymentHash, options: CallOptions): Promise<readonly NewEvent[] | undefined> {
    const { backend, clock } = this.#options;
    const invoice = await backend.invoices.lookup(hash, options);
    if (invoice === undefined || invoice.state === 'settled') return [];
    if (invoice.state === 'cancelled') return [invoiceEvent('cancelled', invoice)];
    if (clock.now() < invoice.expiresAt + LINGER_MS || invoice.state === 'held') return undefined;
    return [invoiceEvent('expired', invoice)];
  }
}

function formatPlace(place: Place): string {
  return JSON.stringify(place);
}

function readPlace(text: string | undefined): Place {
  return text === undefined ? { seen: [] } : (JSON.parse(text) as Place);
}
