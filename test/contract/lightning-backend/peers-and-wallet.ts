import assert from 'node:assert/strict';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import { type ContractCase, contractCase } from '../case.ts';
import { allPages, eventually, refused } from '../support.ts';

const NOBODY = nodeId('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');

/** Connections to other nodes. */
export const peerCases: readonly ContractCase[] = [
  contractCase('peers: those of the channels are connected', async ({ payer, middle }) => {
    const { nodeId: id } = await middle.backend.node.identity();
    await eventually('it is connected', async () =>
      (await payer.backend.peers.list()).some((peer) => peer.nodeId === id && peer.connected),
    );
  }),
  contractCase('peers: connecting, again, and disconnecting', async ({ payer, payee }) => {
    const { nodeId: id } = await payee.backend.node.identity();
    await payer.backend.peers.connect({ nodeId: id, ...payee.address });
    await payer.backend.peers.connect({ nodeId: id, ...payee.address });
    await eventually('it is listed', async () => (await payer.backend.peers.list()).some((peer) => peer.nodeId === id && peer.connected));
  }),
  contractCase('peers: a place where nobody is is refused', async ({ payer }) => {
    await refused(payer.backend.peers.connect({ nodeId: NOBODY, host: '127.0.0.1', port: 1 }), 'REJECTED', 'UNAVAILABLE', 'TIMEOUT');
  }),
];

/** Money on the chain. */
export const walletCases: readonly ContractCase[] = [
  contractCase('wallet: what is sent to a new address arrives, confirmed after a block', async (network) => {
    const { payee } = network;
    const before = await payee.backend.wallet.balance();
    const txId = await network.sendToAddress(await payee.backend.wallet.newAddress(), 123_456);
    await network.mine(3);
    await eventually(
      'it is confirmed',
      async () => (await payee.backend.wallet.balance()).confirmedMsat === before.confirmedMsat + sat(123_456),
    );
    const listed = await eventually('it is listed', async () => {
      const all = await allPages((after) => payee.backend.wallet.transactions(after === undefined ? {} : { after }));
      return all.find((transaction) => transaction.txId === txId);
    });
    if (payee.capabilities.transactionAmounts) assert.equal(listed.deltaMsat, 123_456_000n);
  }),
  contractCase('wallet: sending names a transaction that the Bitcoin node knows', async (network) => {
    const { payer, payee } = network;
    await network.sendToAddress(await payer.backend.wallet.newAddress(), 500_000);
    await network.mine(6);
    await eventually('there is something to send', async () => (await payer.backend.wallet.balance()).confirmedMsat >= sat(400_000));
    const { txId } = await payer.backend.wallet.send({ address: await payee.backend.wallet.newAddress(), amountMsat: sat(50_000) });
    await eventually('it is known', async () => (await network.getTransaction(txId)) !== undefined);
    await network.mine(6);
    await eventually('it is confirmed', async () => ((await network.getTransaction(txId))?.confirmations ?? 0) > 0);
  }),
  contractCase('wallet: more than there is, or a fraction of a satoshi, is refused', async ({ payer, payee }) => {
    const address = await payee.backend.wallet.newAddress();
    await refused(payer.backend.wallet.send({ address, amountMsat: sat(2_000_000_000) }), 'INSUFFICIENT_FUNDS');
    await refused(payer.backend.wallet.send({ address, amountMsat: msat(50_000_500) }), 'INVALID_ARGUMENT');
  }),
  contractCase('wallet: what is not an address is refused', async ({ payer }) => {
    await refused(payer.backend.wallet.send({ address: 'nowhere', amountMsat: sat(10_000) }), 'INVALID_ARGUMENT');
  }),
];
