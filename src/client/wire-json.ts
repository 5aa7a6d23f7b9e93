/** A whole number long enough that it might not fit a double, standing where JSON has a value. */
const LONG_NUMBER = /[[:,]\s*-?\d{16,}\s*[\],}]/;

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const revive: Reviver = (_key, value, context) => {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context.source === undefined) return value;
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
};

/**
 * Reads a message; whole numbers beyond 2^53 become bigints instead of losing digits (a kdb+ long has 64 bits).
 * @throws SyntaxError when it is not JSON.
 */
export function parseWireJson(text: string): unknown {
  // The reviver is several times slower, so it runs only where a long number can be seen.
  return LONG_NUMBER.test(text) ? JSON.parse(text, revive as (key: string, value: unknown) => unknown) : JSON.parse(text);
}
