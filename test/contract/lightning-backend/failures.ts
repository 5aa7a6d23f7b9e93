import assert from 'node:assert/strict';
import { type ContractCase, contractCase } from '../case.ts';
import { eventually, invoiceOf, refused } from '../support.ts';

/** What is declared, and what happens when the node is away or the caller has had enough. */
export const failureCases: readonly ContractCase[] = [
  contractCase('capabilities: they are frozen and whole', async ({ payer, payee }) => {
    for (const { backend } of [payer, payee]) {
      assert.ok(Object.isFrozen(backend.capabilities));
      for (const [name, value] of Object.entries(backend.capabilities)) {
        assert.equal(typeof value, name === 'feeCapStepMsat' ? 'bigint' : 'boolean', name);
      }
      assert.ok(backend.capabilities.feeCapStepMsat >= 1n);
    }
  }),
  contractCase('errors: a call whose signal is aborted already does nothing', async ({ payee }) => {
    const gone = AbortSignal.abort();
    await refused(payee.backend.node.info({ signal: gone }), 'ABORTED');
    await refused(payee.backend.invoices.create({ amountMsat: 'any', description: '', expirySeconds: 60 }, { signal: gone }), 'ABORTED');
    await refused(payee.backend.channels.list({}, { signal: gone }), 'ABORTED');
  }),
  contractCase(
    'errors: a node that is away is unavailable, and the same backend works when it is back',
    async ({ payee }) => {
      await using backend = await payee.open();
      await backend.node.info();
      await payee.stop();
      try {
        await refused(backend.node.info(), 'UNAVAILABLE', 'CONNECTION_LOST');
        await refused(invoiceOf(backend), 'UNAVAILABLE', 'CONNECTION_LOST');
        await using fresh = await payee.open();
        await refused(fresh.node.info(), 'UNAVAILABLE');
      } finally {
        await payee.start();
      }
      await eventually('it answers again', async () => (await backend.node.info().catch(() => undefined)) !== undefined, 60_000);
      await invoiceOf(backend);
    },
    { timeoutMs: 240_000 },
  ),
  contractCase('errors: a backend that was disposed of refuses calls', async ({ payee }) => {
    const backend = await payee.open();
    await backend.node.info();
    await backend[Symbol.asyncDispose]();
    await refused(backend.node.info(), 'ABORTED', 'UNAVAILABLE', 'CONNECTION_LOST');
  }),
];
