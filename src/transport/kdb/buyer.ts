import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { BalanceEvent, GapEvent } from '../../core/tickerplant/messages.ts';
import type { Encoding, PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type {
  BuyerConnection,
  IdentifiedToken,
  SubscribeResult,
  SubscriberSink,
  TickerplantService,
} from '../../core/tickerplant/service.ts';
import { CallError } from './errors.ts';
import type { InvoiceBook, NumberedInvoice } from './invoices.ts';
import type { Outbox } from './outbox.ts';
import { type After, afterOf, Positions, type RememberedPositions } from './positions.ts';
import type { Ending, SymbolPosition } from './symbol-position.ts';
import { endOfDayMessage } from './updates.ts';
import { Wanted } from './wanted.ts';

/** Gaps of one connection that can still be asked for, the newest. */
const MAX_GAPS = 1_000;
/** What the seller's node or our limits refuse for now; whoever subscribes to everything has what is paid all the same. */
const REFUSED_FOR_NOW: ReadonlySet<string> = new Set(['NODE_UNAVAILABLE', 'RATE_LIMITED', 'TOO_MANY', 'UNKNOWN_SYMBOL']);

/** Where a resume begins: after what the client has got as far as can be told, at the grant's beginning, or with the next row. */
export type ResumeFrom = 'drained' | 'start' | 'live';

/** What a buyer of a connection is made of. */
export interface BuyerOptions {
  readonly tickerplant: TickerplantService;
  readonly address: string;
  /** The connection's number. */
  readonly handle: number;
  readonly outbox: Outbox;
  readonly encoding: Encoding;
  readonly invoices: InvoiceBook;
  readonly remembered: RememberedPositions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the connection: there is nothing left that could come over it, or it is read too slowly. */
  readonly end: (why: string) => void;
}

/** What a connection buys and receives. */
export class KdbBuyer {
  readonly #options: BuyerOptions;
  readonly #buyer: BuyerConnection;
  readonly #wanted = new Wanted();
  readonly #positions = new Positions();
  readonly #subscriptions = new Set<string>();
  readonly #gaps: GapEvent[] = [];
  /** Symbols whose first rows came while a call was being answered. */
  #held = new Set<SymbolPosition>();
  #answering = false;
  /** Something was subscribed to that the token's subscription was not gone on with for yet. */
  #behind = false;
  #token: string | undefined;
  /** Of a token that is not narrowed. */
  #tokenSubscription: string | undefined;
  /** Subscriptions that came by a narrowed token: what would show the whole token is not shown. */
  readonly #narrowed = new Set<string>();
  /** Table → symbols that the last resume brought. */
  #resumed: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #balances = new Map<string, BalanceEvent>();

  /** @throws TickerplantError as {@link TickerplantService.connect}. */
  constructor(options: BuyerOptions) {
    this.#options = options;
    this.#buyer = options.tickerplant.connect({ address: options.address, sink: this.#sink() });
  }

  /** Checks a token that somebody logged in with; it is gone on with at the first `.u.sub`. @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`. */
  async login(token: string): Promise<void> {
    this.#noteToken(token, await this.#buyer.identify(token));
  }

  /** A call begins to be answered: rows of symbols that are new to the client wait for {@link answered}. */
  answer(): void {
    this.#answering = true;
  }

  /** The answer is on its way. */
  answered(): void {
    this.#answering = false;
    this.#held = new Set();
    this.#options.outbox.release();
  }

  /**
   * Subscribes. Answers the invoice for what is not granted yet, undefined where all of it is.
   * @throws TickerplantError, CallError.
   */
  async subscribe(table: string | '*', syms: readonly string[] | '*'): Promise<NumberedInvoice | undefined> {
    await this.#goOn(table, syms);
    // A narrowed token's subscription can't be added to, so nothing more is asked of it.
    if (this.#narrowed.size > 0 && this.#isResumed(table, syms)) return undefined;
    const result = await this.#quote(table, syms);
    if (result === undefined) return undefined;
    if (result.kind === 'granted') {
      for (const { subscription } of result.active) this.#own(subscription);
      return undefined;
    }
    this.#own(result.offer.subscription);
    return this.#options.invoices.add(result.offer, this.#options.handle);
  }

  /** Stops delivery. Answers table → symbols that were stopped. @throws TickerplantError. */
  async unsubscribe(table: string | '*', syms: readonly string[] | '*'): Promise<ReadonlyMap<string, readonly string[]>> {
    const { tickerplant } = this.#options;
    const stopped = new Map<string, readonly string[]>();
    const tables = table === '*' ? tickerplant.tables().map(({ name }) => name) : [table];
    for (const name of tables) {
      const ofTable = syms === '*' || table !== '*' ? syms : syms.filter((sym) => tickerplant.symbols(name).includes(sym));
      const found = new Set<string>();
      for (const subscription of [...this.#subscriptions]) {
        for (const sym of await this.#stop(subscription, name, ofTable)) found.add(sym);
      }
      stopped.set(name, [...found]);
    }
    return stopped;
  }

  /** Goes on with a token's subscription. Answers table → symbols that come. @throws TickerplantError. */
  async resume(token: string, from: ResumeFrom): Promise<ReadonlyMap<string, readonly string[]>> {
    const identified = await this.#buyer.identify(token);
    this.#noteToken(undefined, identified);
    const resumed = await this.#resume(token, this.#after(identified.subscription, from));
    this.#noteToken(token, identified);
    this.#wanted.add('*', '*');
    return resumed;
  }

  /** The invoices of this connection's subscriptions, and of its token's. */
  invoices(): readonly NumberedInvoice[] {
    const { invoices, clock } = this.#options;
    const mine = new Set(this.#subscriptions);
    if (this.#tokenSubscription !== undefined) mine.add(this.#tokenSubscription);
    for (const subscription of this.#narrowed) mine.delete(subscription);
    return invoices.of(mine, clock.now());
  }

  /** What is left of prepaid balances, as far as it was told on this connection. */
  balances(): readonly BalanceEvent[] {
    return [...this.#balances.values()];
  }

  /** Rows that this connection will not get. */
  gaps(): readonly GapEvent[] {
    return this.#gaps;
  }

  /** The connection is gone: what it had is remembered for the next one. */
  close(ending: Ending): void {
    const { remembered, clock } = this.#options;
    for (const subscription of this.#subscriptions) remembered.detach(subscription, this.#positions, ending, clock.now());
    this.#buyer.close();
  }

  #own(subscription: string): void {
    if (this.#subscriptions.has(subscription)) return;
    this.#subscriptions.add(subscription);
    this.#options.remembered.attach(subscription, this.#positions, this.#options.clock.now());
  }

  #noteToken(token: string | undefined, { subscription, narrowed }: IdentifiedToken): void {
    if (narrowed) this.#narrowed.add(subscription);
    else if (token !== undefined) this.#tokenSubscription = subscription;
    if (token !== undefined) this.#token = token;
  }

  async #goOn(table: string | '*', syms: readonly string[] | '*'): Promise<void> {
    if (this.#wanted.add(table, syms)) this.#behind = true;
    const token = this.#token;
    if (token === undefined || !this.#behind) return;
    const { subscription, state } = await this.#buyer.identify(token);
    if (state === 'unpaid') throw new CallError('unpaid: no payment for the token that you logged in with has arrived yet');
    if (state === 'live') await this.#resume(token, this.#after(subscription, 'drained'), (name, sym) => this.#wanted.has(name, sym));
    this.#behind = false;
  }

  async #resume(
    token: string,
    after: After,
    only?: (table: string, sym: string) => boolean,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const tables = new Map<string, readonly string[]>();
    await this.#buyer.resume(
      token,
      after,
      (resumed) => {
        this.#own(resumed.subscription);
        for (const { table, syms } of resumed.tables) tables.set(table, syms);
        this.#resumed = tables;
      },
      undefined,
      undefined,
      only,
    );
    return tables;
  }

  #isResumed(table: string | '*', syms: readonly string[] | '*'): boolean {
    const { tickerplant } = this.#options;
    const tables = table === '*' ? tickerplant.tables().map(({ name }) => name) : [table];
    return tables.every((name) => {
      const resumed = new Set(this.#resumed.get(name));
      return (syms === '*' ? tickerplant.symbols(name) : syms).every((sym) => resumed.has(sym));
    });
  }

  #after(subscription: string, from: ResumeFrom): After {
    if (from === 'start') return {};
    const { tickerplant, remembered, clock } = this.#options;
    if (from === 'live') {
      const { epoch } = tickerplant;
      const symbols = tickerplant.tables().flatMap(({ name }) => tickerplant.symbols(name).map((sym) => ({ table: name, sym })));
      return afterOf(symbols.map(({ table, sym }) => ({ table, sym, epoch, seq: Number.MAX_SAFE_INTEGER })));
    }
    // On one connection nothing is lost on the way: it goes on where it is.
    return afterOf([...remembered.of(subscription, clock.now()), ...this.#positions.pushed()]);
  }

  /** Undefined: nothing can be quoted now, and what is paid for comes. */
  async #quote(table: string | '*', syms: readonly string[] | '*'): Promise<SubscribeResult | undefined> {
    try {
      return await this.#buyer.subscribe({ table, syms, snapshot: false });
    } catch (error) {
      const hasPaid = table === '*' && syms === '*' && this.#subscriptions.size > 0;
      if (!hasPaid || !(error instanceof TickerplantError) || !REFUSED_FOR_NOW.has(error.code)) throw error;
      this.#options.logger.info({ code: error.code }, 'no quote for what is not paid yet; what is paid comes');
      return undefined;
    }
  }

  async #stop(subscription: string, table: string, syms: readonly string[] | '*'): Promise<readonly string[]> {
    try {
      return await this.#buyer.unsubscribe({ subscription, table, syms });
    } catch (error) {
      // A newer connection has taken the subscription over.
      if (error instanceof TickerplantError && error.code === 'FORBIDDEN') return [];
      throw error;
    }
  }

  #sink(): SubscriberSink {
    const { outbox, invoices, end, clock, logger } = this.#options;
    return {
      get isFull() {
        return outbox.isFull;
      },
      drained: () => outbox.drained(),
      endSlow: () => end('the client reads too slowly'),
      active: ({ quote, subscription }) => {
        this.#own(subscription);
        invoices.settled(quote);
      },
      rows: (rows) => this.#rows(rows),
      // A q process would insert it as one row more.
      snapshot: () => undefined,
      whenLeft: (callback) => outbox.whenLeft(callback),
      // Renewals and top-ups stand among the invoices.
      offer: (offer) => {
        this.#own(offer.subscription);
        invoices.add(offer, this.#options.handle);
      },
      balance: (event) => {
        this.#balances.set(event.subscription, event);
      },
      credit: (event) => logger.debug({ reason: event.reason, outcome: event.outcome }, 'a payment bought nothing'),
      // An asynchronous message that a q process does not know is an error there: it is told when it asks.
      gap: (event) => {
        this.#gaps.push(event);
        if (this.#gaps.length > MAX_GAPS) this.#gaps.shift();
      },
      expired: ({ quote, reason }) => {
        if (reason === 'unpaid') invoices.remove(quote);
      },
      superseded: (subscription) => {
        this.#options.remembered.detach(subscription, this.#positions, 'broken', clock.now());
        this.#subscriptions.delete(subscription);
        if (this.#subscriptions.size === 0) end('its subscription is live on a newer connection');
      },
      endOfDay: (date) => outbox.push(endOfDayMessage(date)),
    };
  }

  #rows(rows: PublishedRows): void {
    const { outbox, encoding } = this.#options;
    if (outbox.closed) return;
    const bytes = rows.encoded(encoding);
    const position = this.#positions.of(rows);
    if (this.#answering && position.pushed === 0) this.#held.add(position);
    position.pushed = rows.seq + rows.count - 1;
    if (this.#held.size > 0 && this.#held.has(position)) outbox.hold(bytes, position);
    else outbox.push(bytes, position);
  }
}
