import * as vitest from 'vitest';
import { describeContract as describeWith } from './describe.ts';
import type { ContractNetwork } from './network.ts';
import type { SuiteName } from './run.ts';

/** The contract as tests of vitest. */
export function describeContract(suite: SuiteName, name: string, open: () => Promise<ContractNetwork>): void {
  describeWith(vitest, suite, name, open);
}
