import { z } from 'zod';
import { type Msat, parseMsat } from '../../core/lightning/amount.ts';

const NAME_LENGTH = 256;
const TOKEN_LENGTH = 8192;
const MOST_ACKNOWLEDGED = 256;

const must = (what: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'is missing' : `must be ${what}`),
});
const text = (max: number) => z.string(must('text')).min(1, 'must not be empty').max(max, `must have at most ${max} characters`);

/** A device's token. */
export const deviceToken: z.ZodType<string> = text(TOKEN_LENGTH);
/** The name of an item. */
export const itemName: z.ZodType<string> = text(NAME_LENGTH);
/** A key of the device's own. */
export const deviceKey: z.ZodType<string | undefined> = text(NAME_LENGTH).optional();
/** An amount as text, in millisatoshi. */
export const amountText: z.ZodType<Msat | undefined, string | undefined> = z
  .string(must('text of decimal digits, in millisatoshi'))
  .transform((digits, context) => {
    try {
      const amount = parseMsat(digits);
      if (amount > 0n) return amount;
    } catch {
      // Said below.
    }
    context.addIssue({ code: 'custom', message: 'must be text of decimal digits, in millisatoshi, more than 0' });
    return z.NEVER;
  })
  .optional();
/** Settlements that were done. */
export const settlementIds: z.ZodType<readonly string[]> = z
  .array(text(NAME_LENGTH), must('a list of settlements'))
  .min(1, 'must name a settlement')
  .max(MOST_ACKNOWLEDGED, `must name at most ${MOST_ACKNOWLEDGED} settlements`);
