import type { QuotedItem, QuoteOffer, Terms } from '../core/tickerplant/messages.ts';
import { SubscriberError } from './errors.ts';
import { inSat } from './quote-check.ts';
import type { Standing } from './standing.ts';

/** Whether an offer that nobody asked for is due; `dueAt` where only time is missing. */
export type Due = { readonly due: true } | { readonly due: false; readonly dueAt: number | undefined; readonly detail: string };

/** What is known of the purchase that an offer is to continue. */
export interface Continued {
  /** The quote that was asked for, checked and paid. */
  readonly first: QuoteOffer;
  readonly standing: Standing;
  readonly now: number;
}

const KIND_OF = { renewal: 'time', 'top-up': 'tick' } as const;

/**
 * Checks an offer that nobody asked for against the first quote, and whether what was paid is used up so far that the next may be
 * asked for: of a time at least half, of a prepaid balance so much that less than one prepayment is left. So a server that lies can't
 * take more than it could have taken in honesty.
 * @throws SubscriberError `BAD_QUOTE` where it asks for something else, or for more, than the first quote says.
 */
export function checkFollowUp(offer: QuoteOffer, continued: Continued): Due {
  const { first, standing, now } = continued;
  if (offer.reason === 'asked') throw bad('nobody asked for it');
  if (offer.subscription !== first.subscription) throw bad(`it is for the subscription ${offer.subscription}`);
  if (offer.items.length === 0) throw bad('it is for nothing');
  if (new Set(offer.items.map((item) => item.table)).size !== offer.items.length) throw bad('it names a table twice');
  let price = 0n;
  for (const item of offer.items) {
    checkItem(item, first, KIND_OF[offer.reason]);
    price += item.amountMsat;
  }
  if (offer.amountMsat > price) throw bad(`it asks for ${inSat(offer.amountMsat)}, its parts cost less`);
  for (const item of offer.items) {
    const due = item.terms.kind === 'time' ? timeDue(item, standing, now) : balanceDue(item, standing);
    if (!due.due) return due;
  }
  return { due: true };
}

function checkItem(item: QuotedItem, first: QuoteOffer, kind: Terms['kind']): void {
  const bought = first.items.find(({ table }) => table === item.table);
  if (bought === undefined) throw bad(`it is for table ${item.table}, which was not bought`);
  const other = item.syms.find((sym) => !bought.syms.includes(sym));
  if (other !== undefined) throw bad(`it has ${item.table} ${other}, which was not bought`);
  if (item.syms.length === 0 || new Set(item.syms).size !== item.syms.length)
    throw bad(`its symbols of ${item.table} are none, or not different ones`);
  if (item.terms.kind !== kind || bought.terms.kind !== kind)
    throw bad(`${item.table} was not bought so that there is anything to be paid again`);
  if (dearer(item.terms, bought.terms)) throw bad(`its terms for ${item.table} are not those of the first quote`);
  const most = (bought.terms.kind === 'tick' ? bought.terms.prepayMsat : bought.terms.msat) * BigInt(item.syms.length);
  if (item.amountMsat > most) throw bad(`it asks for more for ${item.table} than the first quote's terms say`);
}

function dearer(terms: Terms, agreed: Terms): boolean {
  if (terms.msat > agreed.msat) return true;
  if (terms.kind === 'time' && agreed.kind === 'time') return terms.perMs < agreed.perMs;
  return terms.kind === 'tick' && agreed.kind === 'tick' && terms.prepayMsat > agreed.prepayMsat;
}

function timeDue({ table, syms, terms }: QuotedItem, standing: Standing, now: number): Due {
  if (terms.kind !== 'time') return { due: true };
  const ends = syms.map((sym) => standing.paidUntil[table]?.[sym] ?? now);
  const dueAt = Math.max(...ends) - terms.perMs / 2;
  return now >= dueAt
    ? { due: true }
    : { due: false, dueAt, detail: `${table} is paid until ${new Date(Math.max(...ends)).toISOString()}` };
}

function balanceDue({ table, syms, terms }: QuotedItem, { prepaidMsat, usedMsat }: Standing): Due {
  if (terms.kind !== 'tick') return { due: true };
  const left = prepaidMsat - usedMsat;
  if (left < terms.prepayMsat * BigInt(syms.length)) return { due: true };
  return {
    due: false,
    dueAt: undefined,
    detail: `of ${inSat(prepaidMsat)} that were prepaid, rows for ${inSat(usedMsat)} of ${table} have come`,
  };
}

function bad(detail: string): SubscriberError {
  return new SubscriberError('BAD_QUOTE', `an offer that was not asked for is not paid: ${detail}`);
}
