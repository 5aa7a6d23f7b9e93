import { afterAll, beforeAll, describe, test } from 'vitest';
import { unmet } from './case.ts';
import { type ContractNetwork, nodeOf } from './network.ts';
import { SUITES, type SuiteName } from './run.ts';

const START_TIMEOUT_MS = 120_000;

/** Registers a suite's cases as tests on a network that is made for them. Who has another runner uses `runSuite`. */
export function describeContract(suite: SuiteName, name: string, open: () => Promise<ContractNetwork>): void {
  describe(`${suite} on ${name}`, () => {
    let network: ContractNetwork | undefined;
    beforeAll(async () => {
      network = await open();
    }, START_TIMEOUT_MS);
    afterAll(async () => {
      await network?.[Symbol.asyncDispose]();
    }, START_TIMEOUT_MS);
    for (const each of SUITES[suite]) {
      test(each.title, { timeout: each.timeoutMs }, async (context) => {
        if (network === undefined) throw new Error('the network did not start');
        const running = network;
        const because = unmet(each, (role) => nodeOf(running, role).capabilities);
        if (because !== undefined) context.skip(`${because.role} ${because.has ? 'has not' : 'has'} ${because.capability}`);
        await each.run(running);
      });
    }
  });
}
