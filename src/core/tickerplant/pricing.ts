import { type Msat, msat } from '../lightning/amount.ts';
import { MAX_DESCRIPTION_BYTES } from '../lightning/invoice.ts';
import type { Grant } from '../ports/ledger.ts';
import { endsAt } from './entitlement.ts';
import { TickerplantError } from './errors.ts';
import type { QuotedItem, QuoteItem, Terms } from './messages.ts';
import type { Pricing, TableDefinition } from './schema.ts';

/** What credit leaves of a price at least: an invoice has to ask for something, and nodes round less than this. */
const LEAST_INVOICE_MSAT = 1000n;

/** A table's pricings, the one that holds unless another is asked for first. */
export function pricingsOf({ pricing }: Pick<TableDefinition, 'pricing'>): readonly [Pricing, ...Pricing[]] {
  return 'kind' in pricing ? [pricing] : pricing;
}

/** A table's pricing of a kind, or its first; undefined where it has none of that kind. */
export function pricingOf(table: Pick<TableDefinition, 'pricing'>, kind: Pricing['kind'] | undefined): Pricing | undefined {
  const pricings = pricingsOf(table);
  return kind === undefined ? pricings[0] : pricings.find((pricing) => pricing.kind === kind);
}

/** What one symbol costs with a quote: what is paid at once, be it for rows, for a time, or into a balance. */
export function pricePerSymbol(terms: Terms): bigint {
  return terms.kind === 'tick' ? terms.prepayMsat : terms.msat;
}

/**
 * Prices items: each by its own table's pricing of that kind (its first unless given), so much for each symbol.
 * @throws TickerplantError `BAD_REQUEST` naming the kinds that a table has; `UNKNOWN_TABLE`.
 */
export function priced(
  items: readonly QuoteItem[],
  tableOf: (name: string) => TableDefinition,
  kind: Pricing['kind'] | undefined,
): readonly QuotedItem[] {
  return items.map(({ table, syms }) => {
    const definition = tableOf(table);
    const terms = pricingOf(definition, kind);
    if (terms === undefined) {
      const kinds = pricingsOf(definition).map((pricing) => pricing.kind);
      throw new TickerplantError('BAD_REQUEST', `table ${table} is not sold by ${kind}; its pricing is ${kinds.join(' or ')}`);
    }
    return { table, syms, terms, amountMsat: msat(pricePerSymbol(terms) * BigInt(syms.length)) };
  });
}

/** How much of a credit lowers a price: all of it, but something is left to ask for. */
export function creditFor(price: Msat, credit: Msat): Msat {
  const atMost = price - (price < LEAST_INVOICE_MSAT ? price : LEAST_INVOICE_MSAT);
  return msat(credit < atMost ? credit : atMost);
}

/**
 * What something sold for a time goes on from, per symbol: the end that is paid already, where that is to come or not longer ago than
 * its grace (paying early loses nothing, and grace is paid for); else now.
 */
export function paidFrom(grants: readonly Grant[], table: string, sym: string, now: number): number {
  let from: number | undefined;
  for (const grant of grants) {
    if (grant.terms.kind !== 'time' || grant.table !== table || !grant.syms.includes(sym) || endsAt(grant) < now) continue;
    from = from === undefined ? grant.until : Math.max(from, grant.until);
  }
  return from ?? now;
}

/** Until when an item is granted at least if it is paid now, milliseconds since 1970. `dayEnds`: when the day ends that it is. */
export function grantedUntil(item: QuotedItem, grants: readonly Grant[], now: number, dayEnds: number): number {
  const { terms, table, syms } = item;
  if (terms.kind !== 'time') return terms.lastsMs === 'day' ? dayEnds : now + terms.lastsMs;
  return terms.perMs + syms.reduce((least, sym) => Math.min(least, paidFrom(grants, table, sym, now)), Number.POSITIVE_INFINITY);
}

/** The invoice's description, as the KX whitepaper has it: `Invoice:trade| AAPL GOOGL`; cut to what BOLT 11 can hold. */
export function memoOf(items: readonly QuoteItem[]): string {
  const memo = `Invoice:${items.map((item) => `${item.table}| ${item.syms.join(' ')}`).join('; ')}`;
  if (Buffer.byteLength(memo) <= MAX_DESCRIPTION_BYTES) return memo;
  const count = items.reduce((sum, item) => sum + item.syms.length, 0);
  const ending = `… (${count} symbols)`;
  const room = MAX_DESCRIPTION_BYTES - Buffer.byteLength(ending);
  // Cut between characters: a UTF-8 continuation byte is 10xxxxxx.
  const bytes = Buffer.from(memo);
  let end = room;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString() + ending;
}
