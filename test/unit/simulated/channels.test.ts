import { expect, test } from 'vitest';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { CloseStage, PeerAddress } from '../../../src/core/lightning/channel.ts';
import { hashOfPreimage, nodeId, preimage } from '../../../src/core/lightning/identifiers.ts';
import { missingMsat, type World, world } from './world.ts';

async function addressOf(at: World, node: string): Promise<PeerAddress> {
  const { uris } = await at.backend(node).node.info();
  const [id = '', host = '', port = ''] = (uris[0] ?? '').split(/[@:]/);
  return { nodeId: nodeId(id), host, port: Number(port) };
}

function pair(walletSat = 10_000_000): World {
  return world({ nodes: ['a', 'b'], channels: [], walletSat });
}

async function rest(stages: AsyncIterable<CloseStage>, ...mine: (() => unknown)[]): Promise<string[]> {
  const seen: string[] = [];
  for await (const { stage } of stages) {
    seen.push(stage);
    await mine.shift()?.();
  }
  return seen;
}

test('a channel goes from pending to active to closed, and the money with it', async () => {
  const at = pair();
  const { control } = at.simnet;
  const [a, b] = [at.backend('a'), at.backend('b')];
  const peer = await addressOf(at, 'b');
  await expect(a.channels.open({ peer: peer.nodeId, localFundingMsat: sat(1_000_000) })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await a.peers.connect(peer);
  await a.peers.connect(peer);
  expect(await b.peers.list()).toMatchObject([{ connected: true, inbound: true }]);
  const { outpoint } = await a.channels.open({
    peer: peer.nodeId,
    localFundingMsat: sat(1_000_000),
    pushMsat: msat(300_000_500),
    feeRateSatPerVbyte: 1,
  });
  expect(await a.channels.list({ state: 'pending' })).toMatchObject([
    { outpoint, initiator: true, shortChannelId: undefined, localMsat: 699_999_500n },
  ]);
  expect(await a.channels.balances()).toMatchObject({ localMsat: 0n, pendingLocalMsat: 699_999_500n });
  expect(await a.wallet.balance()).toEqual({ confirmedMsat: (10_000_000n - 1_000_000n - 154n) * 1000n, unconfirmedMsat: 0n });
  await control.call('mine', { blocks: 2 });
  expect(await a.channels.list({ state: 'active' })).toEqual([]);
  await control.call('mine', {});
  expect(await b.channels.list({ state: 'active' })).toMatchObject([
    { outpoint, initiator: false, localMsat: 300_000_500n, capacityMsat: 1_000_000_000n },
  ]);
  await expect(a.peers.disconnect(peer.nodeId)).rejects.toMatchObject({ code: 'CONFLICT' });
  const stages = await rest(a.channels.close(outpoint, { feeRateSatPerVbyte: 1 }), () => control.call('mine', {}));
  expect(stages).toEqual(['closing', 'closed']);
  expect(await a.channels.list()).toEqual([]);
  expect(await a.channels.list({ state: 'closed' })).toMatchObject([{ outpoint, state: 'closed' }]);
  // Half a satoshi is left of both; it goes to the miner with the fee.
  expect((await b.wallet.balance()).confirmedMsat).toBe((10_000_000n + 300_000n) * 1000n);
  expect((await a.wallet.balance()).confirmedMsat).toBe((10_000_000n - 154n - 300_000n - 1n - 168n) * 1000n);
  expect((await a.wallet.transactions()).items.map(({ deltaMsat, feeMsat }) => [deltaMsat, feeMsat])).toEqual([
    [10_000_000_000n, undefined],
    [-1_000_154_000n, 154_000n],
    [699_831_000n, undefined],
  ]);
  expect(missingMsat(at.simnet)).toBe(0n);
});

test('who closes by force waits for its money; what was held goes back', async () => {
  const at = world({ nodes: ['a', 'b'], channels: [{ from: 'a', to: 'b', sat: 1_000_000, pushSat: 200_000 }], walletSat: 1_000_000 });
  const { control, network } = at.simnet;
  const [a, b] = [at.backend('a'), at.backend('b')];
  const hold = { paymentHash: hashOfPreimage(preimage('ab'.repeat(32))) };
  const { paymentRequest } = await b.invoices.create({ amountMsat: sat(1000), description: '', expirySeconds: 600, hold });
  network.pay('a', { paymentRequest, maxFeeMsat: msat(0) });
  const [channel] = await a.channels.list();
  if (channel === undefined) throw new Error('no channel');
  await expect(rest(a.channels.close(channel.outpoint))).rejects.toMatchObject({ code: 'CONFLICT' });
  const before = await b.wallet.balance();
  expect(await rest(a.channels.close(channel.outpoint, { force: true }), () => control.call('mine', {}))).toEqual(['closing', 'closed']);
  expect(await b.invoices.lookup(hold.paymentHash)).toMatchObject({ state: 'cancelled' });
  expect(await a.payments.lookup(hold.paymentHash)).toMatchObject({ status: 'failed' });
  expect((await b.wallet.balance()).confirmedMsat - before.confirmedMsat).toBe(200_000_000n);
  const waiting = (await a.wallet.balance()).unconfirmedMsat;
  expect(waiting).toBeGreaterThan(799_000_000n);
  await control.call('mine', { blocks: 143 });
  expect((await a.wallet.balance()).unconfirmedMsat).toBe(waiting);
  await control.call('mine', {});
  expect((await a.wallet.balance()).unconfirmedMsat).toBe(0n);
  expect(missingMsat(at.simnet)).toBe(0n);
});

test('while the peer is away a channel is inactive and only a forced close works', async () => {
  const at = world();
  const { control } = at.simnet;
  const buyer = at.backend('buyer');
  await control.call('stopNode', { node: 'seller' });
  const [channel] = await buyer.channels.list({ state: 'inactive' });
  if (channel === undefined) throw new Error('no inactive channel');
  await expect(rest(buyer.channels.close(channel.outpoint))).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(buyer.peers.connect(await addressOf(at, 'buyer'))).rejects.toMatchObject({ code: 'REJECTED' });
  await control.call('startNode', { node: 'seller' });
  expect(await buyer.channels.list({ state: 'active' })).toHaveLength(1);
});

test('a persistent peer is connected again after a restart, another is not', async () => {
  const at = world({ nodes: ['a', 'b', 'c'], channels: [] });
  const { control } = at.simnet;
  const a = at.backend('a');
  const [b, c] = [await addressOf(at, 'b'), await addressOf(at, 'c')];
  await a.peers.connect({ ...b, persistent: true });
  await a.peers.connect(c);
  await control.call('stopNode', { node: 'a' });
  await control.call('startNode', { node: 'a' });
  expect((await a.peers.list()).map(({ nodeId: id, connected }) => [id, connected])).toEqual([[b.nodeId, true]]);
  await a.peers.disconnect(b.nodeId);
  await a.peers.disconnect(b.nodeId);
  expect(await a.peers.list()).toEqual([]);
});

test('nobody answers at a wrong address', async () => {
  const at = pair();
  const b = await addressOf(at, 'b');
  const stranger = nodeId(`02${'ab'.repeat(32)}`);
  for (const address of [
    { ...b, port: 1 },
    { ...b, nodeId: stranger },
  ]) {
    await expect(at.backend('a').peers.connect(address)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
});

test('a policy holds for one channel or for all, and is what the next payment costs', async () => {
  const at = world();
  const router = at.backend('router');
  const policy = { baseFeeMsat: msat(7), feeRatePpm: 1000, cltvDelta: 40 };
  await router.channels.setPolicy('all', policy);
  for (const { outpoint } of await router.channels.list()) expect(await router.channels.policy(outpoint)).toEqual(policy);
  const { paymentRequest } = await at.backend('seller').invoices.create({ amountMsat: msat(10_000), description: '', expirySeconds: 60 });
  expect(await at.backend('buyer2').payments.pay({ paymentRequest, maxFeeMsat: msat(17) })).toMatchObject({
    status: 'settled',
    feeMsat: 17n,
  });
  const [first] = await router.channels.list();
  if (first === undefined) throw new Error('no channel');
  await expect(router.channels.setPolicy(first.outpoint, { ...policy, feeRatePpm: 0.5 })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  await expect(at.backend('buyer').channels.policy(first.outpoint)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('channels that can not be meant are refused, and nothing is spent', async () => {
  const at = pair();
  const a = at.backend('a');
  const b = await addressOf(at, 'b');
  await a.peers.connect(b);
  const before = await a.wallet.balance();
  const wrong = [
    [{ localFundingMsat: sat(19_999) }, 'INVALID_ARGUMENT'],
    [{ localFundingMsat: msat(20_000_001) }, 'INVALID_ARGUMENT'],
    [{ localFundingMsat: sat(100_000), pushMsat: sat(99_001) }, 'INVALID_ARGUMENT'],
    [{ localFundingMsat: sat(100_000), feeRateSatPerVbyte: -1 }, 'INVALID_ARGUMENT'],
    [{ localFundingMsat: sat(10_000_000) }, 'INSUFFICIENT_FUNDS'],
  ] as const;
  for (const [request, code] of wrong) await expect(a.channels.open({ peer: b.nodeId, ...request })).rejects.toMatchObject({ code });
  expect(await a.wallet.balance()).toEqual(before);
});

test('the wallet sends to nodes and to strangers, never a fraction of a satoshi', async () => {
  const at = pair();
  const [a, b] = [at.backend('a'), at.backend('b')];
  const address = await b.wallet.newAddress();
  expect(address).toMatch(/^bcrt1q/);
  const { txId } = await a.wallet.send({ address, amountMsat: sat(5000), feeRateSatPerVbyte: 1 });
  expect((await b.wallet.balance()).unconfirmedMsat).toBe(5_000_000n);
  expect(await at.simnet.control.call('transaction', { txId })).toMatchObject({ confirmations: 0, kind: 'send' });
  await at.simnet.control.call('mine', {});
  expect((await b.wallet.balance()).confirmedMsat).toBe(10_005_000_000n);
  expect((await b.wallet.transactions()).items.at(-1)).toMatchObject({ txId, deltaMsat: 5_000_000n, feeMsat: undefined, confirmations: 1 });
  await a.wallet.send({ address: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', amountMsat: sat(5000) });
  await at.simnet.control.call('mine', {});
  expect(at.simnet.network.audit().outsideMsat).toBe(5_000_000n);
  for (const request of [
    { address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', amountMsat: sat(5000) },
    { address, amountMsat: msat(5_000_001) },
    { address, amountMsat: sat(1) },
  ]) {
    await expect(a.wallet.send(request)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  await expect(a.wallet.send({ address, amountMsat: sat(10_000_000) })).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
});
