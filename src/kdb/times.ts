import { nsToTimespan, nsToTimestamp, timespanToNs } from '../core/tickerplant/times.ts';

/** Nanoseconds from 1970, where the core counts from, to 2000-01-01, where kdb+ does. */
export const KDB_EPOCH_NS = 946_684_800_000_000_000n;
const KDB_EPOCH_DAYS = 10_957;
const NS_PER_DAY = 86_400_000_000_000n;
const NS_PER_MS = 1_000_000n;
const MS_PER_DAY = 86_400_000;

let lastDay = '';
let lastDayNumber = 0;

/** Days since 2000-01-01 of a canonical date. */
export function daysOfDate(date: string): number {
  // Rows that follow each other are most often of one day.
  if (date !== lastDay) {
    lastDayNumber = Date.parse(`${date}T00:00:00Z`) / MS_PER_DAY - KDB_EPOCH_DAYS;
    lastDay = date;
  }
  return lastDayNumber;
}

/** Nanoseconds since 2000-01-01 of a canonical timestamp, `2026-11-20T14:30:00.123Z`. */
export function nsOfTimestamp(text: string): bigint {
  const seconds = secondsOf(text, 11);
  const fraction = Number(text.slice(20, -1)) * 10 ** (30 - text.length);
  return BigInt(daysOfDate(text.slice(0, 10))) * NS_PER_DAY + BigInt(seconds * 1_000_000_000 + fraction);
}

/** Nanoseconds of a canonical timespan. */
export function nsOfTimespan(text: string): bigint {
  if (text.length !== 20 || !text.startsWith('0D')) return timespanToNs(text);
  return BigInt(secondsOf(text, 2) * 1_000_000_000 + Number(text.slice(11)));
}

/** The canonical timestamp of nanoseconds since 2000-01-01. @throws RangeError for what the core doesn't hold: null and infinities. */
export function timestampOfNs(ns: bigint): string {
  return nsToTimestamp(ns + KDB_EPOCH_NS);
}

/** The canonical timestamp of a datetime: days since 2000-01-01, good to the millisecond. @throws RangeError. */
export function timestampOfDatetime(days: number): string {
  return timestampOfNs(BigInt(Math.round(days * MS_PER_DAY)) * NS_PER_MS);
}

/** The date of days since 2000-01-01. @throws RangeError beyond the year 9999. */
export function dateOfDays(days: number): string {
  const text = new Date((days + KDB_EPOCH_DAYS) * MS_PER_DAY).toISOString();
  if (text.length !== 24) throw new RangeError('a date of more than four digits');
  return text.slice(0, 10);
}

/** The first day of a month, months since 2000-01. @throws RangeError. */
export function dateOfMonth(month: number): string {
  return dateOfDays(Date.UTC(2000, month, 1) / MS_PER_DAY - KDB_EPOCH_DAYS);
}

/** The canonical timespan of so many milliseconds. */
export function timespanOfMs(ms: number): string {
  return nsToTimespan(BigInt(ms) * NS_PER_MS);
}

function secondsOf(text: string, at: number): number {
  const digit = (place: number) => text.charCodeAt(place) - 48;
  const two = (place: number) => digit(place) * 10 + digit(place + 1);
  return two(at) * 3600 + two(at + 3) * 60 + two(at + 6);
}
