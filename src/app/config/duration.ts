import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g;

/** Milliseconds of `24h`, `90m`, `1h30m`, `500ms`, `7d`, `2w`; undefined where it is no such text or not a positive, whole number of them. */
export function parseDuration(text: string): number | undefined {
  const compact = text.replace(/\s+/g, '');
  if (!DURATION.test(compact)) return undefined;
  let total = 0;
  for (const [, amount, unit] of compact.matchAll(PART)) total += Number(amount) * (UNIT_MS[unit as string] as number);
  const ms = Math.round(total);
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
}

/** A duration in a config: text with a unit, to milliseconds. A bare number has no unit and is refused. */
export const durationSchema: z.ZodType<number, string> = z
  .string('a duration is text with a unit, such as 24h')
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: 'a duration is a number with a unit – ms, s, m, h, d, w – such as 24h or 1h30m' });
    return z.NEVER;
  });
