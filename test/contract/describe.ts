import { type Requirement, unmet } from './case.ts';
import { type ContractNetwork, nodeOf } from './network.ts';
import { SUITES, type SuiteName } from './run.ts';
import { withPatience } from './support.ts';

/** What a test is told by its runner: how to say that it does not apply. */
export interface TestContext {
  skip(note?: string): unknown;
}

/** A test runner, as far as the contract needs one. The module `vitest` is one as it stands; for others see docs/contract.md. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  test(title: string, options: { readonly timeout: number }, body: (context: TestContext) => Promise<void>): unknown;
  beforeAll(body: () => Promise<void>, timeoutMs: number): unknown;
  afterAll(body: () => Promise<void>, timeoutMs: number): unknown;
}

const START_TIMEOUT_MS = 300_000;

/**
 * Registers a suite's cases as tests on a network that is opened before the first and disposed of after the last.
 * `timeFactor` stretches the cases' times for slow networks. Who has no test runner uses `runSuite`.
 */
export function describeContract(
  runner: TestRunner,
  suite: SuiteName,
  name: string,
  open: () => Promise<ContractNetwork>,
  timeFactor = 1,
): void {
  runner.describe(`${suite} on ${name}`, () => {
    let network: ContractNetwork | undefined;
    runner.beforeAll(async () => {
      network = await open();
    }, START_TIMEOUT_MS);
    runner.afterAll(async () => {
      await network?.[Symbol.asyncDispose]();
    }, START_TIMEOUT_MS);
    for (const each of SUITES[suite]) {
      runner.test(each.title, { timeout: each.timeoutMs * timeFactor }, async (context) => {
        if (network === undefined) throw new Error('the network did not start');
        const running = network;
        const because = unmet(each, (role) => nodeOf(running, role).capabilities);
        if (because === undefined) await withPatience(timeFactor, () => each.run(running));
        else context.skip(whyNot(because));
      });
    }
  });
}

/** What says that a case does not apply: `the payee has no holdInvoices`. */
export function whyNot({ role, capability, has }: Requirement): string {
  return `the ${role} ${has ? 'has no' : 'has'} ${capability}`;
}
