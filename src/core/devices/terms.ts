import { MAX_MSAT, type Msat, parseMsat } from '../lightning/amount.ts';
import { TickerplantError } from '../tickerplant/errors.ts';

/** What a device may do, as its token's caveats say. What is undefined is not limited. */
export interface DeviceTerms {
  /** What it may ask invoices for. */
  readonly items: ReadonlySet<string> | undefined;
  /** Least and most that it may ask for at a time. */
  readonly minMsat: Msat | undefined;
  readonly maxMsat: Msat | undefined;
  /** Invoices of any sixty minutes. */
  readonly quotesPerHour: number | undefined;
  /** Until when the token is good, milliseconds since 1970, a whole second. */
  readonly until: number | undefined;
}

/** No limits. */
export const ANYTHING: DeviceTerms = Object.freeze({
  items: undefined,
  minMsat: undefined,
  maxMsat: undefined,
  quotesPerHour: undefined,
  until: undefined,
});

/** The name of an item: letters, digits, `_`, `-` and `.`, at most 64. */
export const ITEM_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const COUNT = /^\d{1,9}$/;
const SECONDS = /^\d{1,12}$/;

/** Terms as the caveats of a token; {@link termsOf} reads them. */
export function caveatsOf({ items, minMsat, maxMsat, quotesPerHour, until }: DeviceTerms): readonly string[] {
  return [
    ...(items === undefined ? [] : [`items=${[...items].join(',')}`]),
    ...(minMsat === undefined ? [] : [`min_msat=${minMsat}`]),
    ...(maxMsat === undefined ? [] : [`max_msat=${maxMsat}`]),
    ...(quotesPerHour === undefined ? [] : [`quotes_per_hour=${quotesPerHour}`]),
    ...(until === undefined ? [] : [`valid_until=${Math.floor(until / 1000)}`]),
  ];
}

/**
 * What a token's caveats leave: each of them holds, so that a caveat can only narrow.
 * @throws TickerplantError `BAD_TOKEN` for one that is not understood.
 */
export function termsOf(caveats: readonly string[]): DeviceTerms {
  return caveats.reduce((terms, caveat) => narrow(terms, termOf(caveat)), ANYTHING);
}

/** What both allow. */
export function narrow(some: DeviceTerms, others: DeviceTerms): DeviceTerms {
  return {
    items: both(some.items, others.items, (a, b) => new Set([...a].filter((item) => b.has(item)))),
    minMsat: both(some.minMsat, others.minMsat, (a, b) => (a > b ? a : b)),
    maxMsat: both(some.maxMsat, others.maxMsat, (a, b) => (a < b ? a : b)),
    quotesPerHour: both(some.quotesPerHour, others.quotesPerHour, Math.min),
    until: both(some.until, others.until, Math.min),
  };
}

/** @throws TickerplantError `FORBIDDEN` for an item or amount that the terms do not allow. */
export function checkTerms({ items, minMsat, maxMsat }: DeviceTerms, item: string, amountMsat: Msat): void {
  if (items !== undefined && !items.has(item)) throw new TickerplantError('FORBIDDEN', `item: this token is not for ${shown(item)}`);
  if (minMsat !== undefined && amountMsat < minMsat)
    throw new TickerplantError('FORBIDDEN', `amountMsat: this token is for ${minMsat} msat or more`);
  if (maxMsat !== undefined && amountMsat > maxMsat)
    throw new TickerplantError('FORBIDDEN', `amountMsat: this token is for ${maxMsat} msat or less`);
}

/** @throws TickerplantError `TOKEN_EXPIRED`. */
export function checkTime({ until }: DeviceTerms, now: number): void {
  if (until !== undefined && now >= until)
    throw new TickerplantError('TOKEN_EXPIRED', `the token was valid until ${new Date(Math.min(until, 8.64e15)).toISOString()}`);
}

/** A name of somebody else's in a message. */
export function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

function termOf(caveat: string): DeviceTerms {
  const equals = caveat.indexOf('=');
  const key = caveat.slice(0, Math.max(equals, 0)).trim();
  const value = caveat.slice(equals + 1).trim();
  switch (key) {
    case 'items': {
      const items = value === '' ? [] : value.split(',').map((item) => item.trim());
      if (!items.every((item) => ITEM_NAME.test(item))) throw notUnderstood('items is names with commas between');
      return { ...ANYTHING, items: new Set(items) };
    }
    case 'min_msat':
      return { ...ANYTHING, minMsat: amountOf(value) };
    case 'max_msat':
      return { ...ANYTHING, maxMsat: amountOf(value) };
    case 'quotes_per_hour':
      if (!COUNT.test(value)) throw notUnderstood('quotes_per_hour is a whole number');
      return { ...ANYTHING, quotesPerHour: Number(value) };
    case 'valid_until':
      if (!SECONDS.test(value)) throw notUnderstood('valid_until is seconds since 1970');
      return { ...ANYTHING, until: Number(value) * 1000 };
    default:
      throw notUnderstood('it has a caveat that no device has');
  }
}

function amountOf(value: string): Msat {
  try {
    return parseMsat(value);
  } catch {
    throw notUnderstood(`an amount is millisatoshi, at most ${MAX_MSAT}`);
  }
}

function both<T>(some: T | undefined, other: T | undefined, join: (some: T, other: T) => T): T | undefined {
  if (some === undefined) return other;
  return other === undefined ? some : join(some, other);
}

function notUnderstood(why: string): TickerplantError {
  return new TickerplantError('BAD_TOKEN', `this token is not valid here: ${why}`);
}
