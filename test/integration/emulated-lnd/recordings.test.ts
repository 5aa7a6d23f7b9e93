import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmulatedNetwork } from '../../../regtest/emulated/network.ts';
import { recorded } from '../../unit/lnd/fixtures.ts';
import { RawClient } from './support/raw-client.ts';
import { differences } from './support/shape.ts';
import { lndWorld } from './support/world.ts';

type Fields = Record<string, unknown>;

let network: EmulatedNetwork;
let payer: RawClient;
let middle: RawClient;
let payee: RawClient;
let channel: string;

beforeAll(async () => {
  const world = await lndWorld();
  network = world.network;
  channel = world.first;
  [payer, middle, payee] = [client('payer'), client('middle'), client('payee')];
});

afterAll(async () => {
  for (const each of [payer, middle, payee]) each?.[Symbol.dispose]();
  await network?.[Symbol.asyncDispose]();
});

function client(role: 'payer' | 'middle' | 'payee'): RawClient {
  return new RawClient(network.node(role).config);
}

function expectRecorded(answer: unknown, name: string): void {
  expect(differences(answer, recorded(name))).toEqual([]);
}

async function added(request: Fields): Promise<Fields & { readonly r_hash: Buffer; readonly payment_request: string }> {
  return (await payee.call('default', 'addInvoice', { expiry: '600', ...request })) as never;
}

async function paid(request: Fields): Promise<readonly Fields[]> {
  return await payer.all('router', 'sendPaymentV2', { fee_limit_msat: '10000', timeout_seconds: 10, ...request });
}

async function lookup(hash: Buffer): Promise<Fields> {
  return await payee.call('default', 'lookupInvoice', { r_hash: hash });
}

test('a comparison with a recording finds what is missing, added or of another type', () => {
  const known = { state: 'OPEN', value: '12', hash: Buffer.from([1]), list: [{ at: 1 }], nothing: null };
  expect(differences(known, known)).toEqual([]);
  expect(differences({ ...known, list: [], nothing: {}, value: '7', state: 'SETTLED' }, known)).toEqual([]);
  const { state: _state, ...lacking } = known;
  expect(differences(lacking, known)).toEqual(['.state: missing']);
  expect(differences({ ...known, more: 1 }, known)).toEqual(['.more: not in the recording']);
  expect(differences({ ...known, value: 12, hash: '01' }, known)).toEqual([
    '.value: number and not number as text',
    '.hash: number as text and not bytes',
  ]);
  expect(differences({ ...known, list: [{ at: '1' }] }, known)).toEqual(['.list[].at: number as text and not number']);
});

test('node info', async () => {
  const info = await payee.call('default', 'getInfo');
  expectRecorded(info, 'get-info');
  const known = recorded('get-info') as Fields;
  for (const field of ['version', 'chains', 'color', 'synced_to_chain', 'synced_to_graph', 'testnet', 'uris'])
    expect(info[field]).toEqual(known[field]);
});

test('an invoice that is open, of any amount, cancelled, settled', async () => {
  const open = await added({ memo: 'café', value_msat: '12345' });
  expectRecorded(await lookup(open.r_hash), 'invoice-open');
  const any = await added({});
  expectRecorded(await lookup(any.r_hash), 'invoice-any');
  await payee.call('invoices', 'cancelInvoice', { payment_hash: any.r_hash });
  const cancelled = await lookup(any.r_hash);
  expectRecorded(cancelled, 'invoice-cancelled');
  expect(cancelled['state']).toBe('CANCELED');
  const updates = await paid({ payment_request: open.payment_request });
  expect(updates.map(({ status }) => status)).toEqual(['IN_FLIGHT', 'SUCCEEDED']);
  expectRecorded(updates.at(-1), 'payment-settled');
  const settled = await lookup(open.r_hash);
  expectRecorded(settled, 'invoice-settled');
  const known = recorded('invoice-settled') as Fields;
  for (const field of [
    'value',
    'value_msat',
    'amt_paid',
    'amt_paid_sat',
    'amt_paid_msat',
    'state',
    'settled',
    'memo',
    'expiry',
    'cltv_expiry',
    'features',
  ]) {
    expect(settled[field], field).toEqual(known[field]);
  }
  expectRecorded(await payee.call('default', 'listInvoices', { num_max_invoices: '10' }), 'list-invoices');
  expectRecorded(await payer.call('default', 'listPayments', { include_incomplete: true }), 'list-payments');
});

test('a settled payment has the amounts, fees and time locks that lnd had', async () => {
  const invoice = await added({ value_msat: '12345' });
  const payment = (await paid({ payment_request: invoice.payment_request })).at(-1);
  const known = recorded('payment-settled') as Fields;
  for (const field of ['value', 'value_sat', 'value_msat', 'fee', 'fee_sat', 'fee_msat', 'status', 'failure_reason']) {
    expect(payment?.[field], field).toEqual(known[field]);
  }
  const [ours, theirs] = [routeOf(payment ?? {}), routeOf(known)];
  for (const field of ['total_fees', 'total_fees_msat', 'total_amt', 'total_amt_msat', 'first_hop_amount_msat']) {
    expect(ours[field], field).toEqual(theirs[field]);
  }
  const untilExpiry = (route: Fields): number[] =>
    (route['hops'] as Fields[]).map(({ expiry }) => Number(expiry) - Number(route['total_time_lock']));
  expect(untilExpiry(ours)).toEqual(untilExpiry(theirs));
});

