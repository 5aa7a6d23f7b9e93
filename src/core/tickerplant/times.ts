/**
 * Times as they stand in rows, and as nanoseconds: pure text and bigint, no clock. A canonical timestamp is
 * `2026-11-20T14:30:00.123Z` with 3, 6 or 9 fraction digits, as few as hold it (so that `Date#toISOString` is canonical
 * already); a canonical timespan is `0D14:30:00.123456789`, always nine, `-` in front where it is negative.
 * Both hold exactly what kdb+ can (64 bits of nanoseconds, without its null and infinities).
 */

/** The unit of a number that stands for a time since 1970. */
export type EpochUnit = 's' | 'ms' | 'us' | 'ns';

const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400;
const KDB_EPOCH_NS = 946_684_800n * NS_PER_SECOND;

/** The longest span that kdb+ holds, nanoseconds; the shortest is its negative. */
export const MAX_TIMESPAN_NS: bigint = 2n ** 63n - 2n;
/** The earliest time that kdb+ holds, in nanoseconds since 1970: 1707-09-22. */
export const MIN_TIMESTAMP_NS: bigint = KDB_EPOCH_NS - MAX_TIMESPAN_NS;
/** The latest time that kdb+ holds, in nanoseconds since 1970: 2292-04-10. */
export const MAX_TIMESTAMP_NS: bigint = KDB_EPOCH_NS + MAX_TIMESPAN_NS;

const TIMESTAMP =
  /^(\d{4})([-.])(\d\d)\2(\d\d)(?:[T D](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})0*)?)?(?: ?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?))?)?$/i;
/** What most rows bring already; checked without taking it apart. */
const CANONICAL_MS = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const TIMESPAN = /^([+-]?)(?:(\d{1,6})D ?)?(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})0*)?)?$/i;
const DATE = /^(\d{4})([-.])(\d\d)\2(\d\d)$/;
const MONTH_FIRST = /^([a-z]{3,9})\.? +(\d{1,2}),? +(\d{4})$/i;
const DAY_FIRST = /^(\d{1,2})[ -]([a-z]{3,9})\.?[ -](\d{4})$/i;
const EPOCH = /^([+-]?)(\d{1,20})(?:\.(\d+))?$/;

const MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'];
const DIGITS_OF_UNIT: Readonly<Record<EpochUnit, number>> = { s: 9, ms: 6, us: 3, ns: 0 };

/**
 * Reads an ISO 8601 time (`T` or a blank, seconds may be left out, a date alone is its midnight), with zone or without
 * (then UTC), or kdb+'s `2026.11.20D14:30:00.123456789`. Answers the canonical text; undefined where it is no such time, is finer than a
 * nanosecond or beyond what kdb+ holds.
 */
export function parseTimestamp(text: string): string | undefined {
  if (CANONICAL_MS.test(text)) {
    const year = Number(text.slice(0, 4));
    if (year > 1707 && year < 2292) return isDay(year, Number(text.slice(5, 7)), Number(text.slice(8, 10))) ? text : undefined;
  }
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, hour = '00', minute = '00', second = '00', fraction = '', , sign, zoneHour = '00', zoneMinute = '00'] =
    match;
  if (!isDay(Number(year), Number(month), Number(day)) || !isTimeOfDay(hour, minute, second)) return undefined;
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined;
  if (Number(year) < 1707 || Number(year) > 2292) return undefined;
  const offsetMinutes = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -1 : 1);
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute) - offsetMinutes, Number(second));
  const nanos = Number(fraction.padEnd(9, '0'));
  if (Number(year) < 1708 || Number(year) > 2291) {
    const ns = BigInt(ms) * 1_000_000n + BigInt(nanos);
    if (ns < MIN_TIMESTAMP_NS || ns > MAX_TIMESTAMP_NS) return undefined;
  }
  return formatTimestamp(ms, nanos);
}

/**
 * Reads a span or time of day: `14:30`, `14:30:00.123`, `1D02:00:00`, `-0D00:00:01`. Answers the canonical text;
 * undefined where it is none, is finer than a nanosecond or beyond what kdb+ holds.
 */
export function parseTimespan(text: string): string | undefined {
  const match = TIMESPAN.exec(text);
  if (match === null) return undefined;
  const [, sign, days = '0', hour = '', minute = '', second = '00', fraction = ''] = match;
  if (!isTimeOfDay(hour, minute, second)) return undefined;
  const ns = spanToNs(days, hour, minute, second, fraction);
  return ns > MAX_TIMESPAN_NS ? undefined : nsToTimespan(sign === '-' ? -ns : ns);
}

/** Reads a date, `2026-11-20` or kdb+'s `2026.11.20`, to the first form; undefined where it is no day of the calendar. */
export function parseDate(text: string): string | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year = '', , month = '', day = ''] = match;
  return isDay(Number(year), Number(month), Number(day)) ? `${year}-${month}-${day}` : undefined;
}

