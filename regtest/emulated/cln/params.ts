import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';

type Given = Readonly<Record<string, unknown>>;

const UNITS: Readonly<Record<string, bigint>> = { '': 1n, msat: 1n, sat: 1000n };

/** The parameters of one call, read as lightningd reads them, with its words where they can't be read. */
export class Params {
  readonly #given: Given;

  /** Takes names and values, or values alone in the order of the names. @throws Refusal where one is missing or unknown. */
  constructor(given: unknown, required: readonly string[], optional: readonly string[]) {
    const names = [...required, ...optional];
    const named: Given = Array.isArray(given)
      ? Object.fromEntries(given.map((value, at) => [names[at] ?? `#${at}`, value]))
      : ((given ?? {}) as Given);
    this.#given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== null && value !== undefined));
    const missing = required.find((name) => this.#given[name] === undefined);
    if (missing !== undefined) throw new Refusal(CODE.invalidParams, `missing required parameter: ${missing}`);
    const unknown = Object.keys(this.#given).find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Refusal(CODE.invalidParams, `unknown parameter: ${unknown}`);
  }

  has(name: string): boolean {
    return this.#given[name] !== undefined;
  }

  raw(name: string): unknown {
    return this.#given[name];
  }

  text(name: string): string {
    const value = this.#given[name];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw badParameter(name, 'should be a string', value);
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  hex(name: string, bytes: number): string {
    const text = this.text(name);
    if (text.length === bytes * 2 && /^[0-9a-f]*$/i.test(text)) return text.toLowerCase();
    throw badParameter(name, `should be a ${bytes} byte hex value`, this.raw(name));
  }

  optionalHex(name: string, bytes: number): string | undefined {
    return this.has(name) ? this.hex(name, bytes) : undefined;
  }

  nodeId(name: string): string {
    const text = this.text(name);
    if (/^0[23][0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
    throw badParameter(name, 'should be a node id', this.raw(name));
  }

  /** A whole number; undefined where it was left out. */
  number(name: string, what = 'should be an integer'): number | undefined {
    if (!this.has(name)) return undefined;
    const value = Number(this.#given[name]);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw badParameter(name, what, this.raw(name));
  }

  flag(name: string): boolean | undefined {
    const value = this.#given[name];
    if (value === undefined) return undefined;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw badParameter(name, "should be 'true' or 'false'", value);
  }

  /** An amount of msat: `1000`, `"1000msat"`, `"1sat"`. */
  msat(name: string, what = 'should be a millisatoshi amount'): Msat | undefined {
    return this.has(name) ? this.#amount(name, what, 1n) : undefined;
  }

  /** An amount that without a unit is satoshi; in msat here. */
  sat(name: string, what = 'should be a satoshi amount'): Msat | undefined {
    return this.has(name) ? this.#amount(name, what, 1000n) : undefined;
  }

  #amount(name: string, what: string, bare: bigint): Msat {
    const [, digits, unit = ''] = /^(\d{1,19})(msat|sat)?$/.exec(String(this.#given[name])) ?? [];
    if (digits === undefined) throw badParameter(name, what, this.raw(name));
    return msat(BigInt(digits) * (unit === '' ? bare : (UNITS[unit] ?? 1n)));
  }
}
