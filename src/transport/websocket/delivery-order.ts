import type { ActiveEvent } from '../../core/tickerplant/messages.ts';
import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type { Outbox } from './outbox.ts';

/**
 * Keeps the order that buyers rely on: a quote before its `active`, an `active` before its first row. The answer to a `sub`
 * comes out of a promise, so a payment or a row of the same turn may overtake it; whatever does waits for the answer.
 */
export class DeliveryOrder {
  readonly #outbox: Outbox;
  readonly #quotes = new Set<string>();
  readonly #symbols = new Map<string, Set<string>>();
  #subscribing = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** A `sub` is being answered. */
  subscribing(): void {
    this.#subscribing++;
  }

  /** A `sub` has been answered. */
  subscribed(): void {
    this.#subscribing--;
    this.#outbox.release();
  }

  /** Sends a quote, ahead of what waits for it. */
  quote(quote: string, frame: Uint8Array): void {
    this.#quotes.add(quote);
    this.#outbox.pushAhead(frame);
    this.#outbox.release();
  }

  /** Sends an `active`, once its quote has been sent, and ahead of rows that wait for it. */
  active(event: ActiveEvent, frame: Uint8Array): void {
    this.#outbox.pushAhead(frame, () => this.#subscribing === 0 || this.#quotes.has(event.quote));
    this.announce(event.table, event.syms);
    this.#outbox.release();
  }

  /** Sends the `active` that answers a `sub`, ahead of rows that wait for it. */
  granted(event: ActiveEvent, frame: Uint8Array): void {
    this.#outbox.pushAhead(frame);
    this.announce(event.table, event.syms);
    this.#outbox.release();
  }

  /** Sends rows, once their `active` has been sent. */
  rows(rows: PublishedRows, frame: Uint8Array): void {
    this.#outbox.pushRows(frame, this.#ready(rows));
  }

  /** The same with the last rows before them. */
  snapshot(rows: PublishedRows, frame: Uint8Array): void {
    this.#outbox.pushWhen(frame, this.#ready(rows));
  }

  /** The buyer knows that rows of these symbols come. */
  announce(table: string, syms: readonly string[]): void {
    const known = this.#symbols.get(table);
    if (known === undefined) this.#symbols.set(table, new Set(syms));
    else for (const sym of syms) known.add(sym);
  }

  /** The buyer expects no more rows of these symbols. */
  forget(table: string, syms: readonly string[]): void {
    const known = this.#symbols.get(table);
    for (const sym of syms) known?.delete(sym);
  }

  /** A quote is over. */
  forgetQuote(quote: string): void {
    this.#quotes.delete(quote);
  }

  #ready(rows: PublishedRows): (() => boolean) | undefined {
    const isEarly = this.#subscribing > 0 && !this.#announced(rows);
    return isEarly ? () => this.#subscribing === 0 || this.#announced(rows) : undefined;
  }

  #announced({ table, sym }: PublishedRows): boolean {
    return this.#symbols.get(table)?.has(sym) === true;
  }
}
