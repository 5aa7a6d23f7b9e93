import { msat } from '../lightning/amount.ts';
import type { Clock } from '../ports/clock.ts';
import type { Grant, QuoteRecord } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { QuotedItem, QuoteReason } from './messages.ts';
import { pricePerSymbol } from './pricing.ts';
import type { QuoteDesk, SubscriptionCredential } from './quote-desk.ts';
import type { SubscriberSink } from './service.ts';

/** The session that is offered something. */
export interface OfferHost {
  readonly desk: Pick<QuoteDesk, 'quote' | 'openOf' | 'offerAgain' | 'restored' | 'isRestored'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: SubscriberSink;
  readonly credential: SubscriptionCredential;
  readonly grants: () => readonly Grant[];
  /** False for who came by a narrowed token: an offer brings the whole one. */
  readonly mayBuy: boolean;
  /** The quote can be paid, and belongs to this session's connection. */
  readonly noteOpen: (quote: QuoteRecord) => void;
}

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * An offer that stands while there is reason for it, though nobody asks: one at a time for the same symbols, made again when it has
 * run out, tried again while the node is away, and sent again to a session that goes on elsewhere.
 */
export class StandingOffer {
  readonly #host: OfferHost;
  readonly #reason: Exclude<QuoteReason, 'asked'>;
  readonly #wanted: () => readonly QuotedItem[];
  #pause = FIRST_PAUSE_MS;
  #retrying: Disposable | undefined;
  #notBefore = 0;
  #underWay = false;
  #closed = false;

  /** `wanted`: what there is reason to offer now. */
  constructor(host: OfferHost, reason: Exclude<QuoteReason, 'asked'>, wanted: () => readonly QuotedItem[]) {
    this.#host = host;
    this.#reason = reason;
    this.#wanted = wanted;
  }

  /** Sends what was offered before and can still be paid; then {@link check}. */
  begin(): void {
    if (!this.#host.mayBuy) return;
    void this.#host.desk.restored.then(() => this.#sendOpen()).then(() => this.check());
  }

  /** Offers what there is reason to and is not offered yet. */
  check(): void {
    if (!this.#host.mayBuy || this.#closed || this.#underWay || this.#retrying !== undefined) return;
    if (!this.#host.desk.isRestored) {
      void this.#host.desk.restored.then(() => this.check());
      return;
    }
    const items = this.#notOpen();
    if (items.length === 0) return;
    // A node whose clock is slow may give invoices that have run out already.
    const pause = this.#notBefore - this.#host.clock.now();
    if (pause > 0) {
      this.#checkIn(Math.min(pause, FIRST_PAUSE_MS));
      return;
    }
    this.#underWay = true;
    void this.#offer(items);
  }

  close(): void {
    this.#closed = true;
    this.#retrying?.[Symbol.dispose]();
  }

  get #open(): readonly QuoteRecord[] {
    const { desk, credential } = this.#host;
    return desk.openOf(credential.id).filter((quote) => quote.reason === this.#reason);
  }

  #notOpen(): readonly QuotedItem[] {
    const open = this.#open;
    if (open.length === 0) return this.#wanted();
    // One top-up is for the whole balance.
    if (this.#reason === 'top-up') return [];
    const offered = new Set(open.flatMap(({ items }) => items.flatMap(({ table, syms }) => syms.map((sym) => `${table}\0${sym}`))));
    return this.#wanted().flatMap((item) => {
      const syms = item.syms.filter((sym) => !offered.has(`${item.table}\0${sym}`));
      return syms.length === 0 ? [] : [{ ...item, syms, amountMsat: msat(pricePerSymbol(item.terms) * BigInt(syms.length)) }];
    });
  }

  async #offer(items: readonly QuotedItem[]): Promise<void> {
    const { desk, clock, logger, credential, grants } = this.#host;
    try {
      const { offer, record } = await desk.quote({ items, reason: this.#reason, credential, grants: grants(), key: undefined });
      this.#pause = FIRST_PAUSE_MS;
      this.#notBefore = clock.now() + FIRST_PAUSE_MS;
      this.#underWay = false;
      if (this.#closed) return;
      this.#host.noteOpen(record);
      this.#host.sink.offer(offer);
      this.check();
    } catch (error) {
      this.#underWay = false;
      if (this.#closed) return;
      logger.warn(
        { err: error, subscription: credential.id, retryInMs: this.#pause },
        `a ${this.#reason} could not be offered; trying again`,
      );
      this.#checkIn(this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    }
  }

  #checkIn(pause: number): void {
    this.#retrying = this.#host.clock.setTimer(pause, () => {
      this.#retrying = undefined;
      this.check();
    });
  }

  async #sendOpen(): Promise<void> {
    const { desk, logger, credential, grants } = this.#host;
    for (const quote of this.#open) {
      try {
        const offer = await desk.offerAgain(quote, credential, grants());
        if (this.#closed || !this.#open.some(({ id }) => id === quote.id)) continue;
        this.#host.noteOpen(quote);
        this.#host.sink.offer(offer);
      } catch (error) {
        logger.warn({ err: error, quote: quote.id }, `a ${this.#reason} could not be sent again`);
      }
    }
  }
}
