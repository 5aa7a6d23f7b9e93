import type { PaymentHash } from '../lightning/identifiers.ts';
import type { Clock } from '../ports/clock.ts';
import type { Credentials } from '../ports/credentials.ts';
import type { Journal } from '../ports/journal.ts';
import type { Ledger, QuoteRecord, QuoteState, SettlementEffect, SubscriptionRecord } from '../ports/ledger.ts';
import type { Catalog } from './catalog.ts';
import { covered } from './entitlement.ts';
import { revokedError, TickerplantError } from './errors.ts';
import { History, type HistoryQuestion } from './history.ts';
import type { ActiveEvent, QuoteItem } from './messages.ts';
import { PublishedRows } from './published-rows.ts';
import type { Publisher } from './publisher.ts';
import { type HistoryReach, type RowRange, readableRows } from './readable-rows.ts';
import type { Pricing } from './schema.ts';
import type { Sessions } from './sessions.ts';
import { encodeRows } from './values.ts';

/** What {@link TokenAccess} leans on. */
export interface TokenAccessDependencies {
  readonly catalog: Catalog;
  readonly publisher: Publisher;
  readonly sessions: Sessions;
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly symbolsPerRequest: number;
  /** A quote that can still be paid, by its payment hash. */
  readonly openQuote: (hash: PaymentHash) => QuoteRecord | undefined;
  readonly onSettlement: (listener: (effect: SettlementEffect) => void) => Disposable;
}

/** Whoever holds a token that was found good, as it was at that moment. */
export interface Holder {
  readonly token: string;
  readonly subscription: string;
  /** Of the quote that the token came with. */
  readonly paymentHash: PaymentHash;
  /** Somebody has added caveats: its bearer must not be shown the whole token. */
  readonly narrowed: boolean;
  /** `unpaid` nothing was ever paid for · `live` something is covered now · `ended` nothing any more. */
  readonly state: 'unpaid' | 'live' | 'ended';
}

/** A quote as it stands now, for whoever holds its subscription's token. */
export interface QuoteStatus
  extends Pick<QuoteRecord, 'subscription' | 'items' | 'reason' | 'amountMsat' | 'creditMsat' | 'paymentHash' | 'expiresAt'> {
  readonly quote: string;
  readonly state: QuoteState;
  /** BOLT 11; to be paid while the quote is open. */
  readonly invoice: string;
  /** The token that goes with this quote's payment hash. */
  readonly token: string;
}

/** What was asked for, by name, and what of it the holder has not paid for. */
export interface Coverage {
  readonly items: readonly QuoteItem[];
  readonly missing: readonly QuoteItem[];
}

interface KnownHolder extends Holder {
  readonly record: SubscriptionRecord;
}

/**
 * What a buyer may do with a token alone, request by request, without a connection that lasts: for HTTP. Nothing here takes a
 * subscription from the connection that it is live on.
 */
export class TokenAccess {
  readonly #dependencies: TokenAccessDependencies;

  constructor(dependencies: TokenAccessDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED` (a caveat's end, not a grant's). */
  async holder(token: string): Promise<Holder> {
    const { credentials, ledger, clock } = this.#dependencies;
    const { tokenId, paymentHash } = credentials.identify(token);
    const record = await ledger.subscriptionByToken(tokenId);
    if (record === undefined) throw new TickerplantError('BAD_TOKEN', 'this token is not one of this server');
    const { narrowed } = credentials.verify(token, record.rootKey, clock.now());
    if (record.revokedAt !== undefined) throw revokedError(record.id);
    // With money left it goes on, so that the buyer can use it.
    const hasMoney = record.balanceMsat + record.creditMsat > 0n;
    const isLive = hasMoney || covered(record.grants, clock.now()).size > 0;
    const state = record.grants.length === 0 ? 'unpaid' : isLive ? 'live' : 'ended';
    const holder: KnownHolder = { token, subscription: record.id, paymentHash, narrowed, state, record };
    return holder;
  }

  /**
   * What a request stands for, and what of it is still to be paid, in that way where one is named; without a holder, all of it.
   * @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL`, `BAD_REQUEST`, `TOO_MANY`.
   */
  coverage(holder: Holder | undefined, table: string, syms: readonly string[] | '*', pricing?: Pricing['kind']): Coverage {
    const { catalog, clock, symbolsPerRequest } = this.#dependencies;
    const items = catalog.resolve(table, syms, symbolsPerRequest);
    const grants = (holder === undefined ? [] : recordOf(holder).grants).filter(
      ({ terms }) => pricing === undefined || terms.kind === pricing,
    );
    const have = covered(grants, clock.now());
    const missing = items.map((item) => ({ table: item.table, syms: item.syms.filter((sym) => have.get(item.table)?.has(sym) !== true) }));
    return { items, missing: missing.filter((item) => item.syms.length > 0) };
  }

  /** A quote of the holder's subscription; undefined where it has no such quote. */
  async quote(holder: Holder, id: string): Promise<QuoteStatus | undefined> {
    const record = await this.#dependencies.ledger.quote(id);
    return record?.subscription === holder.subscription ? this.#status(recordOf(holder), record) : undefined;
  }

  /** The quote that the holder's token came with, while it can be paid. */
  openQuote(holder: Holder): QuoteStatus | undefined {
    const record = this.#dependencies.openQuote(holder.paymentHash);
    return record?.subscription === holder.subscription ? this.#status(recordOf(holder), record) : undefined;
  }

  /** Resolves when a payment for the subscription has taken effect: true; or after so many milliseconds: false. Aborting ends the wait. */
  whenPaid(subscription: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { onSettlement, clock } = this.#dependencies;
    return new Promise((resolve) => {
      const end = (paid: boolean) => {
        listening[Symbol.dispose]();
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', gone);
        resolve(paid);
      };
      const gone = () => end(false);
      const listening = onSettlement((effect) => {
        if ('quote' in effect && effect.quote.subscription === subscription) end(true);
      });
      const timer = clock.setTimer(timeoutMs, gone);
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone);
    });
  }

