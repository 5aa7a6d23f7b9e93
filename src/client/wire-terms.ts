import { z } from 'zod';
import type { Terms } from '../core/tickerplant/messages.ts';

const DAY_MS = 86_400_000;
const TOP_UP_SHARE = 5n;
const RENEW_SHARE = 10;

const amount = z
  .string()
  .regex(/^\d{1,19}$/, 'not a decimal amount of msat')
  .transform((text) => BigInt(text));
const period = z.number().int().positive();
const replayMs = z.number().nonnegative().default(DAY_MS);

/** The terms in a quote as the server states them. What is only of use to the seller may be left out. */
export const wireTerms: z.ZodType<Terms> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('flat'), msat: amount, lastsMs: z.union([period, z.literal('day')]), replayMs }),
  z
    .object({
      kind: z.literal('time'),
      msat: amount,
      perMs: period,
      graceMs: z.number().nonnegative().default(0),
      renewBeforeMs: z.number().nonnegative().optional(),
      replayMs,
    })
    .transform((terms) => ({ ...terms, renewBeforeMs: terms.renewBeforeMs ?? Math.round(terms.perMs / RENEW_SHARE) })),
  z
    .object({
      kind: z.literal('tick'),
      msat: amount,
      prepayMsat: amount,
      topUpBelowMsat: amount.optional(),
      lastsMs: period.default(30 * DAY_MS),
      replayMs,
    })
    .transform((terms) => ({ ...terms, topUpBelowMsat: terms.topUpBelowMsat ?? terms.prepayMsat / TOP_UP_SHARE })),
]);

/** The terms of a quote that states none: a price for each symbol, once, as the protocol's first version had it. */
export function unstatedTerms(amountMsat: bigint, symbols: number): Terms {
  return { kind: 'flat', msat: amountMsat / BigInt(Math.max(1, symbols)), lastsMs: DAY_MS, replayMs: DAY_MS };
}
