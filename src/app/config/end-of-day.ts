import { z } from 'zod';
import { type EndOfDayTime, isTimeZone, MIDNIGHT_UTC, parseTimeOfDay } from '../../core/tickerplant/trading-calendar.ts';
import { suggest } from './suggest.ts';

/** `endOfDay:` of a config. The zone is a name of the IANA time zone database, as far as this machine's Node knows it. */
export const endOfDaySchema: z.ZodType<EndOfDayTime> = z
  .strictObject({
    at: z
      .string('a time of day in quotes, such as "17:00"')
      .refine((text) => parseTimeOfDay(text) !== undefined, 'a time of day is hours and minutes from "00:00" to "23:59", such as "17:00"')
      .default(MIDNIGHT_UTC.at),
    zone: z.string('a time zone, such as America/New_York').superRefine(checkZone).default(MIDNIGHT_UTC.zone),
  })
  .prefault({});

function checkZone(zone: string, context: z.RefinementCtx): void {
  if (isTimeZone(zone)) return;
  const near = suggest(zone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
  const fix = near === undefined ? 'names are such as UTC, America/New_York or Europe/London' : `did you mean ${near}?`;
  context.addIssue({ code: 'custom', message: `there is no such time zone; ${fix}` });
}
