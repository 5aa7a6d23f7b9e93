import { type Msat, msat } from '../core/lightning/amount.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Account, Purchase } from './account.ts';
import { Backoff } from './backoff.ts';
import { type Closed, Connection } from './connection.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import { type ErrorMessage, isAnswer } from './messages.ts';
import type { SubscriptionOptions } from './options.ts';
import { checkNotExpired, checkOffer } from './quote-check.ts';
import { Reception, type ReceptionHost } from './reception.ts';
import { RowTracker } from './row-tracker.ts';
import { settlePurchase } from './settle-purchase.ts';

type Events<T> = AsyncGenerator<SubscriberEvent, T>;

const KEY_BYTES = 32;
const ANSWER_TIMEOUT_MS = 30_000;
const PROTOCOL_STRIKES = 3;

/**
 * The way from a wish to rows: key → quote → payment → delivery, each step stored before the next. It always goes by what is
 * stored, so that going on after a crash is nothing of its own.
 */
export class Subscription implements ReceptionHost {
  readonly options: SubscriptionOptions;
  readonly tracker: RowTracker;
  readonly backoff: Backoff;
  #account: Account;
  #connection: Connection | undefined;
  /** The quote that the present connection has asked for: it is told of its payment without a resume. */
  #boundQuote: string | undefined;
  #lastId = 0;
  #awaySince: number | undefined;
  #protocolStrikes = 0;

  constructor(options: SubscriptionOptions) {
    this.options = options;
    this.#account = options.state.account({ url: options.url, table: options.table, syms: options.syms });
    this.tracker = new RowTracker(options.state.positions());
    this.backoff = new Backoff(options.backoff, options.random);
  }

  get spentMsat(): Msat {
    return this.#account.spentMsat;
  }

  get purchase(): Purchase | undefined {
    return this.#account.purchase;
  }

  /** Everything that happens, until what was bought is over. */
  async *events(): Events<void> {
    try {
      yield* this.#steps();
    } catch (error) {
      // The next run is to ask for another quote, not to stumble over this one again.
      if (error instanceof SubscriberError && error.code === 'BAD_QUOTE') await this.abandon();
      throw error;
    }
  }

  async *#steps(): Events<void> {
    const { signal, backend, renew = false } = this.options;
    for (;;) {
      signal.throwIfAborted();
      const { purchase } = this.#account;
      if (purchase === undefined) {
        await this.#begin();
      } else if (purchase.stage === 'ended') {
        const quote = purchase.offer?.quote ?? '';
        yield { type: 'expired', quote, reason: 'ended', renewing: renew };
        if (!renew) return;
        await this.#begin();
      } else if (purchase.stage === 'keyed' || purchase.offer === undefined) {
        yield* this.#askQuote(purchase);
      } else if (backend !== undefined && (purchase.stage === 'quoted' || purchase.stage === 'paying')) {
        yield* this.#settle(purchase.offer);
      } else {
        yield* this.#receive(purchase.offer);
      }
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#boundQuote = undefined;
  }

  /** A fresh number for a request. */
  nextId(): string {
    this.#lastId += 1;
    return String(this.#lastId);
  }

  /** Stores how far the purchase is. */
  async advance(change: Partial<Purchase>): Promise<void> {
    const { purchase } = this.#account;
    if (purchase !== undefined) await this.#save({ ...this.#account, purchase: { ...purchase, ...change } });
  }

  /** The purchase came to nothing: the next one has a new key. It is kept, in case that its invoice is paid yet. */
  async abandon(): Promise<void> {
    const { purchase, ...account } = this.#account;
    if (purchase !== undefined) await this.#save({ ...account, past: [...account.past, purchase] });
  }

  /** It goes well: the next wait is short again. */
  progress(): void {
    this.backoff.reset();
    this.#awaySince = undefined;
    this.#protocolStrikes = 0;
  }

  /** The connection is of no use any more; waits before the next one. @throws SubscriberError where the next would not help. */
  async *lost(closed: Closed): Events<void> {
    this.close();
    this.options.signal.throwIfAborted();
    const paid = this.purchase?.stage === 'paid' || this.purchase?.stage === 'active';
    if (closed.permanent && !paid) throw new SubscriberError('UNAVAILABLE', `${this.options.url}: ${closed.detail}`);
    this.#protocolStrikes = closed.protocol ? this.#protocolStrikes + 1 : 0;
    if (this.#protocolStrikes >= PROTOCOL_STRIKES) throw new SubscriberError('PROTOCOL', `${this.options.url}: ${closed.detail}`);
    yield* this.#pause('disconnected', closed.detail, this.backoff.next());
  }

  /** A refusal: waits as it advises. @throws SubscriberError `REFUSED` where asking again can't help. */
  async *refused(message: ErrorMessage): Events<void> {
    if (message.retry === 'never') {
      throw new SubscriberError('REFUSED', `the tickerplant refuses: ${message.message} (${message.code})`, { refusal: message.code });
    }
    const advised = Math.min(message.retryAfterMs ?? 0, this.options.backoff.maxMs * 6);
    yield* this.#pause('waiting', `${message.message} (${message.code})`, Math.max(advised, this.backoff.next()));
  }

  async *#pause(state: 'disconnected' | 'waiting', detail: string, retryInMs: number): Events<void> {
    if (this.#givenUp()) throw new SubscriberError('UNAVAILABLE', `${this.options.url} is away, nothing was paid: ${detail}`);
    this.options.logger.debug({ detail, retryInMs }, state);
    yield { type: 'status', state, detail, retryInMs };
    await this.options.clock.sleep(retryInMs, this.options.signal);
  }

  /** Whether it has gone on too long without progress, while there is nothing to lose by giving up. */
  #givenUp(): boolean {
    const stage = this.purchase?.stage;
    if (stage === 'paying' || stage === 'paid' || stage === 'active') return false;
    const now = this.options.clock.now();
    this.#awaySince ??= now;
    return now - this.#awaySince >= this.options.giveUpMs;
  }

  async #begin(): Promise<void> {
    const { purchase, ...account } = this.#account;
    const key = Buffer.from(this.options.random.bytes(KEY_BYTES)).toString('hex');
    const past = purchase === undefined ? account.past : [...account.past, purchase];
    await this.#save({ ...account, past, purchase: { key, stage: 'keyed', reservedMsat: msat(0), paidMsat: msat(0) } });
  }

