import { median } from '../bench.ts';

/** What a number was over the rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The median of the rounds' ratios: whatever else the machine did in a round met both. */
export function pairedRatio(some: readonly number[], others: readonly number[]): number {
  return median(some.map((value, round) => value / (others[round] ?? Number.NaN)));
}

/** The value below which so much of all lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
