import { renderUnicodeCompact } from 'uqr';
import type { SubscriberEvent } from '../client/events.ts';
import { inSat } from '../client/quote-check.ts';
import { type Msat, msat } from '../core/lightning/amount.ts';
import type { QuoteReason, Terms } from '../core/tickerplant/messages.ts';

/** Where a report goes, and how much of it is wanted. */
export interface SubReportOptions {
  readonly write: (text: string) => void;
  readonly now: () => number;
  /** One JSON object a line. */
  readonly json: boolean;
  /** Counts that run on one line of a terminal. */
  readonly running: boolean;
  /** Nobody here pays: the invoice is shown as a QR code. */
  readonly showInvoice: boolean;
}

/** Why it came to an end. */
export type SubEnd = 'limit' | 'ended' | 'interrupted' | 'reader-gone';

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];
const RUNNING_MS = 250;
const SHOWN_SYMBOLS = 12;

/** Tells on standard error what a subscription lives through; rows it only counts. */
export class SubReport {
  readonly #options: SubReportOptions;
  readonly #counts = new Map<string, number>();
  readonly #started: number;
  #rows = 0;
  #gaps = 0;
  #paidAt: number | undefined;
  #lastRunning = 0;
  #onRunningLine = false;
  #shownQuote: string | undefined;
  #lastStatus = '';
  #lastDeclined = '';
  #balanceMsat: Msat | undefined;
  #renewals = 0;
  #snapshots = 0;
  #topUps = 0;

  constructor(options: SubReportOptions) {
    this.#options = options;
    this.#started = options.now();
  }

