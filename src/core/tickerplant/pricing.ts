import { type Msat, msat, sumMsat } from '../lightning/amount.ts';
import { MAX_DESCRIPTION_BYTES } from '../lightning/invoice.ts';
import type { QuoteItem } from './messages.ts';
import type { TableDefinition } from './schema.ts';

/** What the items of a quote cost, and how long the grant lasts (the shortest of its tables). */
export interface Price {
  readonly amountMsat: Msat;
  readonly lastsMs: number;
}

/** Prices items: so much for each symbol of each table. */
export function priceOf(items: readonly QuoteItem[], tableOf: (name: string) => TableDefinition): Price {
  const pricings = items.map((item) => ({ pricing: tableOf(item.table).pricing, count: item.syms.length }));
  return {
    amountMsat: sumMsat(pricings.map(({ pricing, count }) => msat(pricing.msat * BigInt(count)))),
    lastsMs: Math.min(...pricings.map(({ pricing }) => pricing.lastsMs)),
  };
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
