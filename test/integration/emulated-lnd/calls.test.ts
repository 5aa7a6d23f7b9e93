import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EMULATED_CALLS } from '../../../regtest/emulated/lnd/handlers.ts';
import { PERMISSIONS } from '../../../regtest/emulated/lnd/permissions.ts';
import { lndServices } from '../../../regtest/emulated/lnd/protocol.ts';
import { channelNumber, shortIdOf } from '../../../regtest/emulated/lnd/values.ts';
import type { EmulatedNetwork } from '../../../regtest/emulated/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import type { ShortChannelId } from '../../../src/core/lightning/identifiers.ts';
import { RawClient } from './support/raw-client.ts';
import { lndWorld } from './support/world.ts';

type Fields = Record<string, unknown>;

let network: EmulatedNetwork;
let payer: RawClient;
let payee: RawClient;

beforeAll(async () => {
  network = (await lndWorld()).network;
  payer = new RawClient(network.node('payer').config);
  payee = new RawClient(network.node('payee').config);
});

afterAll(async () => {
  for (const each of [payer, payee]) each?.[Symbol.dispose]();
  await network?.[Symbol.asyncDispose]();
});

function keyOf(name: string): string {
  return network.simulated.nodes.need(name).nodeId;
}

async function added(count: number, request: Fields = {}): Promise<Fields[]> {
  const all: Fields[] = [];
  for (let index = 0; index < count; index += 1)
    all.push(await payee.call('default', 'addInvoice', { value_msat: '2000', expiry: '600', ...request }));
  return all;
}

function fieldOf(message: Fields | undefined, name: string): Fields {
  return (message?.[name] ?? {}) as Fields;
}

function indexes(answer: Fields): string[] {
  return (answer['invoices'] as Fields[]).map(({ add_index: index }) => String(index));
}

test('every emulated call is one of lnd’s and has lnd’s rights', () => {
  expect([...EMULATED_CALLS].sort()).toEqual(Object.keys(PERMISSIONS).sort());
  for (const call of EMULATED_CALLS) {
    const [service = '', method = ''] = call.split('/');
    expect(Object.keys(lndServices()[service] ?? {}), call).toContain(method);
  }
});

test('a short channel id is one number and back', () => {
  expect(channelNumber('175x1x0' as ShortChannelId)).toBe(String((175n << 40n) | (1n << 16n)));
  expect(channelNumber(undefined)).toBe('0');
  const number = fc.integer({ min: 0, max: 0xff_ffff });
  fc.assert(
    fc.property(number, number, fc.integer({ min: 0, max: 0xffff }), (block, transaction, output) => {
      const id = `${block}x${transaction}x${output}` as ShortChannelId;
      expect(shortIdOf(channelNumber(id))).toBe(id);
    }),
  );
});

test('what is not emulated is said to be unimplemented', async () => {
  const { code } = await payer.refusal('default', 'describeGraph');
  expect(code).toBe(12);
});

test('invoices are listed forwards, backwards and open ones alone', async () => {
  const made = await added(4);
  const [first, second, third, fourth] = made.map(({ add_index: index }) => String(index));
  await payee.call('invoices', 'cancelInvoice', { payment_hash: made[1]?.['r_hash'] });
  const before = String(Number(first) - 1);
  const page = await payee.call('default', 'listInvoices', { index_offset: before, num_max_invoices: '2' });
  expect(indexes(page)).toEqual([first, second]);
  expect([page['first_index_offset'], page['last_index_offset']]).toEqual([first, second]);
  const backwards = await payee.call('default', 'listInvoices', { num_max_invoices: '2', reversed: true });
  expect(indexes(backwards)).toEqual([third, fourth]);
  const earlier = await payee.call('default', 'listInvoices', { index_offset: third, num_max_invoices: '2', reversed: true });
  expect(indexes(earlier)).toEqual([first, second]);
  const open = await payee.call('default', 'listInvoices', { index_offset: before, pending_only: true });
  expect(indexes(open)).toEqual([first, third, fourth]);
});

test('payments are listed forwards, backwards and settled ones alone', async () => {
  const hashes: unknown[] = [];
  for (const { payment_request: request } of await added(3)) {
    const limit = hashes.length === 1 ? '0' : '10000';
    const [last] = (
      await payer.all('router', 'sendPaymentV2', { payment_request: request, fee_limit_msat: limit, no_inflight_updates: true })
    ).slice(-1);
    hashes.push(last?.['payment_hash']);
  }
  const list = async (request: Fields): Promise<unknown[]> =>
    ((await payer.call('default', 'listPayments', request))['payments'] as Fields[]).map(({ payment_hash: hash }) => hash);
  expect((await list({ include_incomplete: true })).slice(-3)).toEqual(hashes);
  expect((await list({})).slice(-2)).toEqual([hashes[0], hashes[2]]);
  expect(await list({ include_incomplete: true, reversed: true, max_payments: '2' })).toEqual(hashes.slice(1));
});

