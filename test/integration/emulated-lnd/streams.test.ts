import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { EmulatedNetwork } from '../../../regtest/emulated/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { hashOfPreimage, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import { RawClient } from './support/raw-client.ts';
import { lndWorld } from './support/world.ts';

let network: EmulatedNetwork;
let payer: LightningBackend;
let payee: LightningBackend;
let raw: RawClient;

beforeAll(async () => {
  network = (await lndWorld()).network;
  payer = await network.node('payer').backend();
  payee = await network.node('payee').backend();
  raw = new RawClient(network.node('payee').config);
});

afterEach(async () => {
  await network.control.call('faults', { kind: 'clear' });
  const { minedMsat, ...parts } = network.simulated.audit();
  expect(Object.values(parts).reduce((sum, part) => sum + part, 0n)).toBe(minedMsat);
});

afterAll(async () => {
  raw?.[Symbol.dispose]();
  await network?.[Symbol.asyncDispose]();
});

async function bought(amount = 2_000n): Promise<string> {
  const invoice = await payee.invoices.create({ amountMsat: msat(amount), description: '', expirySeconds: 600 });
  const outcome = await payer.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000) });
  expect(outcome.status).toBe('settled');
  return invoice.paymentHash;
}

function hashOf(message: Readonly<Record<string, unknown>>): string {
  return Buffer.from(message['r_hash'] as Uint8Array).toString('hex');
}

test('a settle index of 0 is no position: only what settles from now on is told', async () => {
  await bought();
  const second = await bought();
  const stream = raw.stream('default', 'subscribeInvoices', { settle_index: '0' });
  const first = stream.next();
  // It listens once it has told of something; what is made meanwhile is told either way.
  const third = await bought();
  const seen: Record<string, unknown>[] = [];
  for (let next = await first; ; next = await stream.next()) {
    if (next.done === true) break;
    seen.push(next.value);
    if (next.value['state'] === 'SETTLED') break;
  }
  expect(hashOf(seen.at(-1) ?? {})).toBe(third);
  expect(seen.map(hashOf)).not.toContain(second);
  await stream.return();
});

test('a settle index above 0 brings what settled after it, then what settles next; held and cancelled ones are never told', async () => {
  const before = network.simulated.invoices.settledHead('carol');
  const hashes = [await bought(), await bought(), await bought()];
  const stream = raw.stream('default', 'subscribeInvoices', { settle_index: String(before + 1) });
  const backlog = [await stream.next(), await stream.next()].map(({ value }) => hashOf(value ?? {}));
  expect(backlog).toEqual(hashes.slice(1));
  const cancelled = await payee.invoices.create({ amountMsat: msat(1_000), description: '', expirySeconds: 600 });
  await payee.invoices.cancel(cancelled.paymentHash);
  const last = await bought();
  const states: string[] = [];
  for (let settled = ''; settled !== last; ) {
    const { value } = await stream.next();
    states.push(`${hashOf(value ?? {}) === cancelled.paymentHash ? 'cancelled' : 'bought'} ${value?.['state']}`);
    if (value?.['state'] === 'SETTLED') settled = hashOf(value);
  }
  expect(states).toEqual(['cancelled OPEN', 'bought OPEN', 'bought SETTLED']);
  await stream.return();
});

test('the stream of one invoice begins with how it stands and ends with its last state', async () => {
  const secret = randomBytes(32);
  const hash = createHash('sha256').update(secret).digest();
  const { payment_request: request } = await raw.call('invoices', 'addHoldInvoice', { hash, value_msat: '5000', expiry: '600' });
  const paying = payer.payments.pay({ paymentRequest: String(request), maxFeeMsat: msat(10_000) });
  const states: unknown[] = [];
  for await (const { state } of raw.stream('invoices', 'subscribeSingleInvoice', { r_hash: hash })) {
    states.push(state);
    if (state === 'ACCEPTED') await raw.call('invoices', 'settleInvoice', { preimage: secret });
  }
  expect(states.slice(-2)).toEqual(['ACCEPTED', 'SETTLED']);
  expect((await paying).status).toBe('settled');
  expect((await raw.all('invoices', 'subscribeSingleInvoice', { r_hash: hash })).map(({ state }) => state)).toEqual(['SETTLED']);
});

test('an invoice that runs out is cancelled, and its stream says so', async () => {
  const { r_hash: hash } = await raw.call('default', 'addInvoice', { value_msat: '5000', expiry: '1' });
  const states = (await raw.all('invoices', 'subscribeSingleInvoice', { r_hash: hash })).map(({ state }) => state);
  expect(states).toEqual(['OPEN', 'CANCELED']);
});

