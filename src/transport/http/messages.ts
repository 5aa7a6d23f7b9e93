import { pricingsOf } from '../../core/tickerplant/pricing.ts';
import type { TableDefinition } from '../../core/tickerplant/schema.ts';
import type { QuoteStatus } from '../../core/tickerplant/token-access.ts';
import { columns, isoTime, pricingPart } from '../shared/messages.ts';

/** A message in the words of the WebSocket protocol, before it is JSON; a field that is undefined is left out. */
export interface Message {
  readonly op: string;
  readonly [field: string]: unknown;
}

/** A quote as it stands now, `state` with it. */
export function quoteStatusMessage(status: QuoteStatus): Message {
  const { items, reason } = status;
  const only = items.length === 1 ? items[0] : undefined;
  return {
    op: 'quote',
    quote: status.quote,
    subscription: status.subscription,
    token: status.token,
    state: status.state,
    table: only?.table ?? '*',
    syms: only?.syms ?? [...new Set(items.flatMap((item) => item.syms))],
    tables: only === undefined ? items.map(({ table, syms, terms }) => ({ table, syms, pricing: pricingPart(terms) })) : undefined,
    reason: reason === 'asked' ? undefined : reason,
    pricing: only === undefined ? undefined : pricingPart(only.terms),
    amountMsat: status.amountMsat.toString(),
    creditMsat: status.creditMsat > 0n ? status.creditMsat.toString() : undefined,
    invoice: status.invoice,
    paymentHash: status.paymentHash,
    expiresAt: isoTime(status.expiresAt),
  };
}

/** A table on sale; its pricings, the one that holds unless another is asked for first. */
export function tableMessage(table: TableDefinition, syms: readonly string[]): Readonly<Record<string, unknown>> {
  return { table: table.name, schema: columns(table.columns), syms, pricing: pricingsOf(table).map(pricingPart) };
}
