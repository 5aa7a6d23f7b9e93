import { type Msat, msat } from '../core/lightning/amount.ts';
import type { NodeIdentity } from '../core/lightning/backend.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Pricing } from '../core/tickerplant/schema.ts';
import { NO_STANDING, type Standing } from './standing.ts';

/** What is subscribed to, and where. */
export interface SubscriptionRequest {
  readonly url: string;
  readonly table: string;
  readonly syms: readonly string[] | '*';
  /** Which kind of pricing was asked for; undefined: the table's first. */
  readonly pricing?: Pricing['kind'];
}

/**
 * How far a purchase is, each stage durable before the next begins. `keyed` the idempotency key is stored, the server may
 * know it · `quoted` offer and token are stored, nothing was paid · `paying` the wallet may have been told to pay ·
 * `paid` it is known to be settled · `active` the server has delivered on it · `ended` what it bought is over.
 */
export type PurchaseStage = 'keyed' | 'quoted' | 'paying' | 'paid' | 'active' | 'ended';

/** One purchase: its key, the offer, and what is set aside for it while its payment is in flight. */
export interface Purchase {
  /** Empty for a renewal or a top-up: the server offers it by itself. */
  readonly key: string;
  readonly stage: PurchaseStage;
  readonly offer?: QuoteOffer;
  /** Which node was told to pay: no other may be asked how it went. */
  readonly payer?: NodeIdentity;
  /** When the wallet was first told to pay; once it is paid, when that was. By this machine's clock. */
  readonly at?: number;
  /** Amount and fee cap, counted against the budget until the outcome is known. */
  readonly reservedMsat: Msat;
  /** What was really paid, fee included; 0 where somebody else paid. */
  readonly paidMsat: Msat;
}

/** What a subscriber must not forget: what it asked for, what it has spent, and the purchases it is in. */
export interface Account {
  readonly request: SubscriptionRequest;
  /** Settled payments and their fees, of all purchases. */
  readonly spentMsat: Msat;
  readonly purchase?: Purchase;
  /** Renewals and top-ups of that purchase that are not done with: a payment may be in flight. */
  readonly followUps: readonly Purchase[];
  /** What the present purchase has paid for, by our own count. */
  readonly standing: Standing;
  /** Purchases that are over, paid or not, oldest first; of many, the last ones. */
  readonly past: readonly Purchase[];
}

/** Renewals can go on for years; what they cost stands in `spentMsat`. */
const PAST_KEPT = 100;

/** An account on its first day. */
export function newAccount(request: SubscriptionRequest): Account {
  return { request, spentMsat: msat(0), followUps: [], standing: NO_STANDING, past: [] };
}

/** Whether nothing is lost with an account: no offer was ever stored, so nothing can have been paid. */
export function isBlank(account: Account): boolean {
  return account.spentMsat === 0n && account.past.length === 0 && account.purchase?.offer === undefined;
}

/** Whether an account belongs to a request: same server, same table, same symbols in any order, same kind of pricing. */
export function sameRequest(one: SubscriptionRequest, other: SubscriptionRequest): boolean {
  const syms = (request: SubscriptionRequest): string => (request.syms === '*' ? '*' : JSON.stringify([...request.syms].sort()));
  return one.url === other.url && one.table === other.table && one.pricing === other.pricing && syms(one) === syms(other);
}

/** What may still be spent of a budget, what is in flight taken as spent. Never negative. */
export function budgetLeft(account: Account, budgetMsat: Msat): Msat {
  let left = budgetMsat - account.spentMsat - (account.purchase?.reservedMsat ?? 0n);
  for (const followUp of account.followUps) left -= followUp.reservedMsat;
  return msat(left > 0n ? left : 0n);
}

/** The purchase with a quote's number that is being worked on: the present one, or a renewal or top-up of it. */
export function purchaseOf(account: Account, quote: string): Purchase | undefined {
  if (account.purchase?.offer?.quote === quote) return account.purchase;
  return account.followUps.find((followUp) => followUp.offer?.quote === quote);
}

/** The account with that purchase changed. */
export function withPurchase(account: Account, quote: string, changed: Purchase): Account {
  if (account.purchase?.offer?.quote === quote) return { ...account, purchase: changed };
  return { ...account, followUps: account.followUps.map((each) => (each.offer?.quote === quote ? changed : each)) };
}

/** What is over, with more of it. */
export function withPast(past: readonly Purchase[], ...more: readonly Purchase[]): readonly Purchase[] {
  return [...past, ...more].slice(-PAST_KEPT);
}
