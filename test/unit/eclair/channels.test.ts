import { afterEach, beforeEach, expect, test } from 'vitest';
import { EclairBackend } from '../../../src/adapters/eclair/backend.ts';
import { eclairConfigSchema } from '../../../src/adapters/eclair/config.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { CloseStage } from '../../../src/core/lightning/channel.ts';
import { nodeId, outpoint } from '../../../src/core/lightning/identifiers.ts';
import { eclairRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, hurriedClock } from '../shared/adapter-dependencies.ts';
import { type Answer, ApiServer, recorded } from './api-server.ts';

const PEER = nodeId('025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0');
const CHANNEL = outpoint('5d3761363af290d99591a7fa98ef09f37549047afcc2d5d4eb3f47120e468af7:0');
const CHANNEL_ID = 'f78a460e12473febd4d5c2fc7a044975f309ef98faa79195d990f23a3661375d';
const CLOSE_TX = 'cd'.repeat(32);
const CONNECTED: Answer = { body: [{ nodeId: PEER, state: 'CONNECTED', address: '127.0.0.1:9731', channels: 1 }] };
const POLICY = { baseFeeMsat: msat(1000n), feeRatePpm: 10, cltvDelta: 144 };

let server: ApiServer;
let eclair: EclairBackend;

beforeEach(async () => {
  server = await ApiServer.started({
    '/peers': () => CONNECTED,
    '/channels': () => recorded('channels normal'),
    '/closedchannels': () => recorded('closedchannels'),
    '/onchainbalance': () => recorded('onchainbalance'),
  });
  const config = eclairConfigSchema.parse({ kind: 'eclair', url: server.url, password: server.password });
  eclair = new EclairBackend(config, dependencies({ clock: hurriedClock(50) }));
});
afterEach(async () => {
  await eclair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** The one channel of the recording, changed. */
function channel(fields: Readonly<Record<string, unknown>>, data: Readonly<Record<string, unknown>> = {}): Answer {
  const [one] = named(eclairRecordings(), 'channels normal').body as { data: object }[];
  return { body: [{ ...one, ...fields, data: { ...one?.data, ...data } }] };
}

const CLOSED: Answer = {
  body: [
    {
      channelId: CHANNEL_ID,
      remoteNodeId: PEER,
      fundingTxId: CHANNEL.slice(0, 64),
      fundingOutputIndex: 0,
      fundingTxIndex: 0,
      isChannelOpener: true,
      announced: true,
      capacity: 2_000_000,
      closingTxId: CLOSE_TX,
      closingType: 'mutual-close',
      localBalance: 1_100_000_000,
      remoteBalance: 900_000_000,
    },
  ],
};

async function stages(close: AsyncIterable<CloseStage>): Promise<CloseStage[]> {
  const seen: CloseStage[] = [];
  for await (const stage of close) seen.push(stage);
  return seen;
}

test('a channel is opened in sat and pushed in msat; that it was is told by the list, not by the text', async () => {
  server.on('/open', () => recorded('open'));
  expect(await eclair.channels.open({ peer: PEER, localFundingMsat: sat(2_000_000n), pushMsat: sat(900_000n) })).toEqual({
    outpoint: CHANNEL,
  });
  expect(server.called('/open')).toMatchObject([
    { nodeId: PEER, fundingSatoshis: '2000000', pushMsat: '900000000', announceChannel: 'true', fundingFeeBudgetSatoshis: '20000' },
  ]);
});

test('a channel that the peer aborted is status 200 and a text: rejected', async () => {
  server.on('/open', () => recorded('open too small')).on('/channels', () => ({ body: [] }));
  await expect(eclair.channels.open({ peer: PEER, localFundingMsat: sat(100n) })).rejects.toMatchObject({
    code: 'REJECTED',
    message: expect.stringContaining('below min chan size'),
  });
});

test('not connected, or not enough: seen by the state of the node, whatever the text', async () => {
  server.on('/open', () => ({ status: 500, body: { error: 'API call failed: check logs for more details' } }));
  await expect(eclair.channels.open({ peer: PEER, localFundingMsat: sat(100_000_000n) })).rejects.toMatchObject({
    code: 'INSUFFICIENT_FUNDS',
  });
  server.on('/peers', () => recorded('peers (2)')).on('/open', () => recorded('open without peer'));
  await expect(eclair.channels.open({ peer: PEER, localFundingMsat: sat(100_000n) })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(eclair.channels.open({ peer: PEER, localFundingMsat: msat(1n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('channels by state', async () => {
  server.on('/channels', () => recorded('channels normal (2)')).on('/closedchannels', () => CLOSED);
  expect((await eclair.channels.list()).map(({ state }) => state)).toEqual(['active']);
  expect(await eclair.channels.list({ state: 'pending' })).toEqual([]);
  expect(await eclair.channels.list({ state: 'closed' })).toMatchObject([
    { outpoint: CHANNEL, state: 'closed', closingTxId: CLOSE_TX, capacityMsat: 2_000_000_000n },
  ]);
  expect(server.called('/closedchannels')).toEqual([{ count: '100', skip: '0' }]);
});

test('balances: open ones and pending ones apart', async () => {
  expect(await eclair.channels.balances()).toEqual({ localMsat: 1_100_000_000n, remoteMsat: 900_000_000n, pendingLocalMsat: 0n });
  server.on('/channels', () => recorded('channels awaiting confirmation'));
  expect(await eclair.channels.balances()).toEqual({ localMsat: 0n, remoteMsat: 0n, pendingLocalMsat: 1_100_000_000n });
});

test('a cooperative close through its stages', async () => {
  server.on('/close', () => recorded('close'));
  server.on('/channels', (_, call) => {
    if (call < 3) return recorded('channels normal');
    return call < 5 ? channel({ state: 'NEGOTIATING_SIMPLE' }, { publishedClosingTxs: [{ txid: CLOSE_TX, tx: '00' }] }) : { body: [] };
  });
  server.on('/closedchannels', () => CLOSED);
  expect(await stages(eclair.channels.close(CHANNEL, { feeRateSatPerVbyte: 3 }))).toEqual([
    { stage: 'closing', txId: CLOSE_TX },
    { stage: 'closed', txId: CLOSE_TX },
  ]);
  expect(server.called('/close')).toEqual([{ channelId: CHANNEL_ID, preferredFeerateSatByte: '3' }]);
});

test('a forced close is closed when the commitment is confirmed, not when our money has come back', async () => {
  const commitTx = { txid: CLOSE_TX, tx: '00' };
  server.on('/forceclose', () => recorded('close'));
  server.on('/channels', (_, call) => {
    const irrevocablySpent = call < 4 ? {} : { [CHANNEL]: commitTx };
    return call < 2
      ? channel({ state: 'OFFLINE' })
      : channel({ state: 'CLOSING' }, { localCommitPublished: { commitTx, irrevocablySpent } });
  });
  expect((await stages(eclair.channels.close(CHANNEL, { force: true }))).map(({ stage }) => stage)).toEqual(['closing', 'closed']);
});

test('closing: an unknown channel, a peer that is away, a channel that would not', async () => {
  await expect(stages(eclair.channels.close(outpoint(`${'00'.repeat(32)}:0`)))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  server.on('/channels', () => channel({ state: 'OFFLINE' }));
  await expect(stages(eclair.channels.close(CHANNEL))).rejects.toMatchObject({ code: 'CONFLICT' });
  server.on('/channels', () => recorded('channels normal')).on('/close', () => recorded('close unknown'));
  await expect(stages(eclair.channels.close(CHANNEL))).rejects.toMatchObject({ code: 'REJECTED' });
});

test('following a close ends with the signal', async () => {
  server.on('/close', () => recorded('close'));
  const controller = new AbortController();
  const following = stages(eclair.channels.close(CHANNEL, {}, { signal: controller.signal }));
  controller.abort();
  await expect(following).rejects.toMatchObject({ code: 'ABORTED' });
});

test('policy: set, read back, nothing for a peer without channels, and the cltv delta is the node’s own', async () => {
  server.on('/updaterelayfee', () => recorded('updaterelayfee'));
  await eclair.channels.setPolicy(CHANNEL, POLICY);
  await eclair.channels.setPolicy('all', POLICY);
  expect(server.called('/updaterelayfee')).toEqual(Array(2).fill({ nodeIds: PEER, feeBaseMsat: '1000', feeProportionalMillionths: '10' }));
  expect(await eclair.channels.policy(CHANNEL)).toEqual({ baseFeeMsat: 1000n, feeRatePpm: 200, cltvDelta: 144 });
  server.on('/updaterelayfee', () => recorded('updaterelayfee unknown'));
  await expect(eclair.channels.setPolicy(CHANNEL, POLICY)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  server.on('/updaterelayfee', () => ({ body: { [CHANNEL_ID]: 'channel is closing' } }));
  await expect(eclair.channels.setPolicy(CHANNEL, POLICY)).rejects.toMatchObject({ code: 'REJECTED' });
  await expect(eclair.channels.setPolicy(CHANNEL, { ...POLICY, cltvDelta: 40 })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  server.on('/channels', () => recorded('channels awaiting confirmation'));
  await expect(eclair.channels.policy(CHANNEL)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('forwards with the short ids of their channels', async () => {
  const at = { iso: '2026-11-20T23:24:40.841Z', unix: 1_795_217_080 };
  const edge = (channelId: string, amount: number) => ({ channelId, remoteNodeId: PEER, amount, receivedAt: at, settledAt: at });
  const relayed = {
    type: 'payment-relayed',
    paymentHash: '00'.repeat(32),
    incoming: [edge(CHANNEL_ID, 1010)],
    outgoing: [edge('00'.repeat(32), 1000)],
  };
  server.on('/audit', () => ({ body: { sent: [], received: [], relayed: [relayed] } }));
  expect(await eclair.channels.forwards({ limit: 1 })).toEqual({
    items: [{ at: 1_795_217_080_841, incoming: '131x1x0', outgoing: '0x0x0', inMsat: 1010n, outMsat: 1000n, feeMsat: 10n }],
    next: '1',
  });
});

test('connecting: connected, already, refused with status 200', async () => {
  server.on('/connect', () => recorded('connect'));
  await eclair.peers.connect({ nodeId: PEER, host: '::1', port: 9735 });
  expect(server.called('/connect')).toEqual([{ uri: `${PEER}@[::1]:9735` }]);
  server.on('/connect', () => recorded('connect again'));
  await eclair.peers.connect({ nodeId: PEER, host: '127.0.0.1', port: 9735 });
  server.on('/connect', () => recorded('connect refused')).on('/peers', () => recorded('peers (2)'));
  await expect(eclair.peers.connect({ nodeId: PEER, host: '127.0.0.1', port: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a list of peers that one of them holds up is asked for again', async () => {
  server.on('/peers', (_, call) => (call < 3 ? recorded('peers') : CONNECTED));
  expect(await eclair.peers.list()).toEqual([{ nodeId: PEER, connected: true, address: '127.0.0.1:9731', inbound: undefined }]);
  expect(server.called('/peers')[0]).toEqual({ timeoutSeconds: '5' });
  server.on('/peers', () => recorded('peers'));
  await expect(eclair.peers.list()).rejects.toMatchObject({ code: 'INTERNAL', retry: 'safe' });
});

test('disconnecting, and not connected is fine', async () => {
  server.on('/disconnect', () => recorded('disconnect'));
  await eclair.peers.disconnect(PEER);
  server.on('/disconnect', () => ({ status: 500, body: { error: 'peer not found' } })).on('/peers', () => recorded('peers (2)'));
  await eclair.peers.disconnect(PEER);
});

test('the wallet: address, balance, sending', async () => {
  server.on('/getnewaddress', () => recorded('getnewaddress')).on('/sendonchain', () => recorded('sendonchain'));
  expect(await eclair.wallet.newAddress()).toBe('mmK1wjNVYGhENdUK18QoajJjKdQHCh3U2v');
  expect(await eclair.wallet.balance()).toEqual({ confirmedMsat: 100_000_000_000n, unconfirmedMsat: 0n });
  const address = 'mqxkPWKHxFbxmTzSiGDaemz3MYFMG8qH9J';
  expect((await eclair.wallet.send({ address, amountMsat: sat(10_000n) })).txId).toBe(
    'b763bcf45b9544796a27d2ebdd635c7570e91b233d46b6914d3aa8b81b577a4e',
  );
  await eclair.wallet.send({ address, amountMsat: sat(10_000n), feeRateSatPerVbyte: 2 });
  expect(server.called('/sendonchain')).toEqual([
    { address, amountSatoshis: '10000', confirmationTarget: '6' },
    { address, amountSatoshis: '10000', feeRatePerByte: '2' },
  ]);
  server.on('/sendonchain', () => recorded('sendonchain bad address'));
  await expect(eclair.wallet.send({ address: 'nope', amountMsat: sat(1n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(eclair.wallet.send({ address, amountMsat: msat(1n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('/sendonchain', () => ({ status: 500, body: { error: 'Insufficient funds' } }));
  await expect(eclair.wallet.send({ address, amountMsat: sat(100_000_000n) })).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
});

test('transactions: an entry an address becomes one a transaction, oldest first, with what it changed', async () => {
  const entry = (txid: string, amount: number, fees: number, confirmations: number) => ({
    address: 'a',
    amount,
    fees,
    confirmations,
    txid: txid.repeat(64),
    timestamp: 1_795_217_000,
  });
  server.on('/onchaintransactions', ({ count, skip }) => ({
    body: [entry('c', -10_000, -170, 0), entry('b', -5_000, 250, 1), entry('b', -6_000, 250, 1), entry('a', 50_000, 0, 7)].slice(
      Number(skip),
      Number(skip) + Number(count),
    ),
  }));
  const first = await eclair.wallet.transactions({ limit: 2 });
  expect(first.items).toEqual([
    { txId: 'a'.repeat(64), deltaMsat: 50_000_000n, feeMsat: undefined, confirmations: 7, at: 1_795_217_000_000 },
    { txId: 'b'.repeat(64), deltaMsat: -11_250_000n, feeMsat: 250_000n, confirmations: 1, at: 1_795_217_000_000 },
  ]);
  const second = await eclair.wallet.transactions({ limit: 2, after: first.next as string });
  expect(second).toMatchObject({ items: [{ txId: 'c'.repeat(64), deltaMsat: -10_170_000n }], next: undefined });
});
