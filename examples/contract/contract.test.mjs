// The contract on Node's own test runner: node --test contract.test.mjs
// Here on the simulated network; a backend of your own has a network of its own in place of simulatedTarget (docs/contract.md).
import { after, before, describe, test } from 'node:test';
import { describeContract, simulatedTarget } from 'lightning-tickerplant/contract';

const runner = {
  describe,
  test,
  beforeAll: (body, timeout) => before(body, { timeout }),
  afterAll: (body, timeout) => after(body, { timeout }),
};

for (const suite of ['lightning-backend', 'tickerplant-flow']) describeContract(runner, suite, 'simulated', () => simulatedTarget());
