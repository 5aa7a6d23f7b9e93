import assert from 'node:assert/strict';
import { type ContractCase, contractCase } from '../case.ts';

/** The node about itself. */
export const nodeCases: readonly ContractCase[] = [
  contractCase('node: tells id, network, height and that it is synced', async ({ payee }) => {
    const info = await payee.backend.node.info();
    assert.match(info.nodeId, /^0[23][0-9a-f]{64}$/);
    assert.equal(info.network, 'regtest');
    assert.ok(info.blockHeight > 0);
    assert.equal(info.synced, true);
    assert.ok(info.version.length > 0);
    for (const uri of info.uris) assert.match(uri, /^0[23][0-9a-f]{64}@.+:\d+$/);
  }),
  contractCase('node: its identity is what its invoices are signed with', async ({ payee, payer }) => {
    const identity = await payee.backend.node.identity();
    const invoice = await payee.backend.invoices.create({ amountMsat: 'any', description: '', expirySeconds: 60 });
    const decoded = await payer.backend.payments.decode(invoice.paymentRequest);
    assert.equal(decoded.payee, identity.nodeId);
    assert.equal(decoded.network, identity.network);
  }),
];
