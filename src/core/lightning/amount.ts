declare const msatBrand: unique symbol;

/**
 * An amount in millisatoshi, a thousandth of a satoshi, the unit BOLT 2 and BOLT 11 count in.
 * Money is this type from one end to the other; a `number` never holds it.
 */
export type Msat = bigint & { readonly [msatBrand]: true };

/** Millisatoshi in one satoshi. */
export const MSAT_PER_SAT = 1000n;

/** 21 million bitcoin, the most that can exist. */
export const MAX_MSAT: Msat = 2_100_000_000_000_000_000n as Msat;

/**
 * Makes an amount of a whole number of millisatoshi.
 * @throws RangeError when it is negative, not whole, or more than {@link MAX_MSAT}.
 */
export function msat(value: bigint | number): Msat {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`not a whole number of millisatoshi: ${value}`);
  }
  const amount = BigInt(value);
  if (amount < 0n || amount > MAX_MSAT) throw new RangeError(`not an amount in millisatoshi: ${amount}`);
  return amount as Msat;
}

/** Makes an amount of a whole number of satoshi. @throws RangeError as {@link msat} does. */
export function sat(value: bigint | number): Msat {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`not a whole number of satoshi: ${value}`);
  }
  return msat(BigInt(value) * MSAT_PER_SAT);
}

/**
 * Reads the decimal form that the wire protocols use ("200000"): digits only, no sign, no point.
 * @throws RangeError when it is anything else.
 */
export function parseMsat(text: string): Msat {
  if (!/^\d{1,19}$/.test(text)) throw new RangeError('an amount is a string of decimal digits in millisatoshi');
  return msat(BigInt(text));
}

/** Whole satoshi, the rest of a millisatoshi amount cut off. For caps: never more than what was given. */
export function toSatFloor(amount: Msat): bigint {
  return amount / MSAT_PER_SAT;
}

/** Whole satoshi, rounded up. For prices on sat-only edges where less would be short. */
export function toSatCeil(amount: Msat): bigint {
  return (amount + MSAT_PER_SAT - 1n) / MSAT_PER_SAT;
}

/**
 * Whole satoshi of an amount that must be one.
 * @throws RangeError when it has a fraction of a satoshi (on-chain amounts can't).
 */
export function toSatExact(amount: Msat): bigint {
  if (amount % MSAT_PER_SAT !== 0n) throw new RangeError(`not a whole number of satoshi: ${amount} msat`);
  return amount / MSAT_PER_SAT;
}

/** Adds amounts. @throws RangeError when the sum is more than {@link MAX_MSAT}. */
export function sumMsat(amounts: Iterable<Msat>): Msat {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return msat(sum);
}