/** Reads an English date, `Jan 1 2000`, `January 1, 2000`, `1 Jan 2000` or `01-Jan-2000`, to `2000-01-01`; undefined where it is none. */
export function parseEnglishDate(text: string): string | undefined {
  const monthFirst = MONTH_FIRST.exec(text);
  const dayFirst = monthFirst === null ? DAY_FIRST.exec(text) : null;
  const [name, day, year] =
    monthFirst !== null ? [monthFirst[1], monthFirst[2], monthFirst[3]] : [dayFirst?.[2], dayFirst?.[1], dayFirst?.[3]];
  if (name === undefined || day === undefined || year === undefined) return undefined;
  const wanted = name.toLowerCase();
  const month =
    MONTHS.findIndex((full) => full === wanted || full.slice(0, 3) === wanted || (full === 'september' && wanted === 'sept')) + 1;
  if (month === 0 || !isDay(Number(year), month, Number(day))) return undefined;
  return `${year}-${String(month).padStart(2, '0')}-${day.padStart(2, '0')}`;
}

/**
 * Reads a number since 1970 in a unit, exactly: text keeps its fraction (`1700000000.123456789` s). Answers nanoseconds
 * since 1970; undefined where it is no number, is finer than a nanosecond or beyond what kdb+ holds. A `number` is taken
 * by its shortest decimal text and cut to the nanosecond, since its last digits are a double's noise.
 */
export function epochToNs(value: string | number | bigint, unit: EpochUnit): bigint | undefined {
  const match = EPOCH.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  const digits = DIGITS_OF_UNIT[unit];
  const kept = (typeof value === 'number' ? fraction.slice(0, digits) : fraction).replace(/0+$/, '');
  if (kept.length > digits) return undefined;
  const magnitude = BigInt(whole + kept.padEnd(digits, '0'));
  const ns = sign === '-' ? -magnitude : magnitude;
  return ns < MIN_TIMESTAMP_NS || ns > MAX_TIMESTAMP_NS ? undefined : ns;
}

/** Nanoseconds since 1970 of a timestamp's text. @throws RangeError where {@link parseTimestamp} answers undefined. */
export function timestampToNs(text: string): bigint {
  const canonical = parseTimestamp(text);
  if (canonical === undefined) throw new RangeError(`not a timestamp: ${JSON.stringify(text)}`);
  const seconds = BigInt(Date.parse(`${canonical.slice(0, 19)}Z`) / 1000);
  return seconds * NS_PER_SECOND + BigInt(canonical.slice(20, -1).padEnd(9, '0'));
}

/** The canonical text of nanoseconds since 1970. @throws RangeError beyond what kdb+ holds. */
export function nsToTimestamp(ns: bigint): string {
  if (ns < MIN_TIMESTAMP_NS || ns > MAX_TIMESTAMP_NS) throw new RangeError(`timestamp out of range: ${ns} ns`);
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return formatTimestamp(Number((ns - rest) / 1_000_000n), Number(rest));
}

/** Nanoseconds of a timespan's text. @throws RangeError where {@link parseTimespan} answers undefined. */
export function timespanToNs(text: string): bigint {
  const match = TIMESPAN.exec(parseTimespan(text) ?? '');
  if (match === null) throw new RangeError(`not a timespan: ${JSON.stringify(text)}`);
  const [, sign, days = '0', hour = '', minute = '', second = '', fraction = ''] = match;
  const ns = spanToNs(days, hour, minute, second, fraction);
  return sign === '-' ? -ns : ns;
}

/** The canonical text of a span in nanoseconds. @throws RangeError beyond what kdb+ holds. */
export function nsToTimespan(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns;
  if (magnitude > MAX_TIMESPAN_NS) throw new RangeError(`timespan out of range: ${ns} ns`);
  const seconds = Number(magnitude / NS_PER_SECOND);
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const time = new Date((seconds % SECONDS_PER_DAY) * 1000).toISOString().slice(11, 19);
  return `${ns < 0n ? '-' : ''}${days}D${time}.${String(magnitude % NS_PER_SECOND).padStart(9, '0')}`;
}

/** The timestamp of a clock's milliseconds since 1970, to the microsecond (a double holds no more). @throws RangeError as {@link nsToTimestamp}. */
export function timestampOf(ms: number): string {
  return nsToTimestamp(msToNs(ms));
}

/** The time of day in UTC of a clock's milliseconds since 1970, as a timespan. @throws RangeError where it is no finite number. */
export function timeOfDayOf(ms: number): string {
  const day = BigInt(SECONDS_PER_DAY) * NS_PER_SECOND;
  return nsToTimespan(((msToNs(ms) % day) + day) % day);
}

/** The time of day in UTC of a canonical timestamp, as a timespan: kdb+'s `` `timespan$ ``. */
export function timeOfDayIn(timestamp: string): string {
  return `0D${timestamp.slice(11, 19)}.${timestamp.slice(20, -1).padEnd(9, '0')}`;
}

function msToNs(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1000)) * 1000n;
}

function formatTimestamp(ms: number, nanos: number): string {
  const digits = String(nanos).padStart(9, '0');
  const fraction = nanos % 1_000_000 === 0 ? digits.slice(0, 3) : nanos % 1000 === 0 ? digits.slice(0, 6) : digits;
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction}Z`;
}

function spanToNs(days: string, hour: string, minute: string, second: string, fraction: string): bigint {
  const seconds = Number(days) * SECONDS_PER_DAY + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return BigInt(seconds) * NS_PER_SECOND + BigInt(fraction.padEnd(9, '0'));
}

function isTimeOfDay(hour: string, minute: string, second: string): boolean {
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || year < 1) return false;
  if (month === 2) return day <= (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28);
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}
