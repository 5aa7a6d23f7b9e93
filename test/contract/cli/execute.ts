import type { ContractNetwork } from '../network.ts';
import { type CaseResult, runSuite, type SuiteName } from '../run.ts';
import type { Target } from '../targets/target.ts';
import type { RunOutcome } from './outcome.ts';
import type { PlannedRun } from './plan.ts';
import { progressLine } from './report.ts';

/** What goes with running. */
export interface ExecuteOptions {
  readonly backlogSize?: number | undefined;
  readonly say: (line: string) => void;
  /** Told which network is being opened, so that whoever is interrupted can close it; undefined once it is closed. */
  readonly onNetwork: (network: Promise<ContractNetwork> | undefined) => void;
}

/** Opens the network of a planned run, runs its cases one after the other and closes it. Fails never: what went wrong is told. */
export async function execute(run: PlannedRun, target: Target, options: ExecuteOptions): Promise<RunOutcome> {
  const progress = (line: string): void => options.say(`${run.name}  ${line}`);
  const results: Partial<Record<SuiteName, readonly CaseResult[]>> = {};
  const uniform = new Set(Object.values(run.roles)).size === 1;
  const there = uniform ? target.kinds : [...target.kinds, ...(target.some ?? [])];
  const missing = Object.values(run.roles).find((kind) => !there.includes(kind));
  if (missing !== undefined) {
    const why = target.missing[missing] ?? `it has ${target.kinds.join(', ') || 'none'}`;
    const error = new Error(`${target.name} has no ${missing}: ${why}`);
    progress(error.message);
    return { run, results, error };
  }
  let network: ContractNetwork | undefined;
  try {
    progress(`opening the ${target.name} network`);
    const { roles } = run;
    const opening = target.open({ roles, progress, ...(options.backlogSize !== undefined && { backlogSize: options.backlogSize }) });
    options.onNetwork(opening);
    network = await opening;
    for (const [suite, titles] of Object.entries(run.cases) as [SuiteName, readonly string[]][]) {
      results[suite] = await runSuite(suite, network, {
        only: (title) => titles.includes(title),
        factor: target.timeFactor,
        onResult: (result) => options.say(progressLine(run.name, result)),
      });
    }
    return { run, results };
  } catch (error) {
    const wrong = error instanceof Error ? error : new Error(String(error));
    progress(`could not be run: ${wrong.message}`);
    return { run, results, error: wrong };
  } finally {
    await closed(network).catch((error: unknown) => progress(`closing the network: ${String(error)}`));
    options.onNetwork(undefined);
  }
}

async function closed(network: ContractNetwork | undefined): Promise<void> {
  await network?.[Symbol.asyncDispose]();
}
