/**
 * The contract of lightning-tickerplant: what every Lightning backend guarantees, and the tickerplant on top of it, as cases that
 * run in any test runner or none. For whoever writes a backend: see docs/contract.md.
 */
export { type ContractCase, type Requirement, unmet } from '../test/contract/case.ts';
export { describeContract, type TestContext, type TestRunner, whyNot } from '../test/contract/describe.ts';
export { type ContractNetwork, type ContractNode, type ContractRole, nodeOf } from '../test/contract/network.ts';
export { type CaseResult, runCase, runSuite, SUITES, type SuiteName } from '../test/contract/run.ts';
export { type CustomTargetOptions, customTarget } from '../test/contract/targets/custom.ts';
export { type PrepareOptions, prepareNetwork, type RunningNetwork, type RunningNode } from '../test/contract/targets/regtest.ts';
export { simulatedTarget } from '../test/contract/targets/simulated.ts';
export { everywhere, type OpenTarget, type Roles, type Target } from '../test/contract/targets/target.ts';
