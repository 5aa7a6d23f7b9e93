import type { ActiveEvent, GapEvent, QuoteOffer } from '../../core/tickerplant/messages.ts';
import type { Column, TableDefinition } from '../../core/tickerplant/schema.ts';
import type { Resumed } from '../../core/tickerplant/service.ts';
import type { QuoteStatus } from '../../core/tickerplant/token-access.ts';

/** A message in the words of the WebSocket protocol, before it is JSON; a field that is undefined is left out. */
export interface Message {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** An offer, or a quote as it stands. */
export interface QuoteMessage extends Message {
  readonly op: 'quote';
  readonly quote: string;
  readonly token: string;
  readonly invoice: string;
}

const LAST_TIME = 8.64e15;

/** A time of the core's (milliseconds since 1970) as ISO 8601 in UTC. What lies beyond the calendar is its last day. */
export function isoTime(time: number): string {
  return new Date(Math.min(time, LAST_TIME)).toISOString();
}

/** An offer. One table: `table`, `schema`, `syms`. Several: `table` is `"*"`, `syms` all symbols, and `tables` says which is whose. */
export function quoteMessage(offer: QuoteOffer): QuoteMessage {
  const only = offer.items.length === 1 ? offer.items[0] : undefined;
  return {
    op: 'quote',
    quote: offer.quote,
    subscription: offer.subscription,
    token: offer.token,
    table: only?.table ?? '*',
    schema: only === undefined ? [] : columns(only.schema),
    syms: only?.syms ?? [...new Set(offer.items.flatMap((item) => item.syms))],
    tables:
      only === undefined ? offer.items.map((item) => ({ table: item.table, schema: columns(item.schema), syms: item.syms })) : undefined,
    amountMsat: offer.amountMsat.toString(),
    invoice: offer.invoice,
    paymentHash: offer.paymentHash,
    expiresAt: isoTime(offer.expiresAt),
    until: isoTime(offer.until),
    node: { id: offer.node.id, uris: offer.node.uris },
  };
}

/** A quote as it stands now, `state` with it. */
export function quoteStatusMessage(status: QuoteStatus): QuoteMessage {
  const { quote, subscription, token, items, amountMsat, invoice, paymentHash, expiresAt, state } = status;
  const only = items.length === 1 ? items[0] : undefined;
  return {
    op: 'quote',
    quote,
    subscription,
    token,
    state,
    table: only?.table ?? '*',
    syms: only?.syms ?? [...new Set(items.flatMap((item) => item.syms))],
    tables: only === undefined ? items.map(({ table, syms }) => ({ table, syms })) : undefined,
    amountMsat: amountMsat.toString(),
    invoice,
    paymentHash,
    expiresAt: isoTime(expiresAt),
  };
}

/** A grant took effect, or is there already. */
export function activeMessage(event: ActiveEvent): Message {
  const { subscription, quote, table, syms, epoch, next } = event;
  return { op: 'active', subscription, quote, table, syms, until: isoTime(event.until), epoch, next };
}

/** The subscription goes on on this stream. */
export function resumedMessage(resumed: Resumed): Message {
  const tables = resumed.tables.map(({ table, syms, until, epoch }) => ({ table, syms, until: isoTime(until), epoch }));
  return { op: 'resumed', subscription: resumed.subscription, tables };
}

/** Rows that won't come. */
export function gapMessage(event: GapEvent): Message {
  const { table, sym, epoch, from, to, reason } = event;
  return { op: 'gap', table, sym, epoch, from, to, reason };
}

/** A table on sale. */
export function tableMessage(table: TableDefinition, syms: readonly string[]): Readonly<Record<string, unknown>> {
  const pricings = [table.pricing].flat();
  return { table: table.name, schema: columns(table.columns), syms, pricing: pricings.map(plain) };
}

/** Amounts are decimal strings of millisatoshi. */
function plain(fields: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]));
}

function columns(schema: readonly Column[]): readonly Column[] {
  return schema.map(({ name, type }) => ({ name, type }));
}
