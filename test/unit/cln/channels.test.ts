import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClnBackend } from '../../../src/adapters/cln/backend.ts';
import { clnConfigSchema } from '../../../src/adapters/cln/config.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { CloseStage } from '../../../src/core/lightning/channel.ts';
import { nodeId, outpoint } from '../../../src/core/lightning/identifiers.ts';
import { clnRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, hurriedClock } from '../shared/adapter-dependencies.ts';
import { type Answer, RpcServer, recorded } from './rpc-server.ts';

let server: RpcServer;
let cln: ClnBackend;

beforeEach(async () => {
  server = await RpcServer.started();
  cln = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', socket: server.path }), dependencies({ clock: hurriedClock(50) }));
});
afterEach(async () => {
  await cln[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const PEER = nodeId('025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0');
const CHANNEL = outpoint('2f2262700558ea3c71421762e401b511c5542cbad94fa63ef2c358c9af2a69c0:0');
const CLOSE_TX = 'deab1486d511ab956961524d15f12f30200bdd6175309190171b623a92b40d0f';

function channelWith(name: string, fields: Readonly<Record<string, unknown>>): Answer {
  const { channels } = named(clnRecordings(), name).result as { channels: object[] };
  return { result: { channels: channels.map((channel) => ({ ...channel, ...fields })) } };
}

async function stages(close: AsyncIterable<CloseStage>): Promise<CloseStage[]> {
  const seen: CloseStage[] = [];
  for await (const stage of close) seen.push(stage);
  return seen;
}

test('a channel is funded in sat and pushed in msat', async () => {
  server.on('fundchannel', () => recorded('fundchannel'));
  expect(
    await cln.channels.open({ peer: PEER, localFundingMsat: sat(2_000_000n), pushMsat: sat(900_000n), feeRateSatPerVbyte: 2.5 }),
  ).toEqual({ outpoint: CHANNEL });
  expect(server.called('fundchannel')).toEqual([
    { id: PEER, amount: 2_000_000, announce: true, push_msat: 900_000_000, feerate: '2500perkb' },
  ]);
});

test.each([
  ['fundchannel without funds', 'NOT_FOUND'],
  ['fundchannel too small', 'INVALID_ARGUMENT'],
] as const)('%s: %s', async (recording, code) => {
  server.on('fundchannel', () => recorded(recording));
  await expect(cln.channels.open({ peer: PEER, localFundingMsat: sat(1n) })).rejects.toMatchObject({ code, operation: 'channels.open' });
});

test.each([
  [301, 'INSUFFICIENT_FUNDS'],
  [313, 'INSUFFICIENT_FUNDS'],
  [304, 'NOT_SYNCED'],
  [-1, 'REJECTED'],
] as const)('opening answered with error %i: %s', async (rpc, code) => {
  server.on('fundchannel', () => ({ error: { code: rpc, message: 'no' } }));
  await expect(cln.channels.open({ peer: PEER, localFundingMsat: sat(100_000n) })).rejects.toMatchObject({ code });
});

test('a fraction of a sat, or more pushed than funded, is refused before the node is asked', async () => {
  await expect(cln.channels.open({ peer: PEER, localFundingMsat: msat(1001n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(cln.channels.open({ peer: PEER, localFundingMsat: sat(1n), pushMsat: sat(2n) })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  expect(server.called('fundchannel')).toEqual([]);
});

test('channels by state; what is closed is in neither list but its own', async () => {
  server
    .on('listpeerchannels', () => recorded('listpeerchannels after close'))
    .on('listclosedchannels', () => recorded('listclosedchannels'));
  expect(await cln.channels.list()).toEqual([]);
  expect((await cln.channels.list({ state: 'closed' })).map((channel) => channel.shortChannelId)).toEqual(['124x1x0', '145x1x0']);
  server.on('listpeerchannels', () => recorded('listpeerchannels normal'));
  expect(await cln.channels.list({ state: 'pending' })).toEqual([]);
  expect(await cln.channels.list({ state: 'active' })).toHaveLength(1);
});

test('a forgotten channel is listed as closed', async () => {
  server
    .on('listpeerchannels', () => ({ result: { channels: [] } }))
    .on('listclosedchannels', () => ({
      result: {
        closedchannels: [
          {
            peer_id: PEER,
            channel_id: 'c0'.repeat(32),
            short_channel_id: '124x1x0',
            opener: 'remote',
            private: true,
            funding_txid: 'ab'.repeat(32),
            funding_outnum: 1,
            total_msat: 2_000_000_000,
            final_to_us_msat: 500_000_000,
            last_commitment_txid: CLOSE_TX,
            close_cause: 'remote',
          },
          {
            channel_id: 'c1'.repeat(32),
            private: false,
            funding_txid: 'cd'.repeat(32),
            funding_outnum: 0,
            total_msat: 1,
            final_to_us_msat: 1,
          },
        ],
      },
    }));
  expect(await cln.channels.list({ state: 'closed' })).toMatchObject([
    {
      outpoint: `${'ab'.repeat(32)}:1`,
      state: 'closed',
      localMsat: 500_000_000n,
      remoteMsat: 1_500_000_000n,
      initiator: false,
      private: true,
      closingTxId: CLOSE_TX,
    },
  ]);
});

test('balances: open ones and pending ones apart', async () => {
  server.on('listpeerchannels', () => recorded('listpeerchannels normal'));
  expect(await cln.channels.balances()).toEqual({ localMsat: 1_100_000_000n, remoteMsat: 900_000_000n, pendingLocalMsat: 0n });
  server.on('listpeerchannels', () => recorded('listpeerchannels awaiting lockin'));
  expect(await cln.channels.balances()).toEqual({ localMsat: 0n, remoteMsat: 0n, pendingLocalMsat: 1_100_000_000n });
});

test('a cooperative close is never forced by itself, and goes through its stages', async () => {
  let state = 'listpeerchannels normal';
  server.on('listpeerchannels', (_, call) => {
    if (call > 4) state = 'listpeerchannels onchain';
    return recorded(state);
  });
  server.on('close', () => {
    state = 'listpeerchannels closing';
    return recorded('close mutual');
  });
  expect(await stages(cln.channels.close(CHANNEL))).toEqual([
    { stage: 'closing', txId: CLOSE_TX },
    { stage: 'closed', txId: CLOSE_TX },
  ]);
  expect(server.called('close')).toEqual([
    { id: 'c0692aafc958c3f23ea64fd9ba2c54c511b501e4621742713cea58057062222f', unilateraltimeout: 0 },
  ]);
});

test('a close whose answer never comes is followed at the channel', async () => {
  server.on('close', () => 'hang');
  server.on('listpeerchannels', (_, call) =>
    recorded(call < 3 ? 'listpeerchannels normal' : call < 5 ? 'listpeerchannels closing' : 'listpeerchannels onchain'),
  );
  expect((await stages(cln.channels.close(CHANNEL, { force: true }))).map(({ stage }) => stage)).toEqual(['closing', 'closed']);
  expect(server.called('close')[0]).toMatchObject({ unilateraltimeout: 1 });
});

test('a cooperative close needs the peer; an unknown channel is not found; a refusal is told', async () => {
  server.on('listpeerchannels', () => channelWith('listpeerchannels normal', { peer_connected: false }));
  await expect(stages(cln.channels.close(CHANNEL))).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(stages(cln.channels.close(outpoint(`${'00'.repeat(32)}:0`)))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  server.on('listpeerchannels', () => recorded('listpeerchannels normal')).on('close', () => recorded('close unknown'));
  await expect(stages(cln.channels.close(CHANNEL))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('following a close ends with the signal', async () => {
  server.on('close', () => 'hang').on('listpeerchannels', () => recorded('listpeerchannels normal'));
  const controller = new AbortController();
  const following = stages(cln.channels.close(CHANNEL, {}, { signal: controller.signal }));
  controller.abort();
  await expect(following).rejects.toMatchObject({ code: 'ABORTED' });
});

test('policy: set by channel or for all, read back, and the cltv delta is the node’s own', async () => {
  server.on('listpeerchannels', () => recorded('listpeerchannels normal')).on('setchannel', () => recorded('setchannel'));
  await cln.channels.setPolicy(CHANNEL, { baseFeeMsat: msat(1000n), feeRatePpm: 10, cltvDelta: 6 });
  await cln.channels.setPolicy('all', { baseFeeMsat: msat(0n), feeRatePpm: 0, cltvDelta: 6 });
  expect(server.called('setchannel')).toEqual([
    { id: 'c0692aafc958c3f23ea64fd9ba2c54c511b501e4621742713cea58057062222f', feebase: 1000, feeppm: 10 },
    { id: 'all', feebase: 0, feeppm: 0 },
  ]);
  await expect(cln.channels.setPolicy(CHANNEL, { baseFeeMsat: msat(0n), feeRatePpm: 0, cltvDelta: 40 })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  });
  expect(await cln.channels.policy(CHANNEL)).toEqual({ baseFeeMsat: 1n, feeRatePpm: 10, cltvDelta: 6 });
  await expect(cln.channels.policy(outpoint(`${'00'.repeat(32)}:0`))).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('forwards: only those that went through, in pages', async () => {
  const forward = (index: number, status: string) => ({
    created_index: index,
    in_channel: '124x1x0',
    out_channel: '145x1x0',
    in_msat: 1010 + index,
    out_msat: 1000,
    fee_msat: 10 + index,
    status,
    received_time: 1_795_216_549.5,
    ...(status === 'settled' ? { resolved_time: 1_795_216_550.25 } : {}),
  });
  const all = [forward(1, 'settled'), forward(2, 'local_failed'), forward(3, 'settled'), forward(4, 'settled')];
  server.on('listforwards', ({ start, limit }) => ({
    result: { forwards: all.filter((one) => one.created_index >= Number(start)).slice(0, Number(limit)) },
  }));
  const first = await cln.channels.forwards({ limit: 2 });
  expect(first.items).toMatchObject([{ at: 1_795_216_550_250, inMsat: 1011n, outMsat: 1000n, feeMsat: 11n }, { feeMsat: 13n }]);
  const second = await cln.channels.forwards({ limit: 2, after: first.next as string });
  expect(second).toMatchObject({ items: [{ feeMsat: 14n }], next: undefined });
});

test('rebalancing is refused', async () => {
  const request = { from: '1x1x1' as never, to: '2x1x1' as never, amountMsat: msat(1n), maxFeeMsat: msat(1n) };
  await expect(cln.channels.rebalance(request)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});

test('peers: connected, refused, listed, disconnected, and not connected is fine', async () => {
  server
    .on('connect', () => recorded('connect'))
    .on('listpeers', () => recorded('listpeers'))
    .on('disconnect', () => recorded('disconnect'));
  await cln.peers.connect({ nodeId: PEER, host: '::1', port: 9735 });
  expect(server.called('connect')).toEqual([{ id: PEER, host: '::1', port: 9735 }]);
  expect(await cln.peers.list()).toEqual([{ nodeId: PEER, connected: true, address: '127.0.0.1:9731', inbound: undefined }]);
  await cln.peers.disconnect(PEER);
  server.on('connect', () => recorded('connect refused')).on('listpeers', () => ({ result: { peers: [] } }));
  await expect(cln.peers.connect({ nodeId: PEER, host: '127.0.0.1', port: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await cln.peers.disconnect(PEER);
  expect(server.called('disconnect')).toHaveLength(1);
});

test('a peer with a channel is not let go', async () => {
  const { peers } = named(clnRecordings(), 'listpeers').result as { peers: object[] };
  server.on('listpeers', () => ({ result: { peers: peers.map((peer) => ({ ...peer, num_channels: 1 })) } }));
  server.on('disconnect', () => ({ error: { code: -1, message: 'Peer has (at least one) channel in state CHANNELD_NORMAL' } }));
  await expect(cln.peers.disconnect(PEER)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('the wallet: address, balance, transactions in pages, sending in whole sat', async () => {
  server.on('newaddr', () => recorded('newaddr')).on('listfunds', () => recorded('listfunds confirmed output'));
  server.on('listtransactions', () => recorded('listtransactions')).on('withdraw', () => recorded('withdraw'));
  const address = await cln.wallet.newAddress();
  expect(address).toMatch(/^bcrt1p/);
  expect(await cln.wallet.balance()).toEqual({ confirmedMsat: 100_000_000_000n, unconfirmedMsat: 0n });
  expect((await cln.wallet.transactions({ limit: 1 })).items).toMatchObject([{ deltaMsat: 100_000_000_000n }]);
  expect(server.called('listfunds').at(-1)).toEqual({ spent: true });
  const sent = await cln.wallet.send({ address: 'mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK', amountMsat: sat(10_000n) });
  expect(sent.txId).toBe('18258eaa768df65eb4a8a01c596f221fb897c1cd9448931428c7116b78892eb2');
  await cln.wallet.send({ address, amountMsat: sat(10_000n), feeRateSatPerVbyte: 1 });
  expect(server.called('withdraw')).toEqual([
    { destination: 'mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK', satoshi: 10_000 },
    { destination: address, satoshi: 10_000, feerate: '1000perkb' },
  ]);
});

test('what cannot be sent: to no address, to another network, part of a sat, nothing, more than there is', async () => {
  server.on('withdraw', () => ({ error: { code: 301, message: 'Could not afford 1000sat using all 0 available UTXOs' } }));
  const send = (address: string, amountMsat: bigint) => cln.wallet.send({ address, amountMsat: msat(amountMsat) });
  const good = 'mkMYDnCEFC6Mbrp1fEwmwt5mZQdBBntxfK';
  await expect(send('nope', 1000n)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(send('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 1000n)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(send(good, 1001n)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(send(good, 0n)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(send(good, 1000n)).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
});
