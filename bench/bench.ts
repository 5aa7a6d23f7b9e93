/** How a benchmark is run. */
export interface BenchOptions {
  /** Less of everything: to see that it runs, not for numbers. */
  readonly quick: boolean;
  /** Next to nothing of everything: to see that it runs. */
  readonly tiny: boolean;
  /** Instead of the benchmark's own number of rounds. */
  readonly rounds: number | undefined;
  /** Instead of how long a round of it measures. */
  readonly seconds: number | undefined;
  /** `--network`: where the Lightning nodes are from, for benchmarks that have a choice. */
  readonly network: string | undefined;
  /** `--kind`: which Lightning nodes. */
  readonly kind: string | undefined;
  /** Tells a person how it goes, on standard error. */
  readonly note: (text: string) => void;
}

/** What a benchmark answers: its last line. */
export type BenchResult = { readonly [field: string]: BenchValue };

type BenchValue = string | number | boolean | null | readonly BenchValue[] | { readonly [field: string]: BenchValue };

/** A benchmark, under its name in `run.ts`. */
export interface Bench {
  readonly about: string;
  /** Its own options, for `--help`. */
  readonly options?: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** The value in the middle, or between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const high = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (low + high) / 2;
}

/** Runs each contender in every round, in turn, so that whatever else the machine does meets them alike. Answers the seconds of each. */
export async function interleaved<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, (round: number) => Promise<void> | void>>,
): Promise<Readonly<Record<Name, number[]>>> {
  const names = Object.keys(contenders) as Name[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const begin = performance.now();
      await contenders[name](round);
      seconds[name].push((performance.now() - begin) / 1000);
    }
  }
  return seconds;
}
