import assert from 'node:assert/strict';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import { nodeId, type Outpoint, outpoint } from '../../../src/core/lightning/identifiers.ts';
import { type ContractCase, contractCase, has, lacks } from '../case.ts';
import type { ContractNetwork } from '../network.ts';
import { AMPLE_FEE, allPages, eventually, invoiceOf, payNow, refused } from '../support.ts';

const NOBODY = nodeId('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
/** As many blocks as any of the nodes waits for before it calls something on the chain final, left as it comes: eclair's 8. */
const DEEP = 8;
const NO_CHANNEL = outpoint(`${'ab'.repeat(32)}:0`);

async function fundedPayer(network: ContractNetwork, amountSat: number): Promise<void> {
  const { payer } = network;
  const before = await payer.backend.wallet.balance();
  await network.sendToAddress(await payer.backend.wallet.newAddress(), amountSat);
  await network.mine(DEEP);
  const target = before.confirmedMsat + sat(amountSat);
  await eventually('the funds are confirmed', async () => (await payer.backend.wallet.balance()).confirmedMsat >= target);
}

async function opened(network: ContractNetwork, options: { readonly pushSat?: number; readonly private?: boolean } = {}) {
  const { payer, payee } = network;
  await fundedPayer(network, 2_000_000);
  const { nodeId: peer } = await payee.backend.node.identity();
  await payer.backend.peers.connect({ nodeId: peer, ...payee.address, persistent: false });
  const { outpoint: channel } = await payer.backend.channels.open({
    peer,
    localFundingMsat: sat(1_000_000),
    ...(options.pushSat === undefined ? {} : { pushMsat: sat(options.pushSat) }),
    ...(options.private === undefined ? {} : { private: options.private }),
  });
  return { channel, peer };
}

/** Mines until both sides call it active. A node may learn of its own policy some moments later: by the announcement. */
async function activated(network: ContractNetwork, channel: Outpoint): Promise<void> {
  await network.mine(DEEP);
  for (const { backend, role } of [network.payer, network.payee]) {
    await eventually(`${role} calls it active`, async () => (await channelOf(backend, channel))?.state === 'active', 90_000);
    const policy = () =>
      backend.channels.policy(channel).catch((error: { readonly code?: string }) => {
        assert.equal(error.code, 'NOT_FOUND');
        return undefined;
      });
    await eventually(`${role} knows its policy`, policy, 90_000);
  }
}

/** An active channel payer – payee for a while; closed again whatever happens, for the cases that follow count on there being none. */
async function withChannel(
  network: ContractNetwork,
  options: Parameters<typeof opened>[1],
  use: (channel: Outpoint) => Promise<void>,
): Promise<void> {
  const { channel } = await opened(network, options);
  await activated(network, channel);
  try {
    await use(channel);
  } finally {
    for await (const { stage } of network.payer.backend.channels.close(channel)) if (stage === 'closing') await network.mine(DEEP);
  }
}

async function channelOf(backend: ContractNetwork['payer']['backend'], channel: string) {
  return (await backend.channels.list()).find((each) => each.outpoint === channel);
}

/** Balances of channels are told in whole satoshi by some nodes. */
function isNear(balance: bigint | undefined, expected: bigint): boolean {
  return balance !== undefined && balance - expected < 1_000n && expected - balance < 1_000n;
}

/** Opening, pricing, watching and closing channels, and the money on the chain. */
export const channelCases: readonly ContractCase[] = [
  contractCase('channels: those of the network are active, with capacity and both balances', async ({ payer, firstChannel }) => {
    const channel = await channelOf(payer.backend, firstChannel);
    assert.equal(channel?.state, 'active');
    assert.ok((channel?.capacityMsat ?? 0n) > 0n);
    assert.ok((channel?.localMsat ?? 0n) > 0n);
    assert.ok((channel?.localMsat ?? 0n) + (channel?.remoteMsat ?? 0n) <= (channel?.capacityMsat ?? 0n));
    assert.equal(channel?.private, false);
  }),
  contractCase('channels: the balances are the sums over the channels', async ({ payer }) => {
    const channels = (await payer.backend.channels.list()).filter((channel) => channel.state === 'active' || channel.state === 'inactive');
    const local = channels.reduce((sum, channel) => sum + channel.localMsat, 0n);
    assert.equal((await payer.backend.channels.balances()).localMsat, local);
  }),
  contractCase(
    "channels: the whitepaper's walk, from the Bitcoin node to the closed channel",
    async (network) => {
      const { payer, payee } = network;
      const address = await payer.backend.wallet.newAddress();
      const fundingTx = await network.sendToAddress(address, 3_000_000);
      await network.mine(DEEP);
      await eventually('the funding is confirmed', async () => ((await network.getTransaction(fundingTx))?.confirmations ?? 0) >= 6);
      await eventually('the wallet lists it', async () => {
        const listed = await allPages((after) => payer.backend.wallet.transactions(after === undefined ? {} : { after }));
        return listed.some((transaction) => transaction.txId === fundingTx && transaction.confirmations >= 6);
      });
      const { nodeId: peer } = await payee.backend.node.identity();
      await payer.backend.peers.connect({ nodeId: peer, ...payee.address, persistent: true });
      assert.ok((await payer.backend.peers.list()).some((each) => each.nodeId === peer && each.connected));
      const push = payer.capabilities.pushOnOpen ? { pushMsat: sat(2_000) } : {};
      const { outpoint: channel } = await payer.backend.channels.open({ peer, localFundingMsat: sat(1_000_000), private: false, ...push });
      const pending = await eventually('it is listed as pending', async () =>
        (await payer.backend.channels.list({ state: 'pending' })).find((each) => each.outpoint === channel),
      );
      assert.equal(pending.peer, peer);
      await activated(network, channel);
      if (payer.capabilities.pushOnOpen) assert.equal((await channelOf(payee.backend, channel))?.localMsat, 2_000_000n);

      const invoice = await invoiceOf(payee.backend, { amountMsat: sat(100), description: 'Data Request Received: Pay 100Sat to receive' });
      const decoded = await payer.backend.payments.decode(invoice.paymentRequest);
      assert.equal(decoded.payee, peer);
      assert.equal(decoded.amountMsat, 100_000n);
      const paid = await payNow(payer.backend, invoice.paymentRequest, { maxFeeMsat: sat(100) });
      assert.ok(paid.feeMsat <= 100_000n);

      // The time lock stays as it is: not every node can set it for a channel.
      const { cltvDelta } = await payer.backend.channels.policy(channel);
      await payer.backend.channels.setPolicy(channel, { baseFeeMsat: msat(2_000), feeRatePpm: 500, cltvDelta });
      await eventually('the policy is in force', async () => (await payer.backend.channels.policy(channel)).feeRatePpm === 500);

      const before = await payer.backend.wallet.balance();
      const stages: string[] = [];
      const closing = (async () => {
        for await (const stage of payer.backend.channels.close(channel)) {
          stages.push(stage.stage);
          assert.match(stage.txId, /^[0-9a-f]{64}$/);
        }
      })();
      await Promise.race([closing, eventually('the close is broadcast', async () => stages.includes('closing'))]);
      await network.mine(DEEP);
      await closing;
      assert.deepEqual([...new Set(stages)], ['closing', 'closed']);
      await eventually('the wallet has it back', async () => (await payer.backend.wallet.balance()).confirmedMsat > before.confirmedMsat);
      await eventually('it is no longer listed', async () => (await channelOf(payer.backend, channel)) === undefined);
    },
    { timeoutMs: 300_000 },
  ),
  contractCase(
    'channels: a forced close goes on without the peer',
    async (network) => {
      const { channel } = await opened(network, { pushSat: 50_000 });
      await activated(network, channel);
      const stages: string[] = [];
      const closing = (async () => {
        for await (const { stage } of network.payer.backend.channels.close(channel, { force: true })) stages.push(stage);
      })();
      await eventually('the close is broadcast', async () => stages.includes('closing'));
      await eventually('it is listed as closing', async () => {
        const state = (await channelOf(network.payer.backend, channel))?.state;
        return state === 'closing';
      });
      await network.mine(DEEP);
      await closing;
      assert.equal(stages.at(-1), 'closed');
    },
    { timeoutMs: 300_000 },
  ),
  contractCase(
    'channels: a private one is private',
    async (network) =>
      withChannel(network, { private: true }, async (channel) => {
        assert.equal((await channelOf(network.payer.backend, channel))?.private, true);
        if (!network.payee.capabilities.privateHints) return;
        const { nodeId: payer } = await network.payer.backend.node.identity();
        // The hint tells the other side's policy, which has to have come first. Between implementations the first one may get
        // lost (lnd's to eclair), so it is said again.
        const { channels } = network.payer.backend;
        const policy = await eventually('the payer has a policy for it', () => channels.policy(channel).catch(() => undefined));
        await channels.setPolicy(channel, { ...policy, feeRatePpm: policy.feeRatePpm + 1 });
        await eventually('an invoice has a hint of it', async () => {
          const { paymentRequest } = await invoiceOf(network.payee.backend, { privateHints: true });
          const { routeHints } = await network.middle.backend.payments.decode(paymentRequest);
          return routeHints.some((route) => route.at(-1)?.nodeId === payer);
        });
      }),
    { timeoutMs: 300_000 },
  ),
  contractCase('channels: a policy for all of them', async ({ middle }) => {
    const [first] = (await middle.backend.channels.list({ state: 'active' })).filter((channel) => !channel.private);
    assert.ok(first);
    const before = await middle.backend.channels.policy(first.outpoint);
    await middle.backend.channels.setPolicy('all', { ...before, baseFeeMsat: msat(before.baseFeeMsat + 1n) });
    await eventually(
      'it is in force',
      async () => (await middle.backend.channels.policy(first.outpoint)).baseFeeMsat === before.baseFeeMsat + 1n,
    );
    await middle.backend.channels.setPolicy('all', before);
  }),
  contractCase('channels: to a node that is not connected is refused', async (network) => {
    await refused(
      network.payer.backend.channels.open({ peer: NOBODY, localFundingMsat: sat(100_000) }),
      'NOT_FOUND',
      'UNAVAILABLE',
      'REJECTED',
    );
  }),
  contractCase('channels: for more than the wallet has is refused', async (network) => {
    const { payer, payee } = network;
    const { nodeId: peer } = await payee.backend.node.identity();
    await payer.backend.peers.connect({ nodeId: peer, ...payee.address });
    const more = sat((await payer.backend.wallet.balance()).confirmedMsat / 1000n + 10_000n);
    // Above what a channel may hold the node names that first.
    await refused(payer.backend.channels.open({ peer, localFundingMsat: more }), 'INSUFFICIENT_FUNDS', 'INVALID_ARGUMENT', 'REJECTED');
  }),
  contractCase('channels: closing an unknown one is refused', async ({ payer }) => {
    const first = async () => {
      for await (const stage of payer.backend.channels.close(NO_CHANNEL)) return stage;
      return undefined;
    };
    await refused(first(), 'NOT_FOUND');
  }),
  contractCase(
    'channels: a forwarded payment is listed by who forwarded it, with what it earned',
    async ({ payer, middle, payee }) => {
      const invoice = await invoiceOf(payee.backend, { amountMsat: sat(2_021) });
      const { feeMsat } = await payNow(payer.backend, invoice.paymentRequest);
      const forward = await eventually('it is listed', async () => {
        const forwards = await allPages((after) => middle.backend.channels.forwards(after === undefined ? {} : { after }));
        return forwards.find((each) => each.outMsat === 2_021_000n);
      });
      assert.equal(forward.feeMsat, feeMsat);
      assert.equal(forward.inMsat, forward.outMsat + feeMsat);
    },
    { needs: [has('middle', 'forwards')] },
  ),
  contractCase(
    'channels: one that is closed is listed as closed',
    async (network) => {
      const { channel } = await opened(network);
      await activated(network, channel);
      const before = (await network.payer.backend.channels.list({ state: 'closed' })).map((each) => each.outpoint);
      assert.ok(!before.includes(channel));
      let closingTx = '';
      for await (const { stage, txId } of network.payer.backend.channels.close(channel)) {
        closingTx = txId;
        if (stage === 'closing') await network.mine(DEEP);
      }
      const closed = await eventually('it is listed', async () =>
        (await network.payer.backend.channels.list({ state: 'closed' })).find((each) => each.outpoint === channel),
      );
      assert.equal(closed.state, 'closed');
      assert.equal(closed.closingTxId ?? closingTx, closingTx);
    },
    { needs: [has('payer', 'closedChannels')], timeoutMs: 300_000 },
  ),
  contractCase(
    'channels: a push on opening is refused without the capability',
    async ({ payer, payee }) => {
      const { nodeId: peer } = await payee.backend.node.identity();
      await refused(payer.backend.channels.open({ peer, localFundingMsat: sat(100_000), pushMsat: sat(1_000) }), 'UNSUPPORTED');
    },
    { needs: [lacks('payer', 'pushOnOpen')] },
  ),
  contractCase(
    'channels: rebalancing moves balance round through the network, from one channel to another',
    async (network) =>
      withChannel(network, { pushSat: 500_000 }, async (channel) => {
        const { payer, firstChannel } = network;
        const [from, to] = [await channelOf(payer.backend, firstChannel), await channelOf(payer.backend, channel)];
        assert.ok(from?.shortChannelId !== undefined && to?.shortChannelId !== undefined);
        const request = { from: from.shortChannelId, to: to.shortChannelId, amountMsat: sat(10_000), maxFeeMsat: AMPLE_FEE };
        const once = async () => {
          const outcome = await payer.backend.channels.rebalance(request);
          return outcome.status === 'settled' ? outcome : undefined;
        };
        const moved = await eventually('the network knows the way round', once, 90_000);
        assert.equal(moved.amountMsat, 10_000_000n);
        await eventually('it has arrived', async () => {
          const [out, back] = [await channelOf(payer.backend, firstChannel), await channelOf(payer.backend, channel)];
          const isOut = isNear(out?.localMsat, from.localMsat - moved.amountMsat - moved.feeMsat);
          return isOut && isNear(back?.localMsat, to.localMsat + moved.amountMsat);
        });
      }),
    { needs: [has('payer', 'rebalance')], timeoutMs: 300_000 },
  ),
  contractCase(
    'channels: rebalancing is refused without the capability',
    async ({ payer }) => {
      const [channel] = await payer.backend.channels.list({ state: 'active' });
      const id = channel?.shortChannelId;
      assert.ok(id);
      await refused(payer.backend.channels.rebalance({ from: id, to: id, amountMsat: msat(1_000), maxFeeMsat: AMPLE_FEE }), 'UNSUPPORTED');
    },
    { needs: [lacks('payer', 'rebalance')] },
  ),
];
