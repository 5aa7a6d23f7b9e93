/** How a benchmark is run. */
export interface BenchOptions {
  /** Less of everything: to see that it runs, not for numbers. */
  readonly quick: boolean;
  /** Tells a person how it goes, on standard error. */
  readonly note: (text: string) => void;
}

/** What a benchmark answers: its last line. */
export type BenchResult = Readonly<Record<string, string | number | boolean | null>>;

/** A benchmark, under its name in `run.ts`. */
export interface Bench {
  readonly about: string;
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
