import { type Msat, msat } from '../core/lightning/amount.ts';
import type { LightningBackend } from '../core/lightning/backend.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import { type Account, budgetLeft } from './account.ts';
import { SubscriberError } from './errors.ts';

/** The node that pays, as much of it as a subscriber needs. */
export type Payer = Pick<LightningBackend, 'payments' | 'node'>;

/** What may be spent. */
export interface Spending {
  /** All that may ever be spent with this state, fees included. */
  readonly budgetMsat: Msat;
  /** The most that one payment's routing may cost; left out: a hundredth of the amount, at least 10 sat, as far as the budget has it. */
  readonly maxFeeMsat?: Msat;
}

const DEFAULT_FEE_SHARE = 100n;
const LEAST_INVOICE = 1_000n;
const DEFAULT_FEE_FLOOR = 10_000n;

/** Checks that an offer is what was asked for. @throws SubscriberError `BAD_QUOTE` naming what differs. */
export function checkOffer(offer: QuoteOffer, asked: Account['request']): void {
  const tables = offer.items.map((item) => item.table);
  checkTerms(offer, asked);
  if (asked.table !== '*' && (tables.length !== 1 || tables[0] !== asked.table)) {
    throw new SubscriberError('BAD_QUOTE', `asked for table ${asked.table}, the quote is for ${tables.join(', ') || 'none'}`);
  }
  if (asked.syms === '*') return;
  const wanted = new Set(asked.syms);
  for (const { table, syms } of offer.items) {
    const extra = [...new Set(syms)].filter((sym) => !wanted.has(sym));
    if (extra.length > 0) throw new SubscriberError('BAD_QUOTE', `the quote for ${table} has ${extra.join(', ')}, which nobody asked for`);
  }
  // Of every table: not each of them has each symbol.
  const quoted = new Set(offer.items.flatMap((item) => item.syms));
  const missing = [...wanted].filter((sym) => !quoted.has(sym));
  if (missing.length > 0) throw new SubscriberError('BAD_QUOTE', `the quote for ${tables.join(', ')} leaves out ${missing.join(', ')}`);
}

/** Checks that the terms are of the kind that was asked for, and that the price is what they say. */
function checkTerms(offer: QuoteOffer, asked: Account['request']): void {
  let price = 0n;
  for (const { table, syms, terms, amountMsat } of offer.items) {
    const other = asked.pricing !== undefined && terms.kind !== asked.pricing;
    if (other) throw new SubscriberError('BAD_QUOTE', `asked for ${table} with ${asked.pricing} pricing, the quote has ${terms.kind}`);
    const most = (terms.kind === 'tick' ? terms.prepayMsat : terms.msat) * BigInt(new Set(syms).size);
    if (terms.kind !== 'flat' && amountMsat > most) {
      throw new SubscriberError(
        'BAD_QUOTE',
        `the quote asks for ${inSat(amountMsat)} for ${table}, by its terms it is ${inSat(msat(most))}`,
      );
    }
    // What is stored under such a name would be lost, and with it the count of what was paid.
    if (table === '__proto__' || syms.includes('__proto__'))
      throw new SubscriberError('BAD_QUOTE', 'the quote has a name that no table has');
    price += amountMsat;
  }
  if (offer.amountMsat + offer.creditMsat !== price) {
    throw new SubscriberError('BAD_QUOTE', `the quote asks for ${inSat(offer.amountMsat)}, its parts cost ${inSat(msat(price))}`);
  }
}

/**
 * Checks that money which bought nothing lowers an offer, as far as an invoice of 1 sat is left.
 * @throws SubscriberError `BAD_QUOTE`.
 */
export function checkCredit(offer: QuoteOffer, owed: Msat): void {
  const price = offer.amountMsat + offer.creditMsat;
  const most = price - owed > LEAST_INVOICE ? price - owed : LEAST_INVOICE;
  if (offer.amountMsat <= most || offer.amountMsat <= LEAST_INVOICE) return;
  throw new SubscriberError(
    'BAD_QUOTE',
    `${inSat(owed)} were set aside for the next quote, which still asks for ${inSat(offer.amountMsat)}`,
  );
}

/** Checks that an offer that has just been made can still be paid. @throws SubscriberError `BAD_QUOTE`. */
export function checkNotExpired(offer: QuoteOffer, now: number): void {
  if (offer.expiresAt > now) return;
  throw new SubscriberError('BAD_QUOTE', `the quote expired at ${new Date(offer.expiresAt).toISOString()}: is this machine's clock right?`);
}

/**
 * Checks that an offer's invoice can be read, is for this network, and says what the offer says.
 * @throws SubscriberError `BAD_QUOTE`; LightningError where the node can't be asked.
 */
export async function checkInvoice(offer: QuoteOffer, payer: Payer, now: number, signal: AbortSignal): Promise<void> {
  const bad = (message: string): SubscriberError => new SubscriberError('BAD_QUOTE', message);
  const decoded = await payer.payments.decode(offer.invoice, { signal });
  const { network } = await payer.node.identity({ signal });
  if (decoded.paymentHash !== offer.paymentHash)
    throw bad(`the invoice is for payment hash ${decoded.paymentHash}, the quote says ${offer.paymentHash}`);
  if (decoded.amountMsat !== offer.amountMsat) {
    throw bad(`the invoice asks for ${decoded.amountMsat ?? 'any number of'} msat, the quote says ${offer.amountMsat} msat`);
  }
  if (decoded.network !== network) throw bad(`the invoice is for ${decoded.network}, the wallet is on ${network}`);
  if (Math.min(decoded.expiresAt, offer.expiresAt) <= now) {
    throw bad(`the invoice expired at ${new Date(decoded.expiresAt).toISOString()}: is this machine's clock right?`);
  }
}

/**
 * The fee cap for an offer, with amount and cap known to fit in the budget.
 * @throws SubscriberError `BUDGET`.
 */
export function feeCap(offer: QuoteOffer, account: Account, spending: Spending): Msat {
  const left = budgetLeft(account, spending.budgetMsat);
  const amount = offer.amountMsat;
  if (amount > left) throw overBudget(`it costs ${inSat(amount)}, ${inSat(left)} of the budget are left`);
  if (spending.maxFeeMsat === undefined) {
    const usual = usualFeeCap(amount);
    return amount + usual <= left ? usual : msat(left - amount);
  }
  if (amount + spending.maxFeeMsat > left) {
    throw overBudget(`it costs ${inSat(amount)} and up to ${inSat(spending.maxFeeMsat)} of fees, ${inSat(left)} of the budget are left`);
  }
  return spending.maxFeeMsat;
}

/** The fee cap where none is given: a hundredth of the amount, at least 10 sat. */
export function usualFeeCap(amount: Msat): Msat {
  const share = amount / DEFAULT_FEE_SHARE;
  return msat(share > DEFAULT_FEE_FLOOR ? share : DEFAULT_FEE_FLOOR);
}

function overBudget(detail: string): SubscriberError {
  return new SubscriberError('BUDGET', `over the budget, nothing was paid: ${detail}`);
}

/** An amount for people: whole satoshi, with the fraction where there is one. */
export function inSat(amount: Msat): string {
  const rest = amount % 1000n;
  return `${amount / 1000n}${rest === 0n ? '' : `.${String(rest).padStart(3, '0').replace(/0+$/, '')}`} sat`;
}
