import { type Msat, msat } from '../core/lightning/amount.ts';
import type { CreditEvent, QuoteOffer } from '../core/tickerplant/messages.ts';
import { type Account, type Purchase, withPast } from './account.ts';
import { Backoff } from './backoff.ts';
import { type Closed, Connection } from './connection.ts';
import { SubscriberError } from './errors.ts';
import type { SubscriberEvent } from './events.ts';
import { FollowUps } from './follow-ups.ts';
import { type ErrorMessage, isAnswer } from './messages.ts';
import type { SubscriptionOptions } from './options.ts';
import { checkCredit, checkNotExpired, checkOffer, inSat } from './quote-check.ts';
import { Reception, type ReceptionHost } from './reception.ts';
import { RowMeter } from './row-meter.ts';
import { RowTracker } from './row-tracker.ts';
import { settlePurchase } from './settle-purchase.ts';
import { afterPayment, NO_STANDING } from './standing.ts';

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
  readonly followUps: FollowUps;
  #meter: RowMeter;
  #account: Account;
  /** The last change of the account that is being stored: the next waits for it. */
  #saving: Promise<void> = Promise.resolve();
  #connection: Connection | undefined;
  /** The quote that the present connection has asked for: it is told of its payment without a resume. */
  #boundQuote: string | undefined;
  #lastId = 0;
  #awaySince: number | undefined;
  #protocolStrikes = 0;
  /** What was paid, bought nothing, and has to lower the next quote. */
  #owed: Msat | undefined;

  constructor(options: SubscriptionOptions) {
    this.options = options;
    const { url, table, syms, pricing } = options;
    this.#account = options.state.account({ url, table, syms, ...(pricing === undefined ? {} : { pricing }) });
    this.tracker = new RowTracker(options.state.positions());
    this.backoff = new Backoff(options.backoff, options.random);
    this.#meter = new RowMeter(this.#account.standing, this.#account.purchase?.offer, this.tracker.positions);
    this.followUps = new FollowUps(this);
    this.followUps.onEvent = () => this.#connection?.wake();
  }

  get spentMsat(): Msat {
    return this.#account.spentMsat;
  }

  get purchase(): Purchase | undefined {
    return this.#account.purchase;
  }

  get meter(): RowMeter {
    return this.#meter;
  }

  /** The account as it is stored now. */
  account(): Account {
    return this.#account;
  }

  /** Everything that happens, until what was bought is over. */
  async *events(): Events<void> {
    try {
      this.followUps.start();
      yield* this.#steps();
    } catch (error) {
      // The next run is to ask for another quote, not to stumble over this one again.
      if (error instanceof SubscriberError && error.code === 'BAD_QUOTE') await this.abandon();
      throw error;
    } finally {
      await this.followUps.close();
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
    await this.update((account) => {
      const { purchase } = account;
      return purchase === undefined ? account : { ...account, purchase: { ...purchase, ...change } };
    });
  }

  /** The server delivers on the purchase, so it is paid, whoever paid it. */
  async delivered(): Promise<void> {
    await this.update((account) => {
      const { purchase } = account;
      if (purchase?.offer === undefined) return account;
      const now = this.options.clock.now();
      const known = purchase.stage === 'paid' || purchase.stage === 'active';
      const standing = known ? account.standing : afterPayment(account.standing, purchase.offer, now);
      return { ...account, standing, purchase: { ...purchase, stage: 'active' } };
    });
  }

  /** The purchase came to nothing: the next one has a new key. It is kept, in case that its invoice is paid yet. */
  async abandon(): Promise<void> {
    await this.update((account) => {
      const { purchase, ...rest } = account;
      return purchase === undefined ? account : { ...rest, past: withPast(account.past, purchase) };
    });
  }

  /** What was paid for the purchase bought nothing: the next is begun, which that lowers. @throws SubscriberError where it can't. */
  async setAside({ msat: amount, outcome }: CreditEvent): Promise<void> {
    await this.abandon();
    if (outcome === 'refund') {
      throw new SubscriberError('REFUSED', `what was paid bought nothing; the seller has noted that ${inSat(amount)} are to be given back`);
    }
    if (this.#owed !== undefined) throw new SubscriberError('REFUSED', 'what was paid bought nothing, for the second time');
    this.#owed = amount;
  }

  /** Changes the account as it is then and stores it, one change after the other: payments go on beside the rows. */
  update(change: (account: Account) => Account): Promise<void> {
    const saved = this.#saving.then(async () => {
      const changed = change(this.#account);
      if (changed === this.#account) return;
      // In the meantime a purchase may have begun that counts from nothing.
      const counted =
        changed.standing === NO_STANDING || !this.#meter.isCounting ? changed.standing : { ...changed.standing, ...this.#meter.state };
      const account = { ...changed, standing: counted };
      await this.options.state.save(account);
      this.#account = account;
    });
    this.#saving = saved.catch(() => undefined);
    return saved;
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
    const key = Buffer.from(this.options.random.bytes(KEY_BYTES)).toString('hex');
    await this.update((account) => {
      const { purchase, followUps, past } = account;
      const over = purchase === undefined ? followUps : [...followUps, purchase];
      const fresh: Purchase = { key, stage: 'keyed', reservedMsat: msat(0), paidMsat: msat(0) };
      return { ...account, past: withPast(past, ...over), followUps: [], standing: NO_STANDING, purchase: fresh };
    });
  }

  async *#askQuote({ key }: Purchase): Events<void> {
    const connection = yield* this.#connect();
    if (connection === undefined) return;
    const { table, syms, clock, pricing, snapshot } = this.options;
    const id = this.nextId();
    const choice = { ...(pricing === undefined ? {} : { pricing }), ...(snapshot === undefined ? {} : { snapshot }) };
    connection.send({ op: 'sub', id, table, syms, key, ...choice });
    const until = clock.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const received = await connection.receive(until);
      if (received.kind === 'closed') return yield* this.lost(received.closed);
      if (received.kind === 'timeout') return yield* this.lost({ detail: 'no answer to sub', permanent: false, protocol: false });
      if (received.kind === 'woken') continue;
      const { message } = received;
      if (message.op === 'quote' && message.id === id) {
        checkOffer(message.offer, this.#account.request);
        if (this.#owed !== undefined) checkCredit(message.offer, this.#owed);
        // Paying would be refused as too late, and the next quote as well: only a person can set the clock.
        if (this.options.backend !== undefined) checkNotExpired(message.offer, clock.now());
        await this.advance({ stage: 'quoted', offer: message.offer });
        this.#meter = new RowMeter(NO_STANDING, message.offer, this.tracker.positions);
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
      quote: offer.quote,
      payer: backend,
      spending: maxFeeMsat === undefined ? { budgetMsat } : { budgetMsat, maxFeeMsat },
      clock,
      signal,
      payTimeoutMs,
      backoff: this.backoff,
      account: () => this.#account,
      update: (change) => this.update(change),
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
    const { url, ca, clock, signal, heartbeatMs } = this.options;
    yield { type: 'status', state: 'connecting', detail: url };
    const opened = await Connection.open({ url, ca, clock, signal, heartbeatMs });
    if (!(opened instanceof Connection)) {
      yield* this.lost(opened);
      return undefined;
    }
    this.#connection = opened;
    yield { type: 'status', state: 'connected', detail: url };
    return opened;
  }
}

function withoutToken({ token: _, ...view }: QuoteOffer): Omit<QuoteOffer, 'token'> {
  return view;
}
