import { z } from 'zod';
import { MAX_MSAT } from '../../core/lightning/amount.ts';
import type { Pricing } from '../../core/tickerplant/schema.ts';
import { durationSchema, parseDuration } from './duration.ts';
import { suggestion } from './suggest.ts';

const KINDS: readonly Pricing['kind'][] = ['flat', 'time', 'tick'];
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** How many rows a balance is for at first, unless it is said. */
const PREPAID_ROWS = 1_000n;

/** The KX whitepaper's price: 100 sat per symbol, for a day. */
const DEFAULT_MSAT = 100_000n;

/** A pricing as it stands in a config. Amounts are millisatoshi, times are durations, `24h`. */
export type PricingInput =
  | {
      readonly kind?: 'flat';
      readonly msat?: AmountInput;
      /** `day`: until the end of the day. */
      readonly lasts?: string;
      readonly replay?: string;
    }
  | {
      readonly kind: 'time';
      readonly msat: AmountInput;
      readonly per?: string;
      readonly renewBefore?: string;
      readonly grace?: string;
      readonly replay?: string;
    }
  | {
      readonly kind: 'tick';
      readonly msat: AmountInput;
      readonly prepay?: AmountInput;
      readonly topUpBelow?: AmountInput;
      readonly lasts?: string;
      readonly replay?: string;
    };

type AmountInput = number | string | bigint;

/** An amount in a config: a whole number, or decimal digits as text. At least 1: an invoice for nothing can't be made. */
const msatSchema = z
  .union([z.number(), z.string(), z.bigint()], 'an amount is a whole number of millisatoshi, such as 100000')
  .transform((value, context) => {
    if (/^\d{1,19}$/.test(String(value))) {
      const amount = BigInt(value);
      if (amount >= 1n && amount <= MAX_MSAT) return amount;
    }
    context.addIssue({
      code: 'custom',
      message: 'an amount is a whole number of millisatoshi from 1 to 21 million bitcoin (100 sat are 100000)',
    });
    return z.NEVER;
  });

/** A duration, or a word that stands for something else. */
function durationOr<Other>(words: string, others: (text: string) => Other | undefined): z.ZodType<number | Other, string> {
  return z.string(`a duration is text with a unit, such as 24h; or ${words}`).transform((text, context) => {
    const value = others(text) ?? parseDuration(text);
    if (value !== undefined) return value;
    context.addIssue({
      code: 'custom',
      message: `a duration is a number with a unit – ms, s, m, h, d, w – such as 24h or 1h30m; or ${words}`,
    });
    return z.NEVER;
  });
}

const durationOrNone = durationOr('0s for none', (text) => (/^0(?:ms|s|m|h)?$/.test(text) ? 0 : undefined));
const dayOrDuration = durationOr('day, until the end of the day', (text) => (text === 'day' ? ('day' as const) : undefined));
const replay = durationSchema.default(DAY_MS);

const flatSchema = z.strictObject({
  kind: z.literal('flat').optional(),
  msat: msatSchema.default(DEFAULT_MSAT),
  lasts: dayOrDuration.default(DAY_MS),
  replay,
});

const timeSchema = z
  .strictObject({
    kind: z.literal('time'),
    msat: msatSchema,
    per: durationSchema.default(HOUR_MS),
    renewBefore: durationSchema.optional(),
    grace: durationOrNone.optional(),
    replay,
  })
  .superRefine(({ per, renewBefore }, context) => {
    if (renewBefore === undefined || renewBefore < per) return;
    context.addIssue({
      code: 'custom',
      path: ['renewBefore'],
      message: 'a renewal is offered later than that: renewBefore is less than per',
    });
  });

const tickSchema = z
  .strictObject({
    kind: z.literal('tick'),
    msat: msatSchema,
    prepay: msatSchema.optional(),
    topUpBelow: msatSchema.optional(),
    lasts: durationSchema.default(30 * DAY_MS),
    replay,
  })
  .superRefine(({ msat, prepay, topUpBelow }, context) => {
    if (prepay !== undefined && prepay < msat) {
      context.addIssue({ code: 'custom', path: ['prepay'], message: 'what is paid beforehand must be enough for one row (msat)' });
    }
    if (topUpBelow !== undefined && topUpBelow >= prepaid(msat, prepay)) {
      const message = 'topUpBelow is less than prepay; else a balance needs a top-up as soon as it is paid';
      context.addIssue({ code: 'custom', path: ['topUpBelow'], message });
    }
  });

const oneSchema = z.discriminatedUnion('kind', [flatSchema, timeSchema, tickSchema], {
  error: ({ code, input }) => {
    if (code !== 'invalid_union') return undefined;
    const { kind } = input as { readonly kind?: unknown };
    return `there is no such kind of pricing; ${suggestion(typeof kind === 'string' ? kind : '', KINDS)}`;
  },
});

const manySchema = z
  .array(oneSchema)
  .min(1, 'name at least one pricing, or leave pricing out')
  .superRefine((pricings, context) => {
    pricings.forEach(({ kind = 'flat' }, index) => {
      if (pricings.findIndex((other) => (other.kind ?? 'flat') === kind) === index) return;
      context.addIssue({ code: 'custom', path: [index, 'kind'], message: `${kind} is there twice; buyers choose by the kind` });
    });
  });

/** `pricing` of a table: one, or several of different kinds to choose from, the first of which holds unless a buyer asks for another. */
export const pricingSchema: z.ZodType<Pricing | readonly [Pricing, ...Pricing[]], unknown> = z
  .union([oneSchema, manySchema])
  .transform((given) => (Array.isArray(given) ? (given.map(toPricing) as [Pricing, ...Pricing[]]) : toPricing(given)));

function toPricing(given: z.output<typeof oneSchema>): Pricing {
  const { msat, replay: replayMs } = given;
  if (given.kind === 'time') {
    const { per: perMs } = given;
    const renewBeforeMs = given.renewBefore ?? Math.min(Math.max(Math.round(perMs / 10), 10_000), Math.floor(perMs / 2));
    const graceMs = given.grace ?? Math.min(30_000, Math.floor(perMs / 10));
    return { kind: 'time', msat, perMs, renewBeforeMs, graceMs, replayMs };
  }
  if (given.kind === 'tick') {
    const prepayMsat = prepaid(msat, given.prepay);
    return { kind: 'tick', msat, prepayMsat, topUpBelowMsat: given.topUpBelow ?? prepayMsat / 5n, lastsMs: given.lasts, replayMs };
  }
  return { kind: 'flat', msat, lastsMs: given.lasts, replayMs };
}

function prepaid(msat: bigint, given: bigint | undefined): bigint {
  const most: bigint = MAX_MSAT;
  return given ?? (msat * PREPAID_ROWS < most ? msat * PREPAID_ROWS : most);
}