  async *#askQuote({ key }: Purchase): Events<void> {
    const connection = yield* this.#connect();
    if (connection === undefined) return;
    const { table, syms, clock } = this.options;
    const id = this.nextId();
    connection.send({ op: 'sub', id, table, syms, key });
    const until = clock.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const received = await connection.receive(until);
      if (received.kind === 'closed') return yield* this.lost(received.closed);
      if (received.kind === 'timeout') return yield* this.lost({ detail: 'no answer to sub', permanent: false, protocol: false });
      const { message } = received;
      if (message.op === 'quote' && message.id === id) {
        checkOffer(message.offer, this.#account.request);
        // Paying would be refused as too late, and the next quote as well: only a person can set the clock.
        if (this.options.backend !== undefined) checkNotExpired(message.offer, clock.now());
        await this.advance({ stage: 'quoted', offer: message.offer });
        this.#boundQuote = message.offer.quote;
        this.progress();
        yield { type: 'quote', quote: withoutToken(message.offer) };
        return;
      }
      if (message.op === 'error' && isAnswer(message, id)) return yield* this.refused(message);
    }
  }

  async *#settle(offer: QuoteOffer): Events<void> {
    const { backend, budgetMsat, maxFeeMsat, clock, signal, payTimeoutMs } = this.options;
    if (backend === undefined) return;
    const end = yield* settlePurchase({
      payer: backend,
      spending: maxFeeMsat === undefined ? { budgetMsat } : { budgetMsat, maxFeeMsat },
      clock,
      signal,
      payTimeoutMs,
      backoff: this.backoff,
      account: () => this.#account,
      save: (account) => this.#save(account),
      givenUp: () => this.#givenUp(),
    });
    if (end === 'paid') return this.progress();
    yield { type: 'expired', quote: offer.quote, reason: 'unpaid', renewing: true };
    await this.abandon();
  }

  async *#receive(offer: QuoteOffer): Events<void> {
    const restarted = this.#boundQuote === undefined;
    // Somebody else is to pay: show them again what.
    if (restarted && this.purchase?.stage === 'quoted' && this.#connection === undefined)
      yield { type: 'quote', quote: withoutToken(offer) };
    const connection = yield* this.#connect();
    if (connection === undefined) return;
    yield* new Reception(this, connection, offer).events(this.#boundQuote === offer.quote);
  }

  /** The connection there is, or a new one; undefined where it failed, after a wait. */
  async *#connect(): Events<Connection | undefined> {
    if (this.#connection !== undefined) return this.#connection;
    const { url, clock, signal, heartbeatMs } = this.options;
    yield { type: 'status', state: 'connecting', detail: url };
    const opened = await Connection.open({ url, clock, signal, heartbeatMs });
    if (!(opened instanceof Connection)) {
      yield* this.lost(opened);
      return undefined;
    }
    this.#connection = opened;
    yield { type: 'status', state: 'connected', detail: url };
    return opened;
  }

  async #save(account: Account): Promise<void> {
    await this.options.state.save(account);
    this.#account = account;
  }
}

function withoutToken({ token: _, ...view }: QuoteOffer): Omit<QuoteOffer, 'token'> {
  return view;
}
