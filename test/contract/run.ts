import { type ContractCase, type Requirement, unmet } from './case.ts';
import { lightningBackendCases } from './lightning-backend/cases.ts';
import { type ContractNetwork, nodeOf } from './network.ts';
import { withPatience } from './support.ts';
import { tickerplantFlowCases } from './tickerplant-flow/cases.ts';

/** A suite's name. */
export type SuiteName = 'lightning-backend' | 'tickerplant-flow';

/** The suites by name. */
export const SUITES: Readonly<Record<SuiteName, readonly ContractCase[]>> = {
  'lightning-backend': lightningBackendCases,
  'tickerplant-flow': tickerplantFlowCases,
};

/** How one case ended on one network. */
export type CaseResult =
  | { readonly title: string; readonly result: 'passed'; readonly ms: number }
  | { readonly title: string; readonly result: 'failed'; readonly ms: number; readonly error: Error }
  | { readonly title: string; readonly result: 'not-applicable'; readonly because: Requirement };

/** Runs a case within its time; `factor` stretches that for slow networks. */
export async function runCase(each: ContractCase, network: ContractNetwork, factor = 1): Promise<CaseResult> {
  const because = unmet(each, (role) => nodeOf(network, role).capabilities);
  if (because !== undefined) return { title: each.title, result: 'not-applicable', because };
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${each.timeoutMs * factor} ms`)), each.timeoutMs * factor);
  });
  try {
    await Promise.race([withPatience(factor, () => each.run(network)), tooLate]);
    return { title: each.title, result: 'passed', ms: performance.now() - started };
  } catch (error) {
    const asError = error instanceof Error ? error : new Error(String(error));
    return { title: each.title, result: 'failed', ms: performance.now() - started, error: asError };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a suite's cases one after the other and tells of each as it ends. */
export async function runSuite(
  suite: SuiteName,
  network: ContractNetwork,
  options: { readonly onResult?: (result: CaseResult) => void; readonly only?: (title: string) => boolean; readonly factor?: number } = {},
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for (const each of SUITES[suite]) {
    if (options.only !== undefined && !options.only(each.title)) continue;
    const result = await runCase(each, network, options.factor);
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}
