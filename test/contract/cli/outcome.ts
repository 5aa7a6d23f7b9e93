import type { CaseResult, SuiteName } from '../run.ts';
import { notRun } from './case-list.ts';
import type { PlannedRun } from './plan.ts';

/** What became of one planned run. */
export interface RunOutcome {
  readonly run: PlannedRun;
  readonly results: Readonly<Partial<Record<SuiteName, readonly CaseResult[]>>>;
  /** Why its network could not be had; its cases did not run then. */
  readonly error?: Error;
}

/** How many, over all runs. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly notApplicable: number;
}

/** How one case ended in one run; `not-run` counts as failed. */
export type Cell = CaseResult | { readonly title: string; readonly result: 'not-run' };

/** How a case ended in a run; undefined where the run was not to have it. */
export function cellOf({ run, results }: RunOutcome, suite: SuiteName, title: string): Cell | undefined {
  if (run.cases[suite]?.includes(title) !== true) return undefined;
  return results[suite]?.find((result) => result.title === title) ?? { title, result: 'not-run' };
}

/** Counts of a run. What was planned and has no result has failed. */
export function countsOf({ run, results }: RunOutcome): Counts {
  const all = Object.values(results).flat();
  const missing = Object.entries(run.cases).flatMap(([suite, titles]) => notRun(titles, results[suite as SuiteName] ?? []));
  const having = (kind: CaseResult['result']): number => all.filter(({ result }) => result === kind).length;
  return { passed: having('passed'), failed: having('failed') + missing.length, notApplicable: having('not-applicable') };
}

/** The sum over runs, and `wrong` more failures of another kind. */
export function sumCounts(outcomes: readonly RunOutcome[], wrong: number): Counts {
  const all = outcomes.map(countsOf);
  const sum = (pick: (counts: Counts) => number): number => all.reduce((total, counts) => total + pick(counts), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed) + wrong,
    notApplicable: sum((counts) => counts.notApplicable),
  };
}