function routeOf(payment: Fields): Fields {
  const [attempt] = payment['htlcs'] as readonly Fields[];
  return attempt?.['route'] as Fields;
}

test('an invoice that is held, and its payment in flight', async () => {
  const secret = randomBytes(32);
  const hash = createHash('sha256').update(secret).digest();
  const held = await payee.call('invoices', 'addHoldInvoice', { hash, value_msat: '50000', expiry: '600' });
  const seen: Fields[] = [];
  const request = { payment_request: held['payment_request'], fee_limit_msat: '10000', timeout_seconds: 1 };
  for await (const update of payer.stream('router', 'sendPaymentV2', request)) {
    seen.push(update);
    if (seen.length < 2) continue;
    if (seen.length === 2) {
      expectRecorded(update, 'payment-in-flight');
      expectRecorded(await lookup(hash), 'invoice-held');
      await payee.call('invoices', 'settleInvoice', { preimage: secret });
    }
  }
  expect(seen.map(({ status }) => status)).toEqual(['IN_FLIGHT', 'IN_FLIGHT', 'SUCCEEDED']);
});

test('a payment without a route within its fee limit', async () => {
  const invoice = await added({ value_msat: '1000000' });
  const payment = (await paid({ payment_request: invoice.payment_request, fee_limit_msat: '0' })).at(-1);
  expectRecorded(payment, 'payment-failed-no-route');
  expect(payment?.['failure_reason']).toBe('FAILURE_REASON_NO_ROUTE');
});

test('channels, peers, the graph and what was forwarded', async () => {
  const invoice = await added({ value_msat: '12345' });
  await paid({ payment_request: invoice.payment_request });
  expectRecorded(await middle.call('default', 'listChannels'), 'list-channels');
  expectRecorded(await middle.call('default', 'listPeers'), 'list-peers');
  expectRecorded(await payer.call('default', 'getChanInfo', { chan_point: channel }), 'chan-info');
  const history = await middle.call('default', 'forwardingHistory', { start_time: '0', end_time: '9999999999' });
  expectRecorded(history, 'forwarding-history');
  const [event] = (recorded('forwarding-history') as { forwarding_events: Fields[] }).forwarding_events;
  const like = (history['forwarding_events'] as Fields[]).find(({ amt_out_msat }) => amt_out_msat === '12345');
  for (const field of ['amt_in', 'amt_out', 'fee', 'fee_msat', 'amt_in_msat', 'amt_out_msat'])
    expect(like?.[field], field).toEqual(event?.[field]);
});

test('the wallet and its transactions', async () => {
  expectRecorded(await payer.call('default', 'walletBalance'), 'wallet-balance');
  expectRecorded(await payer.call('default', 'getTransactions'), 'transactions');
});

test('a channel opens, closes together, and closes by force', async () => {
  const { identity_pubkey: key } = await payee.call('default', 'getInfo');
  const addr = { pubkey: key, host: `127.0.0.1:${network.node('payee').address.port}` };
  await payer.call('default', 'connectPeer', { addr, perm: false });
  const request = { node_pubkey: Buffer.from(String(key), 'hex'), local_funding_amount: '300000', push_sat: '1000' };
  const point = await payer.call('default', 'openChannelSync', request);
  expectRecorded(point, 'open-channel');
  expectRecorded(await payer.call('default', 'pendingChannels'), 'pending-open');
  await network.mine(6);
  const updates: Fields[] = [];
  for await (const update of payer.stream('default', 'closeChannel', { channel_point: point })) {
    updates.push(update);
    if (updates.length > 1) continue;
    expectRecorded(await payer.call('default', 'pendingChannels'), 'pending-closing');
    await network.mine(6);
  }
  const [pending, closed] = recorded('close-channel') as [Fields, Fields];
  expect(differences(updates[0], pending)).toEqual([]);
  expect(updates[1]?.['update']).toBe(closed['update']);
  expectRecorded(await payer.call('default', 'closedChannels'), 'closed-channels');

  const forced = await payer.call('default', 'openChannelSync', request);
  await network.mine(6);
  for await (const update of payer.stream('default', 'closeChannel', { channel_point: forced, force: true })) {
    if (update['close_pending'] !== undefined) await network.mine(1);
  }
  expectRecorded(await payer.call('default', 'pendingChannels'), 'pending-force-closing');
  expect((await payer.call('default', 'closedChannels'))['channels']).toHaveLength(1);
  await network.mine(4);
  expect((await payer.call('default', 'closedChannels'))['channels']).toHaveLength(2);
});
