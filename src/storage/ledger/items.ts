import type { Msat } from '../../core/lightning/amount.ts';
import type { QuotedItem, Terms } from '../../core/tickerplant/messages.ts';

/** Terms as JSON has them: money is decimal text. */
type Written<T> = T extends unknown ? { readonly [Key in keyof T]: T[Key] extends bigint ? string : T[Key] } : never;
type WrittenItem = Omit<QuotedItem, 'terms' | 'amountMsat'> & { readonly terms: Written<Terms>; readonly amountMsat: string };

/** What was quoted, as JSON. */
export function formatItems(items: readonly QuotedItem[]): string {
  return JSON.stringify(items, withMoney);
}

/** Reads {@link formatItems}. @throws SyntaxError where it is none. */
export function parseItems(text: string): QuotedItem[] {
  const items = JSON.parse(text) as readonly WrittenItem[];
  return items.map((item) => ({ ...item, terms: toTerms(item.terms), amountMsat: BigInt(item.amountMsat) as Msat }));
}

/** The terms of a grant, as JSON. */
export function formatTerms(terms: Terms): string {
  return JSON.stringify(terms, withMoney);
}

/** Reads {@link formatTerms}. @throws SyntaxError where it is none. */
export function parseTerms(text: string): Terms {
  return toTerms(JSON.parse(text) as Written<Terms>);
}

function toTerms(terms: Written<Terms>): Terms {
  const msat = BigInt(terms.msat);
  if (terms.kind !== 'tick') return { ...terms, msat };
  return { ...terms, msat, prepayMsat: BigInt(terms.prepayMsat), topUpBelowMsat: BigInt(terms.topUpBelowMsat) };
}

function withMoney(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
