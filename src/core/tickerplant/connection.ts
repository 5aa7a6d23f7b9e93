import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { Ledger, SubscriptionRecord } from '../ports/ledger.ts';
import type { Random } from '../ports/random.ts';
import type { Catalog } from './catalog.ts';
import { covered } from './entitlement.ts';
import { TickerplantError } from './errors.ts';
import type { TickerplantLimits } from './limits.ts';
import type { ActiveEvent, QuoteItem, ResumePosition } from './messages.ts';
import { hex, type QuoteDesk, type SubscriptionCredential } from './quote-desk.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { BuyerConnection, Resumed, SlowConsumerPolicy, SubscribeRequest, SubscribeResult, SubscriberSink } from './service.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** What a connection leans on. */
export interface ConnectionDependencies {
  readonly catalog: Catalog;
  readonly desk: QuoteDesk;
  readonly sessions: Sessions;
  readonly ledger: Ledger;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: TickerplantLimits;
  readonly limiter: RateLimiter;
  readonly isStopping: () => boolean;
}

/** A key this long can't be guessed, and holds from anywhere; a shorter one only from the same address. */
const SECRET_KEY_LENGTH = 16;

interface Owned {
  readonly credential: SubscriptionCredential;
  readonly session: Session;
}

/** A buyer's connection: which subscriptions are its own, and what it may ask for. */
export class Connection implements BuyerConnection {
  readonly #dependencies: ConnectionDependencies;
  readonly #address: string;
  readonly #sink: SubscriberSink;
  readonly #owned = new Map<string, Owned>();
  /** The subscription that a request without one goes to. */
  #own: SubscriptionCredential | undefined;
  #closed = false;
  #pendingQuotes = 0;

  constructor(address: string, sink: SubscriberSink, dependencies: ConnectionDependencies) {
    this.#address = address;
    this.#sink = sink;
    this.#dependencies = dependencies;
  }