  /** An event; of rows, how many of them were taken. */
  event(event: SubscriberEvent, taken: number): void {
    if (event.type === 'rows') {
      this.#countRows(event.table, event.sym, event.seq, taken);
      return;
    }
    if (event.type === 'gap') this.#gaps += 1;
    if (event.type === 'paid') this.#paid(event);
    if (event.type === 'balance') this.#balanceMsat = event.balanceMsat;
    if (this.#options.json) this.#json({ event: event.type, ...withoutType(event) });
    else this.#tell(event);
  }

  /** Something beside the events. */
  note(text: string): void {
    if (this.#options.json) this.#json({ event: 'note', text });
    else this.#line(text);
  }

  /** The last word. */
  end(reason: SubEnd, spentMsat: Msat): void {
    const bySymbol = Object.fromEntries(this.#counts);
    if (this.#options.json) {
      const balance = this.#balanceMsat === undefined ? {} : { balanceMsat: this.#balanceMsat };
      const paid = { renewals: this.#renewals, topUps: this.#topUps, spentMsat, ...balance };
      this.#json({ event: 'done', reason, rows: this.#rows, bySymbol, gaps: this.#gaps, ...paid });
      return;
    }
    if (reason === 'reader-gone') return;
    const gaps = this.#gaps === 0 ? '' : `, ${this.#gaps} gaps`;
    const again = [counted(this.#renewals, 'renewal'), counted(this.#topUps, 'top-up')].filter((text) => text !== '').join(' and ');
    const left = this.#balanceMsat === undefined ? '' : `; ${inSat(this.#balanceMsat)} prepaid were left when it was told last`;
    this.#line(`${this.#summary()}${gaps}; spent ${inSat(spentMsat)} so far${again === '' ? '' : `, ${again} in this run`}${left}`);
  }

  #paid({ reason }: Extract<SubscriberEvent, { readonly type: 'paid' }>): void {
    if (reason === 'asked') this.#paidAt = this.#options.now();
    if (reason === 'renewal') this.#renewals += 1;
    if (reason === 'top-up') this.#topUps += 1;
    this.#lastDeclined = '';
  }

  #countRows(table: string, sym: string, seq: number, taken: number): void {
    if (taken === 0) return;
    if (this.#rows === 0) this.#firstTick(table, sym, seq);
    this.#rows += taken;
    this.#counts.set(sym, (this.#counts.get(sym) ?? 0) + taken);
    if (!this.#options.running) return;
    const now = this.#options.now();
    if (now - this.#lastRunning < RUNNING_MS) return;
    this.#lastRunning = now;
    this.#onRunningLine = true;
    this.#options.write(`\r\x1b[K${this.#summary()}`);
  }

  #firstTick(table: string, sym: string, seq: number): void {
    const now = this.#options.now();
    const afterMs = Math.round(now - (this.#paidAt ?? this.#started));
    if (this.#options.json)
      this.#json({ event: 'first-tick', table, sym, seq, afterMs, since: this.#paidAt === undefined ? 'start' : 'paid' });
    else
      this.#line(
        `first tick: ${table} ${shown(sym)} number ${seq}, ${afterMs} ms after ${this.#paidAt === undefined ? 'the start' : 'the payment'}`,
      );
  }

  #summary(): string {
    const most = [...this.#counts].sort(([, one], [, other]) => other - one).slice(0, SHOWN_SYMBOLS);
    const more = this.#counts.size > SHOWN_SYMBOLS ? `, ${this.#counts.size - SHOWN_SYMBOLS} more symbols` : '';
    const counts = most.map(([sym, count]) => `${shown(sym)} ${count}`).join(', ');
    return `${this.#rows} rows${counts === '' ? '' : ` (${counts}${more})`}`;
  }

  #tell(event: Exclude<SubscriberEvent, { readonly type: 'rows' }>): void {
    switch (event.type) {
      case 'status':
        // An outage of an hour is one line, not a thousand.
        if (event.detail === this.#lastStatus || event.state === 'connected' || (event.state === 'connecting' && this.#lastStatus !== ''))
          return;
        this.#lastStatus = event.detail;
        this.#line(`${event.state}: ${shown(event.detail)}`);
        return;
      case 'quote':
        this.#quote(event.quote);
        return;
      case 'paying':
        this.#line(
          `paying ${what(event.reason)}${inSat(event.amountMsat)}, at most ${inSat(event.maxFeeMsat)} of fees, payment hash ${event.paymentHash}`,
        );
        return;
      case 'paid':
        this.#line(`paid ${what(event.reason)}${inSat(event.amountMsat)}, fee ${inSat(event.feeMsat)}`);
        return;
      case 'active':
        this.#line(`active: ${event.table} ${list(event.syms)} until ${iso(event.until)}`);
        return;
      case 'resumed':
        this.#lastStatus = '';
        for (const { table, syms, until } of event.tables) this.#line(`going on: ${table} ${list(syms)} until ${iso(until)}`);
        return;
      case 'gap':
        this.#line(
          `gap: ${event.table} ${shown(event.sym)} ${event.from} to ${event.to ?? 'its end'} of epoch ${event.epoch} (${event.reason})`,
        );
        return;
      case 'snapshot':
        this.#snapshot(event);
        return;
      case 'balance':
        this.#line(`${BALANCE[event.state]}: ${inSat(event.balanceMsat)} are left for rows`);
        return;
      case 'credit':
        this.#line(creditText(event));
        return;
      case 'declined':
        this.#declined(event);
        return;
      case 'end':
        this.#line(`end of day ${shown(event.date)}`);
        return;
      case 'expired':
        this.#line(expiredText(event));
        return;
      default:
        this.#line('superseded: the subscription is live somewhere else now');
    }
  }

  #quote(quote: Extract<SubscriberEvent, { readonly type: 'quote' }>['quote']): void {
    if (this.#shownQuote === quote.quote) return;
    this.#shownQuote = quote.quote;
    const items = quote.items.map(({ table, syms, terms }) => `${table} ${list(syms)} (${termsText(terms)})`).join('; ');
    const credit = quote.creditMsat > 0n ? `, ${inSat(quote.creditMsat)} of credit taken off` : '';
    this.#line(
      `${quote.reason === 'asked' ? 'quote' : `${quote.reason} offered`}: ${items} for ${inSat(quote.amountMsat)}${credit}, lasts until ${iso(quote.until)}, to be paid by ${iso(quote.expiresAt)}`,
    );
    if (quote.reason === 'asked' || this.#options.showInvoice) this.#line(`invoice: ${shown(quote.invoice)}`);
    if (!this.#options.showInvoice) return;
    // Capitals make the code a third smaller; BOLT 11 (bech32) reads both.
    this.#line(
      `${renderUnicodeCompact(`LIGHTNING:${quote.invoice.toUpperCase()}`, { ecc: 'L', border: 2 })}\nwaiting for somebody to pay it …`,
    );
  }

  #snapshot({ table, columns, sym, seq, rows }: Extract<SubscriberEvent, { readonly type: 'snapshot' }>): void {
    this.#snapshots += 1;
    if (this.#snapshots > SHOWN_SYMBOLS) return;
    const values = columns.map(({ name }, index) => `${name} ${rows.at(-1)?.[index] ?? '-'}`).join(', ');
    this.#line(`last row so far: ${shown(`${table} ${sym} number ${seq}: ${values}`)}`);
  }

  #declined({ reason, because, amountMsat, detail }: Extract<SubscriberEvent, { readonly type: 'declined' }>): void {
    // The server offers it again whenever the last offer has run out.
    const text = `${reason} not paid (${inSat(amountMsat)}): ${shown(detail)}`;
    if (`${reason} ${because}` === this.#lastDeclined) return;
    this.#lastDeclined = `${reason} ${because}`;
    this.#line(
      `${text}; rows go on ${reason === 'renewal' ? 'until what is paid is over' : 'until the balance is used up, and then stop'}`,
    );
  }

  #line(text: string): void {
    this.#options.write(`${this.#onRunningLine ? '\r\x1b[K' : ''}${text}\n`);
    this.#onRunningLine = false;
  }

  #json(fields: Readonly<Record<string, unknown>>): void {
    this.#options.write(`${JSON.stringify(fields, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}\n`);
  }
}

function expiredText({ reason, renewing }: Extract<SubscriberEvent, { readonly type: 'expired' }>): string {
  if (reason === 'unpaid') return 'the invoice ran out unpaid: asking for a new one';
  return renewing ? 'what was paid for is over: buying again' : 'what was paid for is over; --renew buys again';
}

const BALANCE = { ok: 'balance', low: 'the balance runs low', dry: 'the balance is used up, rows have stopped' } as const;

function what(reason: QuoteReason): string {
  return reason === 'asked' ? '' : `the ${reason}, `;
}

function counted(count: number, name: string): string {
  return count === 0 ? '' : `${count} ${name}${count === 1 ? '' : 's'}`;
}

function creditText({ msat: amount, reason, outcome }: Extract<SubscriberEvent, { readonly type: 'credit' }>): string {
  const then = outcome === 'credit' ? 'it lowers the next price' : 'the seller has noted that it is to be given back';
  return `${inSat(amount)} bought nothing (${reason.replace('-', ' ')}): ${then}`;
}

function termsText(terms: Terms): string {
  if (terms.kind === 'tick') return `${inSat(msat(terms.msat))} a row, ${inSat(msat(terms.prepayMsat))} a symbol beforehand`;
  if (terms.kind === 'time') return `${inSat(msat(terms.msat))} a symbol for ${duration(terms.perMs)}`;
  return `${inSat(msat(terms.msat))} a symbol for ${terms.lastsMs === 'day' ? 'the day' : duration(terms.lastsMs)}`;
}

function duration(milliseconds: number): string {
  const [size, unit] = UNITS.find(([each]) => milliseconds >= each && milliseconds % each === 0) ?? [1, 'ms'];
  return `${milliseconds / size} ${unit}`;
}

function withoutType({ type: _, ...fields }: SubscriberEvent): Readonly<Record<string, unknown>> {
  return fields;
}

/** Control characters from a server must not reach a terminal. */
function shown(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u{fffd}');
}

function list(syms: readonly string[]): string {
  const first = syms.slice(0, SHOWN_SYMBOLS).map(shown).join(' ');
  return syms.length > SHOWN_SYMBOLS ? `${first} and ${syms.length - SHOWN_SYMBOLS} more` : first;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
