/** When the day ends: a time of day (`17:00`) on the clocks of a zone (`America/New_York`, a name of the IANA time zone database). */
export interface EndOfDayTime {
  readonly at: string;
  readonly zone: string;
}

/** The end of one trading day. */
export interface DayEnd {
  /** The trading date that ends, `2026-11-20`. */
  readonly date: string;
  /** The instant, milliseconds since 1970. */
  readonly at: number;
}

/** Which days end when. */
export interface TradingCalendar {
  /** The last end at or before a time. */
  lastEnd(now: number): DayEnd;
  /** The first end after a time. */
  nextEnd(now: number): DayEnd;
}

/** Midnight UTC, as kdb+'s tickerplant has it. */
export const MIDNIGHT_UTC: EndOfDayTime = Object.freeze({ at: '00:00', zone: 'UTC' });

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No zone was ever further from UTC than this (Manila before 1845: 15 h 56 min). */
const FURTHEST_OFFSET_MS = 16 * HOUR_MS;
/** No zone changes twice within this. */
const STEP_MS = 6 * HOUR_MS;
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Minutes since midnight of `17:00`; undefined where it is no such text. */
export function parseTimeOfDay(text: string): number | undefined {
  const match = TIME_OF_DAY.exec(text);
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2]);
}

/** Whether a name is one of a time zone that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * The ends of days at a time of day in a zone. A day ends at the first instant at which the zone's clocks show its time or a later one:
 * a time that a day leaves out (clocks go forward) is the first instant after the hole, and one that it has twice (clocks go back) is the
 * first of the two. A date that a zone leaves out altogether (Samoa, 2011-12-30) does not end. At `00:00` it is the day before that
 * ends, at any other time the date on which that time falls.
 * @throws RangeError for a time or zone that is none.
 */
export function tradingCalendar({ at, zone }: EndOfDayTime): TradingCalendar {
  const minutes = parseTimeOfDay(at);
  if (minutes === undefined) throw new RangeError(`not a time of day: ${JSON.stringify(at)}; write 17:00`);
  const wallClock = wallClockOf(zone);
  const endOf = (day: number): DayEnd | undefined => {
    const midnight = firstInstant(wallClock, day * DAY_MS);
    if (dayOf(wallClock(midnight)) !== day) return undefined;
    if (minutes === 0) return { date: dateOf(dayOf(wallClock(midnight - 1))), at: midnight };
    return { date: dateOf(day), at: firstInstant(wallClock, day * DAY_MS + minutes * 60_000) };
  };
  let known: readonly DayEnd[] = [];
  /** The ends around a time, in order. A name for "around" that holds for hours, so that asking every minute costs nothing. */
  const around = (now: number): readonly DayEnd[] => {
    const isInside = known.length >= 2 && (known[0]?.at ?? 0) <= now && now < (known.at(-1)?.at ?? 0);
    if (!isInside) {
      const today = dayOf(wallClock(now));
      known = [-3, -2, -1, 0, 1, 2, 3].map((days) => endOf(today + days)).filter((end) => end !== undefined);
    }
    return known;
  };
  const found = (end: DayEnd | undefined): DayEnd => {
    if (end === undefined) throw new RangeError('no end of day within three days');
    return end;
  };
  return {
    lastEnd: (now) => found(around(now).findLast((end) => end.at <= now)),
    nextEnd: (now) => found(around(now).find((end) => end.at > now)),
  };
}

/** What a zone's clocks show at an instant, as if it were UTC: milliseconds since 1970. */
type WallClock = (at: number) => number;

function wallClockOf(zone: string): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const whole = Math.floor(at / 1000) * 1000;
    const shown = Object.fromEntries(format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (at - whole);
  };
}

/** The first instant at which the clocks show `wanted` or later. */
function firstInstant(wallClock: WallClock, wanted: number): number {
  const end = wanted + FURTHEST_OFFSET_MS;
  for (let from = wanted - FURTHEST_OFFSET_MS; from < end; from += STEP_MS) {
    const to = from + STEP_MS;
    const offset = wallClock(from) - from;
    const change = wallClock(to) - to === offset ? to : changeBetween(wallClock, from, to, offset);
    const candidate = Math.max(from, wanted - offset);
    if (candidate < change) return candidate;
    if (change < to && wallClock(change) >= wanted) return change;
    if (change < to) {
      const after = wanted - (wallClock(change) - change);
      if (after < to) return after;
    }
  }
  return end;
}

/** The instant of a change of the offset between two others. */
function changeBetween(wallClock: WallClock, from: number, to: number, offset: number): number {
  let [before, after] = [from, to];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wallClock(middle) - middle === offset) before = middle;
    else after = middle;
  }
  return after;
}

function dayOf(wall: number): number {
  return Math.floor(wall / DAY_MS);
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
