import { InvalidArgumentError } from 'commander';
import { type Msat, msat, sat } from '../core/lightning/amount.ts';

/** Reads a price: whole satoshi, `10` or `10sat`, or `1500msat`; more than nothing. @throws InvalidArgumentError. */
export function parsePrice(text: string): Msat {
  const [, digits = '', unit] = /^(\d{1,19}) ?(sat|msat)?$/.exec(text.trim()) ?? [];
  if (!/[1-9]/.test(digits)) throw new InvalidArgumentError('must be an amount above 0, in satoshi: 10, 10sat or 1500msat');
  try {
    return unit === 'msat' ? msat(BigInt(digits)) : sat(BigInt(digits));
  } catch {
    throw new InvalidArgumentError('is more than there are bitcoin');
  }
}

/** Reads an option that is a number of whole satoshi. @throws InvalidArgumentError. */
export function parseSat(text: string): Msat {
  if (!/^\d{1,16}$/.test(text)) throw new InvalidArgumentError('must be a whole number of satoshi, such as 1000');
  try {
    return sat(BigInt(text));
  } catch {
    throw new InvalidArgumentError('is more than there are bitcoin');
  }
}

/** Reads an option that is a whole number of at least 1. @throws InvalidArgumentError. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number, 1 or more');
  return value;
}

/** Reads an option that is a number of seconds, in milliseconds. @throws InvalidArgumentError. */
export function parseSeconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 1e9) throw new InvalidArgumentError('must be a number of seconds, more than 0');
  return Math.ceil(value * 1000);
}
