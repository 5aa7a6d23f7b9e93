import { msat } from '../core/lightning/amount.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import { type Account, type Purchase, purchaseOf, withPast } from './account.ts';
import { Backoff } from './backoff.ts';
import { DueLater } from './due-later.ts';
import { SubscriberError } from './errors.ts';
import type { DeclineReason, SubscriberEvent } from './events.ts';
import { checkFollowUp } from './follow-up-check.ts';
import type { SubscriptionOptions } from './options.ts';
import type { RowMeter } from './row-meter.ts';
import { settlePurchase } from './settle-purchase.ts';
import { afterPayment } from './standing.ts';

/** The subscription that is kept up. */
export interface FollowUpHost {
  readonly options: SubscriptionOptions;
  readonly meter: RowMeter;
  account(): Account;
  /** Changes the account as it is then and stores it, one change after the other. */
  update(change: (account: Account) => Account): Promise<void>;
}

/** After a renewal was paid, how long a server that says that all is over is asked again. */
const PATIENCE_MS = 60_000;
/** Events that wait for the reader; of what goes on after that, only what costs money is told. */
const MAX_WAITING = 256;
const NOTHING_PAID: readonly Purchase['stage'][] = ['keyed', 'quoted'];

/**
 * Renewals and top-ups: offers that nobody asked for, checked against what was bought and what is used up of it, and paid within the
 * budget while rows go on. Each is stored before the wallet is told to pay, so that it is paid once, through crashes too. An offer
 * that comes too early by our own count is kept until it is due.
 */