test('what the stream loses, repeats or tells late is yielded once', async () => {
  await bought();
  const head = await payee.invoices.settlementsHead();
  const seen: string[] = [];
  const cursors: SettlementCursor[] = [];
  const stop = new AbortController();
  const states: string[] = [];
  const following = (async () => {
    for await (const event of payee.invoices.settlements({
      after: head,
      signal: stop.signal,
      onStatus: ({ state }) => states.push(state),
    })) {
      if (event.kind !== 'settled') continue;
      seen.push(event.settlement.paymentHash);
      cursors.push(event.cursor);
    }
  })();
  await waitUntil('it follows', async () => states.includes('live'), 10_000);
  const hashes = [await bought()];
  await network.control.call('faults', { kind: 'settlement-events', node: 'carol', how: 'drop', count: 1 });
  hashes.push(await bought());
  await network.control.call('faults', { kind: 'settlement-events', node: 'carol', how: 'repeat', count: 1, times: 2 });
  hashes.push(await bought());
  await network.control.call('faults', { kind: 'settlement-events', node: 'carol', how: 'delay', count: 1, delayMs: 50 });
  hashes.push(await bought(), await bought());
  await waitUntil('all are seen', async () => seen.length >= hashes.length, 10_000);
  stop.abort();
  await following;
  expect(seen).toEqual(hashes);
  expect(new Set(cursors).size).toBe(cursors.length);
});

test('an answer that is lost with the connection pays nothing twice', async () => {
  const invoice = await payee.invoices.create({ amountMsat: msat(70_000), description: '', expirySeconds: 600 });
  await network.control.call('faults', { kind: 'lose-reply', node: 'alice', method: 'pay', count: 1 });
  const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000) };
  const outcome = await payer.payments.pay(request);
  expect(outcome.status).toBe('settled');
  expect(await payer.payments.pay(request)).toEqual(outcome);
  expect((await payee.invoices.lookup(invoice.paymentHash))?.receivedMsat).toBe(70_000n);
});

test('a payment that takes its time is in flight when time is up, and settles later', async () => {
  await network.control.call('faults', { kind: 'hop-delay', delayMs: 700 });
  const invoice = await payee.invoices.create({ amountMsat: msat(5_000), description: '', expirySeconds: 600 });
  const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000), timeoutMs: 1 };
  expect((await payer.payments.pay(request)).status).toBe('pending');
  await waitUntil('it settles', async () => (await payer.payments.lookup(invoice.paymentHash))?.status === 'settled', 15_000);
});

test('channels are rebalanced by paying an invoice of one’s own', async () => {
  const channel = { capacityMsat: sat(2_000_000), pushMsat: sat(500_000), private: false };
  network.simulated.openChannel({ from: 'carol', to: 'alice', ...channel });
  await network.mine(6);
  const channels = await payer.channels.list({ state: 'active' });
  const [from, to] = ['bob', 'carol'].map((name) => channels.find(({ peer }) => peer === network.simulated.nodes.need(name).nodeId));
  if (from?.shortChannelId === undefined || to?.shortChannelId === undefined) throw new Error('a channel is missing');
  const order = { from: from.shortChannelId, to: to.shortChannelId, amountMsat: sat(10_000), maxFeeMsat: sat(100) };
  const outcome = await payer.channels.rebalance(order);
  expect(outcome.status).toBe('settled');
  const after = await payer.channels.list({ state: 'active' });
  const local = (outpoint: string): bigint => after.find((each) => each.outpoint === outpoint)?.localMsat ?? 0n;
  expect(local(to.outpoint)).toBe(to.localMsat + sat(10_000));
  expect(local(from.outpoint)).toBeLessThanOrEqual(from.localMsat - sat(10_000));
});

test('a channel with a payment on its way is closed once that has ended, not refused', async () => {
  const secret = preimage(randomBytes(32).toString('hex'));
  const hold = { paymentHash: hashOfPreimage(secret) };
  const held = await payee.invoices.create({ amountMsat: msat(6_000), description: '', expirySeconds: 600, hold });
  const paying = payer.payments.pay({ paymentRequest: held.paymentRequest, maxFeeMsat: msat(10_000) });
  await waitUntil('it is held', async () => (await payee.invoices.lookup(hold.paymentHash))?.state === 'held', 15_000);
  const busy = network.simulated.channels.of('alice').find(({ htlcs }) => Object.keys(htlcs).length > 0);
  if (busy === undefined) throw new Error('no channel carries the payment');
  const stages: string[] = [];
  const closing = (async () => {
    for await (const { stage } of payer.channels.close(busy.outpoint)) stages.push(stage);
  })();
  // Its look at the lists and its order are far behind these.
  for (let call = 0; call < 20; call += 1) await Promise.race([closing, payer.node.info()]);
  await payee.invoices.settleHeld(secret);
  expect((await paying).status).toBe('settled');
  await waitUntil('it is broadcast', async () => stages.includes('closing'), 15_000);
  await network.mine(6);
  await closing;
  expect(stages).toEqual(['closing', 'closed']);
});
