import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { Grant, Ledger, SubscriptionRecord } from '../ports/ledger.ts';
import type { Random } from '../ports/random.ts';
import { limitedAs } from './address.ts';
import type { Catalog } from './catalog.ts';
import { covered } from './entitlement.ts';
import { revokedError, TickerplantError } from './errors.ts';
import type { TickerplantLimits } from './limits.ts';
import type { ActiveEvent, QuoteItem, ResumePosition } from './messages.ts';
import { priced } from './pricing.ts';
import { type DeskRequest, hex, type QuoteDesk, type SubscriptionCredential } from './quote-desk.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { Pricing } from './schema.ts';
import type {
  BuyerConnection,
  IdentifiedToken,
  Resumed,
  SlowConsumerPolicy,
  SubscribeRequest,
  SubscribeResult,
  SubscriberSink,
} from './service.ts';
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
  /** The connection's place among those of its address. */
  readonly place: Disposable;
  /** Nothing is delivered: subscriptions stay live where they are. */
  readonly quotesOnly: boolean;
}

/** A key this long can't be guessed, and holds from anywhere; a shorter one only from the same address. */
const SECRET_KEY_LENGTH = 16;

interface Owned {
  readonly credential: SubscriptionCredential;
  readonly session: Session;
  /** It came by a token with caveats: a quote would bring the whole token. */
  readonly narrowed: boolean;
}

