import { type Msat, msat, sat } from '../../../src/core/lightning/amount.ts';
import { ApiRefusal, malformed } from './refusal.ts';

/** The fields of one request's form, read as eclair reads them, with its words where they can't be read. */
export class Form {
  readonly #fields: URLSearchParams;

  constructor(body: string) {
    this.#fields = new URLSearchParams(body);
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** @throws ApiRefusal 400 where it is missing. */
  text(name: string): string {
    const value = this.#fields.get(name);
    if (value === null) throw new ApiRefusal(400, `Request is missing required form field '${name}'`);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#fields.get(name) ?? undefined;
  }

  /** A whole number that is not negative. */
  number(name: string): number {
    const text = this.text(name);
    if (!/^\d{1,15}$/.test(text)) throw malformed(name, `For input string: "${text}"`);
    return Number(text);
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  /** A number that may have a fraction. */
  optionalFraction(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = Number(this.text(name));
    if (!Number.isFinite(value) || this.text(name).trim() === '') throw malformed(name, `For input string: "${this.text(name)}"`);
    return value;
  }

  msat(name: string): Msat {
    return msat(BigInt(this.#digits(name)));
  }

  optionalMsat(name: string): Msat | undefined {
    return this.has(name) ? this.msat(name) : undefined;
  }

  sat(name: string): Msat {
    return sat(BigInt(this.#digits(name)));
  }

  optionalSat(name: string): Msat | undefined {
    return this.has(name) ? this.sat(name) : undefined;
  }

  hex32(name: string): string {
    const text = this.text(name).toLowerCase();
    const at = text.search(/[^0-9a-f]/);
    if (at >= 0) throw malformed(name, `Invalid hexadecimal character '${text[at]}' at index ${at}`);
    if (text.length !== 64) throw malformed(name, 'requirement failed');
    return text;
  }

  optionalHex32(name: string): string | undefined {
    return this.has(name) ? this.hex32(name) : undefined;
  }

  nodeId(name: string): string {
    const text = this.text(name).toLowerCase();
    if (!/^0[23][0-9a-f]{64}$/.test(text)) throw malformed(name, 'requirement failed');
    return text;
  }

  flag(name: string): boolean | undefined {
    const text = this.optionalText(name)?.toLowerCase();
    if (text === undefined) return undefined;
    if (text === 'true' || text === 'false') return text === 'true';
    throw malformed(name, `'${text}' is not a valid Boolean value`);
  }

  /** A list, its items apart by commas. */
  list(name: string): readonly string[] {
    return this.has(name) ? this.text(name).split(',') : [];
  }

  #digits(name: string): string {
    const text = this.text(name);
    if (!/^\d{1,18}$/.test(text)) throw malformed(name, `For input string: "${text}"`);
    return text;
  }
}

/** From when to when, and which of what is there: what all of eclair's lists take. Times in milliseconds. */
export interface ListRange {
  readonly isWithin: (at: number) => boolean;
  /** The part of a list that `count` and `skip` mean. */
  readonly page: <T>(all: readonly T[]) => readonly T[];
}

const DAY_SECONDS = 86_400;

/** Reads a range: left out it means the last day. Both ends themselves are left out of the answer. */
export function listRange(form: Form, nowMs: number): ListRange {
  const now = Math.floor(nowMs / 1000);
  const from = form.optionalNumber('from') ?? now - DAY_SECONDS;
  const to = form.optionalNumber('to') ?? now;
  const count = form.optionalNumber('count');
  const skip = form.optionalNumber('skip') ?? 0;
  return {
    isWithin: (at) => at > from * 1000 && at < to * 1000,
    page: (all) => (count === undefined ? all : all.slice(skip, skip + count)),
  };
}
