import { MSAT_PER_SAT, type Msat } from '../../../core/lightning/amount.ts';

/** `1,234 sat`, `1.5 sat`. */
export function satText(amount: Msat): string {
  const whole = (amount / MSAT_PER_SAT).toLocaleString('en-US');
  const rest = amount % MSAT_PER_SAT;
  return rest === 0n ? `${whole} sat` : `${whole}.${String(rest).padStart(3, '0').replace(/0+$/, '')} sat`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `12.3 kB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `once`, `3 times`. */
export function timesText(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** `2026-11-21 19:45 UTC`. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