/** A buyer's connection: which subscriptions are its own, and what it may ask for. */
export class Connection implements BuyerConnection {
  readonly #dependencies: ConnectionDependencies;
  readonly #address: string;
  readonly #sink: SubscriberSink;
  readonly #owned = new Map<string, Owned>();
  /** The subscription that a request without one goes to. */
  #own: SubscriptionCredential | undefined;
  /** Sessions that a newer one of this connection's took the place of; what they handed over may be on its way still. */
  #replaced: Session[] = [];
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
    const holder = request.token === undefined ? undefined : await this.#whole(request.token);
    const credential = holder ?? this.#credentialFor(request.subscription);
    const known = this.#owned.get(credential.id);
    const { granted, missing } = this.#split(asked, known?.session.grants ?? holder?.grants, request.pricing);
    if (missing.length === 0 && this.#dependencies.quotesOnly) return { kind: 'granted', active: [] };
    if (known !== undefined && request.slow !== undefined) known.session.slow = request.slow;
    const items = priced(missing, (name) => catalog.table(name), request.pricing);
    if (missing.length === 0 && known !== undefined) return { kind: 'granted', active: await this.#takeAgain(known.session, granted) };

    if (!limiter.take(limitedAs(this.#address)))
      throw new TickerplantError('RATE_LIMITED', 'too many quotes from this address; wait a little');
    if (this.#pendingQuotes + sessions.openQuotes(this.#sink) >= limits.openQuotesPerConnection) {
      throw new TickerplantError(
        'TOO_MANY',
        `at most ${limits.openQuotesPerConnection} unpaid quotes at a time on a connection; pay one, or wait until one runs out`,
        { retry: 'later' },
      );
    }
    this.#pendingQuotes += 1;
    try {
      const answer = await desk.quote({
        items,
        reason: 'asked',
        credential,
        grants: known?.session.grants ?? holder?.grants,
        address: this.#address,
        key: this.#key(request),
      });
      if (this.#dependencies.quotesOnly) return { kind: 'quote', offer: answer.offer };
      await this.#adopt(answer.record.subscription);
      const session = this.#owned.get(answer.record.subscription)?.session;
      if (session !== undefined && request.slow !== undefined) session.slow = request.slow;
      if (request.snapshot === false) session?.skipSnapshot(answer.record.id);
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
    heard?: string,
    only?: (table: string, sym: string) => boolean,
  ): Promise<void> {
    this.#assertOpen();
    const { clock, sessions } = this.#dependencies;
    const { record, narrowed, until } = await this.#verified(token);
    if (record.grants.length === 0) throw new TickerplantError('NOT_SETTLED', 'no payment for this token has arrived yet');
    const hasMoney = record.balanceMsat + record.creditMsat > 0n;
    // With money left it goes on all the same, so that the buyer can use it.
    if (covered(record.grants, clock.now()).size === 0 && !hasMoney)
      throw new TickerplantError('TOKEN_EXPIRED', 'everything that was paid for has ended');
    this.#assertOpen();
    if (!this.#owned.has(record.id)) this.#assertRoom();
    const session = this.#take(record, narrowed);
    if (slow !== undefined) session.slow = slow;
    if (only !== undefined) session.leaveOut((table, sym) => !only(table, sym));
    const resumed = { subscription: record.id, tables: session.wanted() };
    sessions.add(session);
    onResumed(resumed);
    session.resume(after);
    sessions.tellMissed(session, heard);
    if (until !== undefined) sessions.endAt(session, until);
  }

  async identify(token: string): Promise<IdentifiedToken> {
    this.#assertOpen();
    const { record, narrowed } = await this.#verified(token);
    const { id, grants, balanceMsat, creditMsat } = record;
    if (grants.length === 0) return { subscription: id, state: 'unpaid', narrowed };
    const isLive = balanceMsat + creditMsat > 0n || covered(grants, this.#dependencies.clock.now()).size > 0;
    return { subscription: id, state: isLive ? 'live' : 'ended', narrowed };
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
    this.#dependencies.place[Symbol.dispose]();
    for (const { session } of this.#owned.values()) this.#dependencies.sessions.remove(session);
    for (const session of this.#replaced) session.gone();
    this.#dependencies.sessions.forget(this.#sink);
  }

  #assertOpen(): void {
    if (this.#dependencies.isStopping()) throw new TickerplantError('STOPPING', 'the server is going down; come back in a moment');
    if (this.#closed) throw new TickerplantError('BAD_REQUEST', 'the connection is closed');
  }

  async #verified(token: string): Promise<{ readonly record: SubscriptionRecord } & ReturnType<Credentials['verify']>> {
    const { credentials, ledger, clock } = this.#dependencies;
    const { tokenId } = credentials.identify(token);
    const record = await ledger.subscriptionByToken(tokenId);
    if (record === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not one of this server');
    const verified = credentials.verify(token, record.rootKey, clock.now());
    if (record.revokedAt !== undefined) throw revokedError(record.id);
    return { record, ...verified };
  }

  /** @throws TickerplantError `FORBIDDEN` for a narrowed token: a quote would bring its bearer the whole one. */
  async #whole(token: string): Promise<SubscriptionRecord> {
    const { record, narrowed } = await this.#verified(token);
    if (narrowed) throw new TickerplantError('FORBIDDEN', 'this token was narrowed: its subscription can not be added to with it');
    return record;
  }

  #credentialFor(subscription: string | undefined): SubscriptionCredential {
    if (subscription !== undefined) {
      const { credential, narrowed } = this.#ownedSession(subscription);
      if (narrowed)
        throw new TickerplantError(
          'FORBIDDEN',
          'this subscription was resumed with a token that was narrowed: it can not be added to here',
        );
      return credential;
    }
    if (this.#own !== undefined) {
      const session = this.#owned.get(this.#own.id)?.session;
      // What another connection has taken over is not this one's any more: a new subscription is begun.
      if (session?.closed !== true) return this.#own;
    }
    this.#assertRoom();
    const { random } = this.#dependencies;
    this.#own = { id: hex(random.bytes(16)), tokenId: hex(random.bytes(32)), rootKey: hex(random.bytes(32)) };
    return this.#own;
  }

  /** What has been taken over by another connection, or was ended, does not count any more. */
  #assertRoom(): void {
    const limit = this.#dependencies.limits.subscriptionsPerConnection;
    for (const [id, { session }] of this.#owned) if (session.closed) this.#owned.delete(id);
    if (this.#owned.size >= limit) throw new TickerplantError('TOO_MANY', `at most ${limit} subscriptions on a connection`);
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
    all: readonly Grant[] | undefined,
    kind: Pricing['kind'] | undefined,
  ): { readonly granted: readonly QuoteItem[]; readonly missing: readonly QuoteItem[] } {
    // Who asks for one way of paying wants it, though another one covers the symbol.
    const grants = (all ?? []).filter((grant) => kind === undefined || grant.terms.kind === kind);
    const have = covered(grants, this.#dependencies.clock.now());
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
    if (record.grants.length > 0)
      clock.setTimer(0, () => {
        session.announce();
        sessions.tellMissed(session, undefined);
      });
  }

  #take(record: SubscriptionRecord, narrowed = false): Session {
    const session = this.#dependencies.sessions.create(record, this.#sink, !narrowed);
    const earlier = this.#owned.get(record.id)?.session;
    this.#replaced = this.#replaced.filter((each) => each.isDraining);
    if (earlier !== undefined) this.#replaced.push(earlier);
    const credential = { id: record.id, tokenId: record.tokenId, rootKey: record.rootKey };
    this.#owned.set(record.id, { credential, session, narrowed });
    if (!narrowed) this.#own = credential;
    else if (this.#own?.id === record.id) this.#own = undefined;
    return session;
  }

  #key(request: SubscribeRequest): DeskRequest['key'] {
    if (request.key === undefined) return undefined;
    const isSecret = request.key.length >= SECRET_KEY_LENGTH;
    const scope = isSecret ? 'anywhere' : `address ${this.#address}`;
    const syms = request.syms === '*' ? '*' : [...new Set(request.syms)].sort();
    const asked = request.pricing === undefined ? [request.table, syms] : [request.table, syms, request.pricing];
    return { scope, key: request.key, isSecret, asked: JSON.stringify(asked) };
  }
}