export class FollowUps {
  readonly #host: FollowUpHost;
  readonly #later: DueLater;
  readonly #stop = new AbortController();
  readonly #paying = new Map<string, { readonly offer: QuoteOffer; readonly task: Promise<void> }>();
  /** Offers that were dealt with in this run and left no trace in the account. */
  readonly #done = new Set<string>();
  /** Quotes that the server has told the effect of; that may be before the wallet says that they are paid. */
  readonly #told = new Set<string>();
  #events: SubscriberEvent[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(host: FollowUpHost) {
    this.#host = host;
    this.#later = new DueLater(host.options.clock, () => this.look());
  }

  /** Whoever reads the events is told here that there are some. */
  set onEvent(wake: () => void) {
    this.#wake = wake;
  }

  /** Whether {@link take} has anything. */
  get hasEvents(): boolean {
    return this.#events.length > 0 || this.#failure !== undefined;
  }

  /** What has happened since the last time. @throws what a payment failed with, where that is not a matter of this offer alone. */
  take(): readonly SubscriberEvent[] {
    if (this.#events.length === 0 && this.#failure !== undefined) throw this.#failure.error;
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Goes on with what an earlier run began. */
  start(): void {
    if (this.#host.options.backend === undefined) return;
    for (const { stage, offer } of this.#host.account().followUps) {
      if (offer !== undefined && (stage === 'quoted' || stage === 'paying')) this.#settle(offer);
    }
  }

  /** The server offers something. */
  offered(offer: QuoteOffer): void {
    if (this.#isKnown(offer.quote)) return;
    const { token: _, ...quote } = offer;
    this.#tell({ type: 'quote', quote });
    const { backend, once = false } = this.#host.options;
    if (backend === undefined) {
      this.#done.add(offer.quote);
    } else if (once) {
      this.#decline(offer, 'once', 'nothing more was to be paid');
    } else {
      this.#judge(offer, true);
    }
  }

  /** Rows came or time went by: is something due that was not? */
  look(): void {
    for (const offer of this.#later.take()) this.#judge(offer, false);
  }

  /** Whether offers wait to be due. */
  get isHolding(): boolean {
    return this.#later.size > 0;
  }

  /** An offer ran out or was withdrawn. */
  expired(quote: string): void {
    if (this.#later.remove(quote)) this.#tell({ type: 'expired', quote, reason: 'unpaid', renewing: false });
  }

  /** The server has told what a payment has done. */
  async resolved(quote: string): Promise<void> {
    this.#told.add(quote);
    if (this.#host.account().followUps.some(({ offer, stage }) => offer?.quote === quote && stage === 'paid')) {
      await this.#finish(quote, 'active');
    }
  }

  /** Whether something may have been paid that the server has not delivered on: then it is not over yet. */
  get isUnsettled(): boolean {
    const { followUps } = this.#host.account();
    return this.#paying.size > 0 || followUps.some((each) => each.stage === 'paying' || this.#isFresh(each));
  }

  /** Ends it; what is being paid goes on at the node and is looked up next time. Resolves when nothing is stored any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#later.clear();
    await Promise.allSettled([...this.#paying.values()].map(({ task }) => task));
  }

  /** Paid so lately that the server may not have seen it. */
  #isFresh({ stage, at = 0 }: Purchase): boolean {
    return stage === 'paid' && this.#host.options.clock.now() < at + PATIENCE_MS;
  }

  #isKnown(quote: string): boolean {
    const account = this.#host.account();
    return (
      this.#done.has(quote) ||
      this.#paying.has(quote) ||
      this.#later.has(quote) ||
      purchaseOf(account, quote) !== undefined ||
      account.past.some(({ offer }) => offer?.quote === quote)
    );
  }

  #judge(offer: QuoteOffer, first: boolean): void {
    const { options, meter } = this.#host;
    const account = this.#host.account();
    const now = options.clock.now();
    const bought = account.purchase?.offer;
    if (this.#stop.signal.aborted || bought === undefined) return;
    try {
      // What is being paid counts as paid: two offers for the same can't both be due.
      const begun = [...this.#paying.values()].filter(({ offer: { quote } }) => !isPaid(purchaseOf(account, quote)));
      const standing = begun.reduce((sum, each) => afterPayment(sum, each.offer, now), { ...account.standing, ...meter.state });
      const due = checkFollowUp(offer, { first: bought, standing, now });
      if (due.due) return this.#settle(offer);
      if (!this.#later.add(offer, due.dueAt)) return this.#decline(offer, 'terms', 'too many offers come before they are due');
      if (first)
        this.#tell({
          type: 'status',
          state: 'waiting',
          detail: `a ${offer.reason} is offered early and is kept until it is due: ${due.detail}`,
        });
    } catch (error) {
      if (!(error instanceof SubscriberError)) throw error;
      this.#decline(offer, 'terms', error.message);
    }
  }

  #settle(offer: QuoteOffer): void {
    const { quote } = offer;
    if (this.#paying.has(quote)) return;
    const task = this.#pay(offer)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted && !this.#host.options.signal.aborted) this.#failure ??= { error };
      })
      .finally(() => {
        this.#paying.delete(quote);
        this.look();
        this.#wake();
      });
    this.#paying.set(quote, { offer, task });
  }

  async #pay(offer: QuoteOffer): Promise<void> {
    const { quote } = offer;
    const { options } = this.#host;
    const { backend, clock, budgetMsat, maxFeeMsat, payTimeoutMs } = options;
    if (backend === undefined) return;
    if (purchaseOf(this.#host.account(), quote) === undefined) {
      const fresh: Purchase = { key: '', stage: 'quoted', offer, reservedMsat: msat(0), paidMsat: msat(0) };
      await this.#host.update((account) => {
        // Paid long ago, and its effect was not told: the connection was lost in between.
        const over = account.followUps.filter((each) => each.stage === 'paid' && !this.#isFresh(each));
        const followUps = [...account.followUps.filter((each) => !over.includes(each)), fresh];
        return { ...account, followUps, past: withPast(account.past, ...over) };
      });
    }
    const backoff = new Backoff(options.backoff, options.random);
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    const job = {
      quote,
      payer: backend,
      spending: maxFeeMsat === undefined ? { budgetMsat } : { budgetMsat, maxFeeMsat },
      clock,
      backoff,
      signal,
      payTimeoutMs,
      account: () => this.#host.account(),
      update: (change: (account: Account) => Account) => this.#host.update(change),
      givenUp: () => false,
    };
    for (;;) {
      try {
        const events = settlePurchase(job);
        for (;;) {
          const { value, done } = await events.next();
          if (done !== true) {
            this.#tell(value);
            continue;
          }
          if (value === 'paid') return this.#told.has(quote) ? await this.#finish(quote, 'active') : undefined;
          await this.#finish(quote, 'ended');
          return this.#tell({ type: 'expired', quote, reason: 'unpaid', renewing: false });
        }
      } catch (error) {
        if (signal.aborted || !(error instanceof SubscriberError)) throw error;
        if (error.code !== 'PAYMENT_FAILED') return await this.#given(offer, error);
        // The way there may be free again in a moment; until the offer runs out nothing is lost by trying.
        this.#tell({ type: 'status', state: 'waiting', detail: error.message });
        await clock.sleep(backoff.next(), signal);
      }
    }
  }

  /** An offer that can't be paid. @throws SubscriberError where it is not a matter of this offer alone. */
  async #given(offer: QuoteOffer, error: SubscriberError): Promise<void> {
    const because = ({ BUDGET: 'budget', BAD_QUOTE: 'terms', WALLET: 'wallet' } as const)[error.code as 'BUDGET'];
    if (because === undefined) throw error;
    const stage = purchaseOf(this.#host.account(), offer.quote)?.stage;
    // Something may be in flight: it stays counted, and is looked up by the next run.
    if (stage !== undefined && NOTHING_PAID.includes(stage)) {
      await this.#host.update((account) => ({
        ...account,
        followUps: account.followUps.filter((each) => each.offer?.quote !== offer.quote),
      }));
    }
    this.#decline(offer, because, error.message);
  }

  #decline({ quote, reason, amountMsat }: QuoteOffer, because: DeclineReason, detail: string): void {
    this.#done.add(quote);
    this.#tell({ type: 'declined', quote, reason, because, amountMsat, detail });
  }

  async #finish(quote: string, stage: 'active' | 'ended'): Promise<void> {
    await this.#host.update((account) => {
      const followUp = account.followUps.find(({ offer }) => offer?.quote === quote);
      if (followUp === undefined) return account;
      const followUps = account.followUps.filter((each) => each !== followUp);
      return { ...account, followUps, past: withPast(account.past, { ...followUp, stage }) };
    });
  }

  #tell(event: SubscriberEvent): void {
    const last = this.#events.at(-1);
    const repeated = event.type === 'status' && last?.type === 'status' && last.detail === event.detail;
    if (repeated || (this.#events.length >= MAX_WAITING && event.type !== 'paid' && event.type !== 'paying')) return;
    this.#events.push(event);
    this.#wake();
  }
}

/** Whether it is in the standing already. */
function isPaid(purchase: Purchase | undefined): boolean {
  return purchase?.stage === 'paid' || purchase?.stage === 'active';
}
