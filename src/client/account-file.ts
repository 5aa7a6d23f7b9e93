import { z } from 'zod';
import { parseMsat } from '../core/lightning/amount.ts';
import type { Account, Purchase, SubscriptionRequest } from './account.ts';
import { NO_STANDING, type Standing } from './standing.ts';
import { unstatedTerms } from './wire-terms.ts';

const amount = z.string().transform((text) => parseMsat(text));
const decimal = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform((text) => BigInt(text));
const terms = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('flat'), msat: decimal, lastsMs: z.union([z.number(), z.literal('day')]), replayMs: z.number() }),
  z.object({
    kind: z.literal('time'),
    msat: decimal,
    perMs: z.number(),
    renewBeforeMs: z.number(),
    graceMs: z.number(),
    replayMs: z.number(),
  }),
  z.object({
    kind: z.literal('tick'),
    msat: decimal,
    prepayMsat: decimal,
    topUpBelowMsat: decimal,
    lastsMs: z.number(),
    replayMs: z.number(),
  }),
]);
const column = z.object({ name: z.string(), type: z.string() });
const offer = z.object({
  quote: z.string(),
  subscription: z.string(),
  token: z.string(),
  // Accounts of earlier versions know neither terms nor parts.
  items: z.array(
    z.object({
      table: z.string(),
      syms: z.array(z.string()),
      schema: z.array(column),
      terms: terms.optional(),
      amountMsat: amount.optional(),
    }),
  ),
  reason: z.enum(['asked', 'renewal', 'top-up']).default('asked'),
  amountMsat: amount,
  creditMsat: amount.default(parseMsat('0')),
  invoice: z.string(),
  paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
  expiresAt: z.number(),
  until: z.number(),
  node: z.object({ id: z.string(), uris: z.array(z.string()) }),
});
const purchase = z.object({
  key: z.string(),
  stage: z.enum(['keyed', 'quoted', 'paying', 'paid', 'active', 'ended']),
  offer: offer.optional(),
  payer: z.object({ network: z.string(), nodeId: z.string() }).optional(),
  at: z.number().optional(),
  reservedMsat: amount,
  paidMsat: amount,
});
const standing = z.object({
  prepaidMsat: amount,
  usedMsat: amount,
  counted: z.record(z.string(), z.object({ epoch: z.number(), seqs: z.record(z.string(), z.number()) })),
  paidUntil: z.record(z.string(), z.record(z.string(), z.number())),
});
const account = z.object({
  version: z.literal(1),
  request: z.object({
    url: z.string(),
    table: z.string(),
    syms: z.union([z.literal('*'), z.array(z.string())]),
    pricing: z.enum(['flat', 'time', 'tick']).optional(),
  }),
  spentMsat: amount,
  purchase: purchase.optional(),
  followUps: z.array(purchase).default([]),
  standing: standing.optional(),
  past: z.array(purchase),
});

/** The account as text, amounts as decimal strings of msat. Holds the token: for the state's own file only. */
export function writeAccount(value: Account): string {
  return `${JSON.stringify({ version: 1, ...value }, (_key, part) => (typeof part === 'bigint' ? String(part) : part), 2)}\n`;
}

/** Reads what {@link writeAccount} wrote. @throws Error when it is anything else. */
export function readAccount(text: string): Account {
  const value = account.parse(JSON.parse(text));
  const current = value.purchase === undefined ? undefined : complete(value.purchase);
  return {
    request: requestOf(value.request),
    spentMsat: value.spentMsat,
    followUps: value.followUps.map(complete),
    standing: (value.standing as Standing | undefined) ?? NO_STANDING,
    past: value.past.map(complete),
    ...(current === undefined ? {} : { purchase: current }),
  };
}

function requestOf({ pricing, ...request }: z.output<typeof account>['request']): SubscriptionRequest {
  return pricing === undefined ? request : { ...request, pricing };
}

function complete(value: z.output<typeof purchase>): Purchase {
  if (value.offer === undefined) {
    if (value.stage !== 'keyed') throw new Error(`a purchase that is ${value.stage} has no offer`);
    return value as unknown as Purchase;
  }
  const { amountMsat, creditMsat } = value.offer;
  const items = value.offer.items.map((item) => ({
    ...item,
    amountMsat: item.amountMsat ?? amountMsat + creditMsat,
    terms: item.terms ?? unstatedTerms(amountMsat, item.syms.length),
  }));
  // Branded texts and column types were checked when the offer came in.
  return { ...value, offer: { ...value.offer, items } } as unknown as Purchase;
}