test('a payment request is decoded', async () => {
  const [invoice] = await added(1, { memo: 'ticks' });
  const decoded = await payer.call('default', 'decodePayReq', { pay_req: invoice?.['payment_request'] });
  expect(decoded).toMatchObject({
    destination: keyOf('carol'),
    description: 'ticks',
    num_msat: '2000',
    num_satoshis: '2',
    expiry: '600',
    cltv_expiry: '80',
  });
  expect((await payer.refusal('default', 'decodePayReq', { pay_req: 'lnbcrt1nothing' })).code).toBe(2);
});

test('a route is found by capacity, within the fee limit or not at all', async () => {
  const query = { pub_key: keyOf('carol'), amt_msat: '100000', final_cltv_delta: 80 };
  const { routes } = await payer.call('default', 'queryRoutes', query);
  expect((routes as Fields[])[0]).toMatchObject({ total_fees_msat: '1000', total_amt_msat: '101000' });
  const refused = { code: 2, details: 'unable to find a path to destination' };
  expect(await payer.refusal('default', 'queryRoutes', { ...query, fee_limit: { fixed_msat: '999' } })).toEqual(refused);
  expect(await payer.refusal('default', 'queryRoutes', { ...query, amt_msat: '9000000000' })).toEqual(refused);
});

test('a peer that is to last is dialled until it is there', async () => {
  await network.node('payee').stop();
  const port = network.node('payee').address.port;
  const addr = { pubkey: network.simulated.nodes.need('carol').nodeId, host: `127.0.0.1:${port}` };
  const refused = await payer.refusal('default', 'connectPeer', { addr, perm: false });
  expect(refused.details).toBe(`dial tcp 127.0.0.1:${port}: connect: connection refused`);
  await payer.call('default', 'connectPeer', { addr, perm: true });
  await network.node('payee').start();
  const isThere = async (): Promise<boolean> => {
    const { peers } = await payer.call('default', 'listPeers');
    return (peers as Fields[]).some(({ pub_key: key }) => key === addr.pubkey);
  };
  await waitUntil('it is connected', isThere, 10_000);
});

test('opening is streamed up to the channel that can be used, and its fees are reported and changed', async () => {
  network.simulated.peers.join('alice', 'carol', false);
  const updates: Fields[] = [];
  const request = { node_pubkey: Buffer.from(keyOf('carol'), 'hex'), local_funding_amount: '500000', private: true };
  for await (const update of payer.stream('default', 'openChannel', request)) {
    updates.push(update);
    if (updates.length === 1) await network.mine(6);
  }
  expect(updates.map(({ update }) => update)).toEqual(['chan_pending', 'chan_open']);
  const point = fieldOf(fieldOf(updates[1], 'chan_open'), 'channel_point');
  const set = await payer.call('default', 'updateChannelPolicy', {
    chan_point: point,
    base_fee_msat: '7',
    fee_rate_ppm: 500,
    time_lock_delta: 40,
  });
  expect(set['failed_updates']).toEqual([]);
  const { channel_fees: fees } = await payer.call('default', 'feeReport');
  expect(fees as Fields[]).toContainEqual(expect.objectContaining({ base_fee_msat: '7', fee_per_mil: '500', fee_rate: 0.0005 }));
  const unknown = { ...point, output_index: 7 };
  const { failed_updates: failed } = await payer.call('default', 'updateChannelPolicy', {
    chan_point: unknown,
    base_fee_msat: '7',
    fee_rate: 0.01,
    time_lock_delta: 40,
  });
  expect(failed as Fields[]).toEqual([expect.objectContaining({ reason: 'UPDATE_FAILURE_NOT_FOUND', update_error: 'not found' })]);
  const { channels } = await payer.call('default', 'listChannels', { private_only: true });
  const [hidden] = channels as Fields[];
  using middle = new RawClient(network.node('middle').config);
  expect((await middle.refusal('default', 'getChanInfo', { chan_id: hidden?.['chan_id'] })).code).toBe(5);
});

test('the wallet is sent on whole, and its transactions come newest first, in pages', async () => {
  const { address } = await payee.call('default', 'newAddress', { type: 'WITNESS_PUBKEY_HASH' });
  const { txid } = await payer.call('default', 'sendCoins', { addr: address, send_all: true });
  expect((await payer.call('default', 'walletBalance'))['confirmed_balance']).toBe('0');
  const { transactions } = await payer.call('default', 'getTransactions', { end_height: -1 });
  const [newest] = transactions as Fields[];
  expect(newest).toMatchObject({ tx_hash: txid, num_confirmations: 0, block_height: 0 });
  const page = await payer.call('default', 'getTransactions', { end_height: -1, index_offset: 1, max_transactions: 1 });
  expect(page['transactions']).toEqual((transactions as Fields[]).slice(1, 2));
  const confirmed = await payer.call('default', 'getTransactions', { start_height: 1, end_height: 1_000 });
  expect((confirmed['transactions'] as Fields[]).map(({ tx_hash: hash }) => hash)).not.toContain(txid);
});
