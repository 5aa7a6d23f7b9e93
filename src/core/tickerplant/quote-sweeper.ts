import type { NodeIdentity } from '../lightning/backend.ts';
import { isLightningError, LightningError } from '../lightning/errors.ts';
import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { SellerBackend, SellerNode } from './seller-node.ts';
import type { UnpaidQuote, UnpaidQuotes } from './unpaid-quotes.ts';

/** What can be paid until its time is over: a quote, or a purchase of a single item. */
export interface SweptQuote extends UnpaidQuote {
  readonly id: string;
  readonly expiresAt: number;
}

/** What the sweeper leans on. */
export interface QuoteSweeperDependencies<Quote extends SweptQuote> {
  readonly open: UnpaidQuotes<Quote>;
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly ledger: SweptLedger<Quote>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether every settlement that the node has on record has had its effect: only then is an unpaid quote known to be one. */
  readonly isCaughtUp: () => boolean;
  /** Told when a quote ran out unpaid. */
  readonly onExpired: (quote: Quote) => void;
}

/** Where the quotes are kept; each as the ledger's command of that name. */
export interface SweptLedger<Quote> {
  expireQuotes(node: NodeIdentity, now: number): Promise<readonly Quote[]>;
  invoicesToCancel(node: NodeIdentity): Promise<readonly Quote[]>;
  invoiceClosed(id: string): Promise<void>;
  pruneQuotes(node: NodeIdentity, before: number, limit: number): Promise<number>;
}

const CANCEL_TIMEOUT_MS = 15_000;
const SWEEP_MS = 60_000;
/** After a sweep that failed, however overdue a quote is. */
const SWEEP_RETRY_MS = 1_000;
/** Unpaid quotes are forgotten so long after they ran out: for questions about them, and for whatever comes very late. */
const PRUNE_AFTER_MS = 30 * 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_AT_ONCE = 500;

/** Ends quotes that run out, cancels their invoices at the node, and forgets them when nothing can come of them any more. */
export class QuoteSweeper<Quote extends SweptQuote> {
  readonly #dependencies: QuoteSweeperDependencies<Quote>;
  #timer: Disposable | undefined;
  #stopCancelling: (() => void) | undefined;
  /** Not before this is there another sweep; 0 unless the last one failed. */
  #retryAt = 0;
  #pruneAt = 0;
  #stopped = false;

  constructor(dependencies: QuoteSweeperDependencies<Quote>) {
    this.#dependencies = dependencies;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#stopCancelling?.();
  }

  /** Ends the quotes whose time is over, and what is left to cancel at the node; then again when the next one ends. */
  async sweep(): Promise<void> {
    const { node, ledger, clock, logger, open, onExpired } = this.#dependencies;
    this.#timer?.[Symbol.dispose]();
    this.#retryAt = 0;
    try {
      const { identity } = await node.known();
      for (const quote of await ledger.expireQuotes(identity, clock.now())) {
        open.delete(quote);
        logger.debug({ quote: quote.id }, 'quote expired unpaid');
        onExpired(quote);
      }
      for (const quote of await ledger.invoicesToCancel(identity)) if (!(await this.#cancel(quote))) break;
      await this.#prune(identity);
    } catch (error) {
      if (!this.#stopped) logger.warn({ err: error }, 'expired quotes could not be closed; trying again');
      this.#retryAt = clock.now() + SWEEP_RETRY_MS;
    }
    this.schedule();
  }

  /** Sets the next sweep: when the first open quote runs out. To be called when there is another one. */
  schedule(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#stopped) return;
    const { clock, open } = this.#dependencies;
    // A clock that was set back must not stretch it.
    const pause = Math.min(Math.ceil(this.#retryAt - clock.now()), SWEEP_RETRY_MS);
    let next = SWEEP_MS;
    for (const quote of open.values()) next = Math.min(next, quote.expiresAt - clock.now());
    this.#timer = clock.setTimer(Math.max(Math.ceil(next), pause, 1), () => void this.sweep());
  }

  /** False: the node does not answer, and the others can wait. */
  async #cancel(quote: Quote): Promise<boolean> {
    const { ledger, logger } = this.#dependencies;
    try {
      await this.#cancelInTime(quote.paymentHash);
    } catch (error) {
      // Paid after all: its settlement is on the way and closes it.
      if (isLightningError(error, 'CONFLICT')) return true;
      if (!isLightningError(error, 'NOT_FOUND') && !isLightningError(error, 'UNSUPPORTED')) {
        logger.warn({ err: error, quote: quote.id }, 'an invoice could not be cancelled; trying again');
        return !isLightningError(error, 'TIMEOUT');
      }
    }
    await ledger.invoiceClosed(quote.id);
    return true;
  }

  async #cancelInTime(hash: PaymentHash): Promise<void> {
    const { backend, clock } = this.#dependencies;
    const giveUp = new AbortController();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const stop = () => {
      reject(new LightningError('TIMEOUT', `not cancelled within ${CANCEL_TIMEOUT_MS} ms`, { operation: 'cancel' }));
      giveUp.abort();
    };
    const timer = clock.setTimer(CANCEL_TIMEOUT_MS, stop);
    this.#stopCancelling = stop;
    try {
      // Whatever the backend makes of the signal, this goes on.
      await Promise.race([backend.invoices.cancel(hash, { signal: giveUp.signal }), late]);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  async #prune(node: NodeIdentity): Promise<void> {
    const { ledger, clock, logger, isCaughtUp } = this.#dependencies;
    const now = clock.now();
    if (!isCaughtUp() || (now < this.#pruneAt && this.#pruneAt <= now + PRUNE_EVERY_MS)) return;
    const pruned = await ledger.pruneQuotes(node, now - PRUNE_AFTER_MS, PRUNE_AT_ONCE);
    if (pruned < PRUNE_AT_ONCE) this.#pruneAt = now + PRUNE_EVERY_MS;
    if (pruned > 0) logger.info({ pruned }, 'quotes that were never paid are forgotten');
  }
}