  /**
   * Takes symbols again that are paid for and had been unsubscribed from; free. Where the subscription is live, that connection is told
   * and goes on with the next row.
   */
  async takeAgain(holder: Holder, items: readonly QuoteItem[]): Promise<readonly ActiveEvent[]> {
    const { ledger, publisher, journal, clock, sessions } = this.#dependencies;
    const { id, grants, unsubscribed } = recordOf(holder);
    const session = sessions.live(id);
    const have = covered(grants, clock.now());
    const events: ActiveEvent[] = [];
    for (const { table, syms } of items) {
      const stopped = syms.filter((sym) => unsubscribed[table]?.includes(sym) === true);
      if (stopped.length > 0) {
        for (const event of session?.takeAgain(table, stopped) ?? []) session?.sink.active(event);
        const left = session?.unsubscribed(table) ?? (unsubscribed[table] ?? []).filter((sym) => !syms.includes(sym));
        await ledger.setUnsubscribed(id, table, left);
      }
      for (const grant of new Set(syms.map((sym) => have.get(table)?.get(sym)))) {
        if (grant === undefined) continue;
        const granted = syms.filter((sym) => have.get(table)?.get(sym) === grant);
        const next = Object.fromEntries(granted.map((sym) => [sym, publisher.next(table, sym)]));
        events.push({ subscription: id, quote: grant.quote, table, syms: granted, until: grant.until, epoch: journal.epoch, next });
      }
    }
    return events;
  }

  /**
   * Stops delivery of symbols, where the subscription is live and when it is resumed; what was paid stays paid. Answers those that
   * were covered and wanted until now.
   */
  async unsubscribe(holder: Holder, table: string, syms: readonly string[] | '*'): Promise<readonly string[]> {
    const { catalog, ledger, clock, sessions } = this.#dependencies;
    const { id, grants, unsubscribed } = recordOf(holder);
    const have = [...(covered(grants, clock.now()).get(catalog.table(table).name)?.keys() ?? [])];
    const asked = syms === '*' ? have : syms;
    const unknown = asked.find((sym) => !catalog.has(table, sym));
    if (unknown !== undefined) throw new TickerplantError('UNKNOWN_SYMBOL', `table ${table} has no symbol ${unknown.slice(0, 64)}`);
    const already = new Set(unsubscribed[table]);
    const stopped = asked.filter((sym) => have.includes(sym) && !already.has(sym));
    const session = sessions.live(id);
    session?.stop(table, asked);
    await ledger.setUnsubscribed(id, table, session?.unsubscribed(table) ?? [...new Set([...already, ...asked])]);
    return stopped;
  }

  /** The last row of each symbol that has one and may be read. @throws JournalError */
  async snapshot(holder: Holder, { table, syms }: QuoteItem): Promise<readonly PublishedRows[]> {
    const { journal } = this.#dependencies;
    const readable = syms.filter((sym) => this.#readable(holder, table, sym, 'kept').length > 0);
    const records = await journal.last(table, readable);
    return records.flatMap((record) => {
      const rows = record.rows.slice(-1);
      const seq = record.seq + record.count - 1;
      const may = this.#readable(holder, table, record.sym, 'kept').some(([from, to]) => from <= seq && seq <= to);
      return may ? [new PublishedRows(table, record.sym, record.epoch, seq, 1, encodeRows(rows), rows)] : [];
    });
  }

  /** @throws TickerplantError `BAD_REQUEST` for bounds or a cursor that can't be meant; JournalError. */
  async history(holder: Holder, item: QuoteItem, question: HistoryQuestion, reach: HistoryReach): Promise<History> {
    const { journal, catalog } = this.#dependencies;
    const { table, syms } = item;
    const isTimed = question.from !== undefined || question.to !== undefined;
    if (isTimed && catalog.table(table).columns[0]?.type !== 'timestamp') {
      throw new TickerplantError('BAD_REQUEST', `from: the times of table ${table} are times of day; ask by numbers, fromSeq and toSeq`);
    }
    const readable = new Map(syms.map((sym) => [sym, this.#readable(holder, table, sym, reach)] as const));
    return History.open({ journal, table, readable, question, rootKey: recordOf(holder).rootKey });
  }

  #readable(holder: Holder, table: string, sym: string, reach: HistoryReach): readonly RowRange[] {
    const { journal, publisher, clock } = this.#dependencies;
    const next = publisher.next(table, sym);
    return readableRows({ record: recordOf(holder), table, sym, reach, epoch: journal.epoch, next, now: clock.now() });
  }

  #status(subscription: SubscriptionRecord, record: QuoteRecord): QuoteStatus {
    const { tokenId, rootKey } = subscription;
    const { paymentHash, items, reason, amountMsat, creditMsat, expiresAt, state } = record;
    const token = this.#dependencies.credentials.mint({ paymentHash, tokenId }, rootKey);
    return {
      quote: record.id,
      subscription: record.subscription,
      state,
      items,
      reason,
      amountMsat,
      creditMsat,
      invoice: record.paymentRequest,
      paymentHash,
      expiresAt,
      token,
    };
  }
}

function recordOf(holder: Holder): SubscriptionRecord {
  if (!('record' in holder)) throw new TypeError('a holder is what TokenAccess.holder answered');
  return (holder as KnownHolder).record;
}
