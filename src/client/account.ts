import { z } from 'zod';
import { type Msat, msat, parseMsat } from '../core/lightning/amount.ts';
import type { NodeIdentity } from '../core/lightning/backend.ts';
import type { QuoteOffer } from '../core/tickerplant/messages.ts';

/** What is subscribed to, and where. */
export interface SubscriptionRequest {
  readonly url: string;
  readonly table: string;
  readonly syms: readonly string[] | '*';
}

/**
 * How far a purchase is, each stage durable before the next begins. `keyed` the idempotency key is stored, the server may
 * know it · `quoted` offer and token are stored, nothing was paid · `paying` the wallet may have been told to pay ·
 * `paid` it is known to be settled · `active` the server has delivered on it · `ended` what it bought is over.
 */
export type PurchaseStage = 'keyed' | 'quoted' | 'paying' | 'paid' | 'active' | 'ended';

/** One purchase: its key, the offer, and what is set aside for it while its payment is in flight. */
export interface Purchase {
  readonly key: string;
  readonly stage: PurchaseStage;
  readonly offer?: QuoteOffer;
  /** Which node was told to pay: no other may be asked how it went. */
  readonly payer?: NodeIdentity;
  /** Amount and fee cap, counted against the budget until the outcome is known. */
  readonly reservedMsat: Msat;
  /** What was really paid, fee included; 0 where somebody else paid. */
  readonly paidMsat: Msat;
}

/** What a subscriber must not forget: what it asked for, what it has spent, and the purchase it is in. */
export interface Account {
  readonly request: SubscriptionRequest;
  /** Settled payments and their fees, of all purchases. */
  readonly spentMsat: Msat;
  readonly purchase?: Purchase;
  /** Purchases that are over, paid or not, oldest first. */
  readonly past: readonly Purchase[];
}

/** An account on its first day. */
export function newAccount(request: SubscriptionRequest): Account {
  return { request, spentMsat: msat(0), past: [] };
}

/** Whether nothing is lost with an account: no offer was ever stored, so nothing can have been paid. */
export function isBlank(account: Account): boolean {
  return account.spentMsat === 0n && account.past.length === 0 && account.purchase?.offer === undefined;
}

/** Whether an account belongs to a request: same server, same table, same symbols in any order. */
export function sameRequest(one: SubscriptionRequest, other: SubscriptionRequest): boolean {
  const syms = (request: SubscriptionRequest): string => (request.syms === '*' ? '*' : JSON.stringify([...request.syms].sort()));
  return one.url === other.url && one.table === other.table && syms(one) === syms(other);
}

/** What may still be spent of a budget, what is in flight taken as spent. Never negative. */
export function budgetLeft(account: Account, budgetMsat: Msat): Msat {
  const left = budgetMsat - account.spentMsat - (account.purchase?.reservedMsat ?? 0n);
  return msat(left > 0n ? left : 0n);
}

const amount = z.string().transform((text) => parseMsat(text));
const column = z.object({ name: z.string(), type: z.string() });
const offer = z.object({
  quote: z.string(),
  subscription: z.string(),
  token: z.string(),
  items: z.array(z.object({ table: z.string(), syms: z.array(z.string()), schema: z.array(column) })),
  amountMsat: amount,
  invoice: z.string(),
  paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
  expiresAt: z.number(),
  until: z.number(),
  node: z.object({ id: z.string(), uris: z.array(z.string()) }),
});
const purchase = z.object({
  key: z.string().min(16),
  stage: z.enum(['keyed', 'quoted', 'paying', 'paid', 'active', 'ended']),
  offer: offer.optional(),
  payer: z.object({ network: z.string(), nodeId: z.string() }).optional(),
  reservedMsat: amount,
  paidMsat: amount,
});
const account = z.object({
  version: z.literal(1),
  request: z.object({ url: z.string(), table: z.string(), syms: z.union([z.literal('*'), z.array(z.string())]) }),
  spentMsat: amount,
  purchase: purchase.optional(),
  past: z.array(purchase),
});

/** The account as text, amounts as decimal strings of msat. Holds the token: for the state's own file only. */
export function writeAccount(value: Account): string {
  return `${JSON.stringify({ version: 1, ...value }, (_key, part) => (typeof part === 'bigint' ? String(part) : part), 2)}\n`;
}

/** Reads what {@link writeAccount} wrote. @throws Error when it is anything else. */
export function readAccount(text: string): Account {
  const { version: _, ...value } = account.parse(JSON.parse(text));
  const past = value.past.map(complete);
  const current = value.purchase === undefined ? undefined : complete(value.purchase);
  return { request: value.request, spentMsat: value.spentMsat, past, ...(current === undefined ? {} : { purchase: current }) };
}

function complete(value: z.output<typeof purchase>): Purchase {
  if (value.stage !== 'keyed' && value.offer === undefined) throw new Error(`a purchase that is ${value.stage} has no offer`);
  // Branded texts and column types were checked when the offer came in.
  return value as unknown as Purchase;
}
