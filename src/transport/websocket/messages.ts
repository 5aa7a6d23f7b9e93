import type { ActiveEvent, GapEvent, QuoteOffer } from '../../core/tickerplant/messages.ts';
import type { Resumed } from '../../core/tickerplant/service.ts';
import type { RequestId } from './requests.ts';

/** The operations that the server sends, `upd` (see `frames.ts`) among them. */
export const SERVER_OPS = [
  'quote',
  'active',
  'upd',
  'resumed',
  'unsubscribed',
  'gap',
  'end',
  'heartbeat',
  'expired',
  'superseded',
  'pong',
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

/** An offer. One table: exactly the protocol's fields. Several: `table` is `"*"`, `syms` all symbols, and `tables` says which is whose. */
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

function columns(schema: QuoteOffer['items'][number]['schema']): readonly { readonly name: string; readonly type: string }[] {
  return schema.map(({ name, type }) => ({ name, type }));
}
