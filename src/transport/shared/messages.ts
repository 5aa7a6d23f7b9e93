import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer, Terms } from '../../core/tickerplant/messages.ts';
import type { Column } from '../../core/tickerplant/schema.ts';
import type { Resumed } from '../../core/tickerplant/service.ts';

/** A request's id, echoed as it was given. */
type RequestId = string | number;

/** The operations that the server sends, `upd` (see `frames.ts`) among them. */
export const SERVER_OPS = [
  'quote',
  'active',
  'upd',
  'snapshot',
  'resumed',
  'unsubscribed',
  'gap',
  'balance',
  'credit',
  'end',
  'heartbeat',
  'expired',
  'welcome',
  'invoiced',
  'settled',
  'acked',
  'superseded',
  'pong',
  'published',
  'error',
] as const;

/** A message of the server's, before it is JSON; a field that is undefined is left out. Described in docs/asyncapi.yaml. */
export interface ServerMessage {
  readonly op: (typeof SERVER_OPS)[number];
  readonly [field: string]: unknown;
}

/** The last instant that ISO 8601 text in UTC can name here (ECMA-262, 21.4.1.1). */
const LAST_TIME = 8.64e15;

/** A time of the core's (milliseconds since 1970) as ISO 8601 in UTC. What lies beyond the calendar is its last day. */
export function isoTime(time: number): string {
  return new Date(Math.min(time, LAST_TIME)).toISOString();
}

/**
 * An offer, with the id of the request that it answers. One table: exactly the protocol's fields. Several: `table` is `"*"`, `syms` all symbols, and
 * `tables` says which is whose, and at what price.
 */
export function quoteMessage(offer: QuoteOffer, id: RequestId | undefined): ServerMessage {
  const only = offer.items.length === 1 ? offer.items[0] : undefined;
  return {
    op: 'quote',
    id,
    quote: offer.quote,
    subscription: offer.subscription,
    token: offer.token,
    table: only?.table ?? '*',
    schema: only === undefined ? [] : columns(only.schema),
    syms: only?.syms ?? [...new Set(offer.items.flatMap((item) => item.syms))],
    tables: only === undefined ? offer.items.map(tablePart) : undefined,
    reason: offer.reason === 'asked' ? undefined : offer.reason,
    pricing: only === undefined ? undefined : pricingPart(only.terms),
    amountMsat: offer.amountMsat.toString(),
    creditMsat: offer.creditMsat > 0n ? offer.creditMsat.toString() : undefined,
    invoice: offer.invoice,
    paymentHash: offer.paymentHash,
    expiresAt: isoTime(offer.expiresAt),
    until: isoTime(offer.until),
    node: { id: offer.node.id, uris: offer.node.uris },
  };
}

/** A grant took effect. `id` where it is the answer to a request that had nothing left to pay. */
export function activeMessage(event: ActiveEvent, id?: RequestId): ServerMessage {
  const { subscription, quote, table, syms, epoch, next } = event;
  return { op: 'active', id, subscription, quote, table, syms, until: isoTime(event.until), epoch, next };
}

/** The subscription goes on here. */
export function resumedMessage(resumed: Resumed, id: RequestId | undefined): ServerMessage {
  const tables = resumed.tables.map(({ table, syms, until, epoch }) => ({ table, syms, until: isoTime(until), epoch }));
  return { op: 'resumed', id, subscription: resumed.subscription, tables };
}

/** Rows that won't come. */
export function gapMessage(event: GapEvent): ServerMessage {
  const { table, sym, epoch, from, to, reason } = event;
  return { op: 'gap', table, sym, epoch, from, to, reason };
}

/** What is left of a prepaid balance. */
export function balanceMessage({ subscription, balanceMsat, state }: BalanceEvent): ServerMessage {
  return { op: 'balance', subscription, msat: balanceMsat.toString(), state };
}

/** Money that bought nothing. */
export function creditMessage({ subscription, quote, msat, reason, outcome }: CreditEvent): ServerMessage {
  return { op: 'credit', subscription, quote, msat: msat.toString(), reason, outcome };
}

function tablePart({ table, schema, syms, terms, amountMsat }: QuoteOffer['items'][number]): Readonly<Record<string, unknown>> {
  return { table, schema: columns(schema), syms, pricing: pricingPart(terms), amountMsat: amountMsat.toString() };
}

/** The terms that a buyer has to know of. */
export function pricingPart(terms: Terms): Readonly<Record<string, unknown>> {
  const { kind } = terms;
  const msat = terms.msat.toString();
  if (terms.kind === 'flat') return { kind, msat, lastsMs: terms.lastsMs };
  if (terms.kind === 'time') return { kind, msat, perMs: terms.perMs, graceMs: terms.graceMs };
  return { kind, msat, prepayMsat: terms.prepayMsat.toString() };
}

/** Columns by name and type. */
export function columns(schema: readonly Column[]): readonly { readonly name: string; readonly type: string }[] {
  return schema.map(({ name, type }) => ({ name, type }));
}