  async subscribe(request: SubscribeRequest): Promise<SubscribeResult> {
    this.#assertOpen();
    const { catalog, limits, limiter, desk, sessions } = this.#dependencies;
    const asked = catalog.resolve(request.table, request.syms, limits.symbolsPerRequest);
    const credential = this.#credentialFor(request.subscription);
    const known = this.#owned.get(credential.id);
    const { granted, missing } = this.#split(asked, known?.session);
    if (known !== undefined && request.slow !== undefined) known.session.slow = request.slow;
    if (missing.length === 0 && known !== undefined) return { kind: 'granted', active: await this.#takeAgain(known.session, granted) };

    if (!limiter.take(this.#address)) throw new TickerplantError('RATE_LIMITED', 'too many quotes from this address; wait a little');
    if (this.#pendingQuotes + sessions.openQuotes(this.#sink) >= limits.openQuotesPerConnection) {
      throw new TickerplantError('TOO_MANY', `at most ${limits.openQuotesPerConnection} unpaid quotes at a time on a connection`);
    }
    this.#pendingQuotes += 1;
    try {
      const answer = await desk.quote({ items: missing, credential, key: this.#key(request) });
      await this.#adopt(answer.record.subscription);
      const session = this.#owned.get(answer.record.subscription)?.session;
      if (session !== undefined && request.slow !== undefined) session.slow = request.slow;
      if (!this.#closed) sessions.noteOpen(answer.record, this.#sink);
      if (known !== undefined) await this.#takeBack(known.session, granted);
      return { kind: 'quote', offer: answer.offer };
    } finally {
      this.#pendingQuotes -= 1;
    }
  }

  async resume(
    token: string,
    after: Readonly<Record<string, ResumePosition>>,
    onResumed: (resumed: Resumed) => void,
    slow?: SlowConsumerPolicy,
    only?: (table: string, sym: string) => boolean,
  ): Promise<void> {
    this.#assertOpen();
    const { clock, sessions } = this.#dependencies;
    const record = await this.#verified(token);
    if (record.grants.length === 0) throw new TickerplantError('NOT_SETTLED', 'no payment for this token has arrived yet');
    if (covered(record.grants, clock.now()).size === 0)
      throw new TickerplantError('TOKEN_EXPIRED', 'everything that was paid for has ended');
    this.#assertOpen();
    const session = this.#take(record);
    if (slow !== undefined) session.slow = slow;
    if (only !== undefined) session.leaveOut((table, sym) => !only(table, sym));
    const resumed = { subscription: record.id, tables: session.wanted() };
    sessions.add(session);
    onResumed(resumed);
    session.resume(after);
  }

  async identify(token: string): Promise<{ readonly subscription: string; readonly state: 'unpaid' | 'live' | 'ended' }> {
    this.#assertOpen();
    const { id, grants } = await this.#verified(token);
    if (grants.length === 0) return { subscription: id, state: 'unpaid' };
    return { subscription: id, state: covered(grants, this.#dependencies.clock.now()).size === 0 ? 'ended' : 'live' };
  }

  async unsubscribe(request: {
    readonly subscription: string;
    readonly table: string;
    readonly syms: readonly string[] | '*';
  }): Promise<readonly string[]> {
    this.#assertOpen();
    const { catalog, ledger } = this.#dependencies;
    const { session } = this.#ownedSession(request.subscription);
    const table = catalog.table(request.table).name;
    const granted = covered(session.grants, this.#dependencies.clock.now()).get(table);
    const syms = request.syms === '*' ? [...(granted?.keys() ?? [])] : request.syms;
    const unknown = syms.find((sym) => !catalog.has(table, sym));
    if (unknown !== undefined) throw new TickerplantError('UNKNOWN_SYMBOL', `table ${table} has no symbol ${unknown.slice(0, 64)}`);
    const stopped = session.stop(table, syms);
    await ledger.setUnsubscribed(session.subscription, table, session.unsubscribed(table));
    return stopped;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { session } of this.#owned.values()) this.#dependencies.sessions.remove(session);
    this.#dependencies.sessions.forget(this.#sink);
  }

  #assertOpen(): void {
    if (this.#dependencies.isStopping()) throw new TickerplantError('STOPPING', 'the server is going down; come back in a moment');
    if (this.#closed) throw new TickerplantError('BAD_REQUEST', 'the connection is closed');
  }

  async #verified(token: string): Promise<SubscriptionRecord> {
    const { credentials, ledger, clock } = this.#dependencies;
    const { tokenId } = credentials.identify(token);
    const record = await ledger.subscriptionByToken(tokenId);
    if (record === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not one of this server');
    credentials.verify(token, record.rootKey, clock.now());
    return record;
  }

  #credentialFor(subscription: string | undefined): SubscriptionCredential {
    if (subscription !== undefined) return this.#ownedSession(subscription).credential;
    if (this.#own !== undefined) {
      const session = this.#owned.get(this.#own.id)?.session;
      // What another connection has taken over is not this one's any more: a new subscription is begun.
      if (session?.closed !== true) return this.#own;
    }
    const { random, limits } = this.#dependencies;
    if (this.#owned.size >= limits.subscriptionsPerConnection) {
      throw new TickerplantError('TOO_MANY', `at most ${limits.subscriptionsPerConnection} subscriptions on a connection`);
    }
    this.#own = { id: hex(random.bytes(16)), tokenId: hex(random.bytes(32)), rootKey: hex(random.bytes(32)) };
    return this.#own;
  }

  #ownedSession(subscription: string): Owned {
    const owned = this.#owned.get(subscription);
    if (owned === undefined || owned.session.closed) {
      throw new TickerplantError('FORBIDDEN', 'this subscription is not of this connection: resume it here with its token first');
    }
    return owned;
  }

  #split(
    asked: readonly QuoteItem[],
    session: Session | undefined,
  ): { readonly granted: readonly QuoteItem[]; readonly missing: readonly QuoteItem[] } {
    const have = covered(session?.grants ?? [], this.#dependencies.clock.now());
    const part = (item: QuoteItem, isGranted: boolean): QuoteItem => ({
      table: item.table,
      syms: item.syms.filter((sym) => (have.get(item.table)?.has(sym) ?? false) === isGranted),
    });
    const some = (item: QuoteItem) => item.syms.length > 0;
    return { granted: asked.map((item) => part(item, true)).filter(some), missing: asked.map((item) => part(item, false)).filter(some) };
  }

  async #takeAgain(session: Session, granted: readonly QuoteItem[]): Promise<readonly ActiveEvent[]> {
    const events = granted.flatMap((item) => session.takeAgain(item.table, item.syms));
    for (const { table } of granted)
      await this.#dependencies.ledger.setUnsubscribed(session.subscription, table, session.unsubscribed(table));
    return events;
  }

  /** Of what is granted, only what had been unsubscribed from begins anew, and is told. */
  async #takeBack(session: Session, granted: readonly QuoteItem[]): Promise<void> {
    const stopped = granted.map((item) => ({ table: item.table, syms: item.syms.filter((sym) => !session.takes(item.table, sym)) }));
    for (const event of await this.#takeAgain(
      session,
      stopped.filter((item) => item.syms.length > 0),
    ))
      this.#sink.active(event);
  }

  /** The quote's subscription is this connection's from now on; under a key it may be one that an earlier connection had. */
  async #adopt(subscription: string): Promise<void> {
    const { ledger, sessions, clock } = this.#dependencies;
    const isOurs = () => this.#owned.get(subscription)?.session.closed === false;
    if (isOurs()) return;
    const record = await ledger.subscription(subscription);
    if (record === undefined) throw new TickerplantError('INTERNAL', 'the quote has no subscription');
    if (this.#closed || isOurs()) return;
    const session = this.#take(record);
    sessions.add(session);
    // In a turn of its own, so that the answer with the quote is out before what an earlier payment has granted.
    if (record.grants.length > 0) clock.setTimer(0, () => session.announce());
  }

  #take(record: SubscriptionRecord): Session {
    const session = this.#dependencies.sessions.create(record, this.#sink);
    const credential = { id: record.id, tokenId: record.tokenId, rootKey: record.rootKey };
    this.#owned.set(record.id, { credential, session });
    this.#own = credential;
    return session;
  }

  #key(request: SubscribeRequest): { readonly scope: string; readonly key: string; readonly asked: string } | undefined {
    if (request.key === undefined) return undefined;
    const scope = request.key.length >= SECRET_KEY_LENGTH ? 'anywhere' : `address ${this.#address}`;
    const syms = request.syms === '*' ? '*' : [...new Set(request.syms)].sort();
    return { scope, key: request.key, asked: JSON.stringify([request.table, syms]) };
  }
}
