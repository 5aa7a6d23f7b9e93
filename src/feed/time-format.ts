import type { ColumnType } from '../core/tickerplant/schema.ts';
import { type EpochUnit, epochToNs, nsToTimestamp, parseDate, parseEnglishDate } from '../core/tickerplant/times.ts';
import type { TimeFormat } from './config.ts';

const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
const COMPACT_DATE = /^(?:19|20)\d{6}$/;

/** Columns whose values are times. */
export function isTimeType(type: ColumnType): boolean {
  return type === 'timestamp' || type === 'timespan' || type === 'date';
}

/**
 * A time of a source as text that `coerceValue` reads; a timespan column takes the time of day from it. What is no time of this
 * format is answered as it is, for `coerceValue` to refuse or to read as a span.
 * @throws Error where the format is another than the value's, in words for the row's place.
 */
export function readTime(input: unknown, format: TimeFormat): unknown {
  if (input === null || input === undefined || input === '') return null;
  if (typeof input !== 'string' && typeof input !== 'number' && typeof input !== 'bigint') return input;
  const text = String(input);
  switch (format) {
    case 'iso':
      return typeof input === 'string' ? input : wrong(text, 'ISO 8601');
    case 'english':
      return parseEnglishDate(text) ?? wrong(text, 'an English date, Jan 1 2000');
    case 'auto':
      return guess(input, text);
    default:
      return fromEpoch(input, format) ?? wrong(text, `a number of ${format} since 1970`);
  }
}

function guess(input: string | number | bigint, text: string): unknown {
  if (NUMBER.test(text)) {
    const compact = COMPACT_DATE.test(text) ? parseDate(`${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`) : undefined;
    return compact ?? fromEpoch(input, unitOf(text)) ?? wrong(text, 'a time that can be guessed: give timeFormat');
  }
  return parseEnglishDate(text) ?? input;
}

/** By the digits before the point: ten are seconds until 2286, thirteen milliseconds, sixteen microseconds, nineteen nanoseconds. */
function unitOf(text: string): EpochUnit {
  const digits = text.replace(/^[+-]/, '').split('.')[0]?.length ?? 0;
  return digits <= 10 ? 's' : digits <= 13 ? 'ms' : digits <= 16 ? 'us' : 'ns';
}

function fromEpoch(input: string | number | bigint, unit: EpochUnit): string | undefined {
  const ns = epochToNs(input, unit);
  return ns === undefined ? undefined : nsToTimestamp(ns);
}

function wrong(text: string, wanted: string): never {
  throw new Error(`${JSON.stringify(text.slice(0, 40))} is not ${wanted}`);
}
