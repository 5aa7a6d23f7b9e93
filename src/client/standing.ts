import { type Msat, msat } from '../core/lightning/amount.ts';
import type { QuoteOffer, ResumePosition } from '../core/tickerplant/messages.ts';

/**
 * What was paid for, by the buyer's own count: renewals and top-ups are held against it, so that a server can't ask for the next
 * before the last is used up.
 */
export interface Standing {
  /** Paid beforehand for single rows, in all. */
  readonly prepaidMsat: Msat;
  /** What the rows that came cost, each counted once. */
  readonly usedMsat: Msat;
  /** Up to which numbers they are counted. */
  readonly counted: Readonly<Record<string, ResumePosition>>;
  /** Table → symbol → until when its time is paid, by this machine's clock. */
  readonly paidUntil: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Before anything was paid. */
export const NO_STANDING: Standing = { prepaidMsat: msat(0), usedMsat: msat(0), counted: {}, paidUntil: {} };

/** After an offer was paid at a time (milliseconds since 1970). A renewal in time or within the grace goes on from the end. */
export function afterPayment(standing: Standing, offer: QuoteOffer, at: number): Standing {
  let prepaid: bigint = standing.prepaidMsat;
  const paidUntil: Record<string, Readonly<Record<string, number>>> = { ...standing.paidUntil };
  for (const { table, syms, terms, amountMsat } of offer.items) {
    if (terms.kind === 'tick') prepaid += amountMsat;
    if (terms.kind !== 'time') continue;
    const before = paidUntil[table] ?? {};
    const after = syms.map((sym): [string, number] => {
      const end = before[sym];
      return [sym, (end !== undefined && end + terms.graceMs >= at ? end : at) + terms.perMs];
    });
    paidUntil[table] = { ...before, ...Object.fromEntries(after) };
  }
  return { ...standing, prepaidMsat: msat(prepaid), paidUntil };
}
