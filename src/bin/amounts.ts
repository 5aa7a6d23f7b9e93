import { InvalidArgumentError } from 'commander';
import { type Msat, sat } from '../core/lightning/amount.ts';

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
