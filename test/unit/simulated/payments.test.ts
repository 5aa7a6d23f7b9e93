import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Msat, msat, sat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, type Preimage, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice } from '../../../src/core/lightning/invoice.ts';
import type { PaymentOutcome } from '../../../src/core/lightning/payment.ts';
import { MemoryIntents } from '../../support/memory-intents.ts';
import { missingMsat, until, type World, world } from './world.ts';

const secret: Preimage = preimage('ab'.repeat(32));
const hold = { paymentHash: hashOfPreimage(secret) };
const plenty = sat(1000);

function invoiceAt(at: World, node: string, amountMsat: Msat | 'any' = msat(200_000), more: Partial<CreateInvoice> = {}): Promise<Invoice> {
  return at.backend(node).invoices.create({ amountMsat, description: 'trade', expirySeconds: 600, ...more });
}

async function payBy(
  at: World,
  node: string,
  { paymentRequest }: Invoice,
  maxFeeMsat: Msat = plenty,
  timeoutMs = 1000,
): Promise<PaymentOutcome> {
  return await at.backend(node).payments.pay({ paymentRequest, maxFeeMsat, timeoutMs });
}

test('a payment over a hop pays the fee that the hop asks, and no msat more', async () => {
  const at = world();
  const outcome = await payBy(at, 'buyer2', await invoiceAt(at, 'seller', msat(5_000_000)), msat(1005));
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 5_000_000n, feeMsat: 1005n });
  const { hops } = outcome.status === 'settled' ? (outcome.parts[0] ?? { hops: [] }) : { hops: [] };
  expect(hops.map(({ forwardedMsat, feeMsat }) => [forwardedMsat, feeMsat])).toEqual([
    [5_000_000n, 1005n],
    [5_000_000n, 0n],
  ]);
  expect((await at.backend('router').channels.forwards()).items).toMatchObject([
    { inMsat: 5_001_005n, outMsat: 5_000_000n, feeMsat: 1005n },
  ]);
});

test('a fee cap one msat too small fails the payment and moves nothing', async () => {
  const at = world();
  const before = await at.backend('buyer2').channels.balances();
  expect(await payBy(at, 'buyer2', await invoiceAt(at, 'seller', msat(5_000_000)), msat(1004))).toMatchObject({
    status: 'failed',
    reason: 'fee-cap',
  });
  expect(await at.backend('buyer2').channels.balances()).toEqual(before);
});

test('a failed payment may be tried again', async () => {
  const at = world();
  const intents = new MemoryIntents();
  const { paymentRequest } = await invoiceAt(at, 'seller');
  const payments = at.backend('buyer2', intents).payments;
  expect((await payments.pay({ paymentRequest, maxFeeMsat: msat(0) })).status).toBe('failed');
  expect((await payments.pay({ paymentRequest, maxFeeMsat: plenty })).status).toBe('settled');
});

test('what is too large for one channel goes in parts', async () => {
  const channels = ['r1', 'r2'].flatMap((router) => [
    { from: 'payer', to: router, sat: 100_000 },
    { from: router, to: 'payee', sat: 100_000 },
  ]);
  const at = world({ nodes: ['payer', 'payee', 'r1', 'r2'], channels });
  const outcome = await payBy(at, 'payer', await invoiceAt(at, 'payee', sat(150_000)));
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 150_000_000n });
  expect(outcome.status === 'settled' && outcome.parts.length).toBe(2);
  expect(await payBy(at, 'payer', await invoiceAt(at, 'payee', sat(100_000)))).toMatchObject({
    status: 'failed',
    reason: 'insufficient-balance',
  });
});

test('each side keeps a hundredth of the capacity', async () => {
  const at = world({ nodes: ['a', 'b'], channels: [{ from: 'a', to: 'b', sat: 100_000 }] });
  expect(await payBy(at, 'a', await invoiceAt(at, 'b', msat(99_000_001)))).toMatchObject({
    status: 'failed',
    reason: 'insufficient-balance',
  });
  expect(await payBy(at, 'a', await invoiceAt(at, 'b', msat(99_000_000)))).toMatchObject({ status: 'settled' });
});

test('without a way to the payee, and to oneself, a payment fails for that reason', async () => {
  const at = world({ nodes: ['a', 'b', 'c'], channels: [{ from: 'a', to: 'b', sat: 100_000 }] });
  expect(await payBy(at, 'a', await invoiceAt(at, 'c'))).toMatchObject({ status: 'failed', reason: 'no-route' });
  expect(await payBy(at, 'a', await invoiceAt(at, 'a'))).toMatchObject({ status: 'failed', reason: 'self-payment' });
});

test('a private channel is found through the hint of the invoice alone', async () => {
  const channels = [
    { from: 'payer', to: 'router', sat: 100_000 },
    { from: 'router', to: 'payee', sat: 100_000, private: true },
  ];
  const at = world({ nodes: ['payer', 'router', 'payee'], channels });
  expect(await payBy(at, 'payer', await invoiceAt(at, 'payee'))).toMatchObject({ status: 'failed', reason: 'no-route' });
  expect(await payBy(at, 'payer', await invoiceAt(at, 'payee', msat(1000), { privateHints: true }))).toMatchObject({ status: 'settled' });
});

test('a second payment of an invoice is refused by the payee, whoever makes it', async () => {
  const at = world();
  const invoice = await invoiceAt(at, 'seller');
  expect(await payBy(at, 'buyer', invoice)).toMatchObject({ status: 'settled' });
  expect(await payBy(at, 'buyer2', invoice)).toMatchObject({ status: 'failed', reason: 'rejected' });
  expect(await payBy(at, 'buyer', invoice)).toMatchObject({ status: 'settled', amountMsat: 200_000n });
  expect(await at.backend('seller').invoices.lookup(invoice.paymentHash)).toMatchObject({ state: 'settled', receivedMsat: 200_000n });
});

test('up to twice the asked amount is taken, more and less are refused', async () => {
  const at = world();
  const payer = at.simnet.node('buyer');
  for (const [amountMsat, status] of [
    [199_999n, 'failed'],
    [400_001n, 'failed'],
    [400_000n, 'settled'],
  ] as const) {
    const invoice = await invoiceAt(at, 'seller');
    const outcome = await payer.call('pay', { paymentRequest: invoice.paymentRequest, amountMsat: msat(amountMsat), maxFeeMsat: plenty });
    expect(outcome.status).toBe(status);
    expect((await at.backend('seller').invoices.lookup(invoice.paymentHash))?.receivedMsat).toBe(status === 'settled' ? amountMsat : 0n);
  }
});

test('an expired invoice is not paid, by the payer’s look and by the payee’s', async () => {
  const at = world();
  const [one, two] = [await invoiceAt(at, 'seller'), await invoiceAt(at, 'seller')];
  at.clock.advance(601_000);
  expect(await at.backend('seller').invoices.lookup(one.paymentHash)).toMatchObject({ state: 'expired' });
  expect(await payBy(at, 'buyer', one)).toMatchObject({ status: 'failed', reason: 'expired' });
  const stubborn = { paymentRequest: two.paymentRequest, maxFeeMsat: plenty, ignoreExpiry: true };
  expect(await at.simnet.node('buyer').call('pay', stubborn)).toMatchObject({ status: 'failed', reason: 'rejected' });
});

test('a payment that arrives late is taken where the node is told to, and can be seen to be late', async () => {
  const at = world();
  const { control } = at.simnet;
  await control.call('faults', { kind: 'accept-late', node: 'seller', accept: true });
  await control.call('faults', { kind: 'hop-delay', delayMs: 2_000 });
  const invoice = await invoiceAt(at, 'seller', msat(1000), { expirySeconds: 1 });
  const paying = payBy(at, 'buyer', invoice, plenty, 60_000);
  await until('the payment is on its way', async () => (await at.backend('buyer').payments.lookup(invoice.paymentHash)) !== undefined);
  at.clock.advance(10_000);
  expect(await paying).toMatchObject({ status: 'settled' });
  const settled = await at.backend('seller').invoices.lookup(invoice.paymentHash);
  expect(settled?.settledAt).toBeGreaterThan(settled?.expiresAt ?? Number.POSITIVE_INFINITY);
});

test('with a delay on each hop a payment takes its time there and back', async () => {
  const at = world();
  await at.simnet.control.call('faults', { kind: 'hop-delay', delayMs: 1_000 });
  const invoice = await invoiceAt(at, 'seller');
  expect(at.simnet.network.pay('buyer2', { paymentRequest: invoice.paymentRequest, maxFeeMsat: plenty }).status).toBe('pending');
  const states: string[] = [];
  for (let second = 0; second < 4; second += 1) {
    at.clock.advance(1_000);
    const { inFlightMsat } = at.simnet.network.audit();
    states.push(`${inFlightMsat} ${at.simnet.network.payments.find('buyer2', invoice.paymentHash)?.status}`);
    expect(missingMsat(at.simnet)).toBe(0n);
  }
  expect(states).toEqual(['201000 pending', '401000 pending', '201000 pending', '0 settled']);
});

test('a held payment is pending until it is settled, and has the preimage then', async () => {
  const at = world();
  const invoice = await invoiceAt(at, 'seller', msat(7000), { hold });
  const intents = new MemoryIntents();
  const seller = at.backend('seller').invoices;
  const paying = at
    .backend('buyer', intents)
    .payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: plenty, timeoutMs: 5_000 });
  await until('the payment is held', async () => (await seller.lookup(invoice.paymentHash))?.state === 'held');
  at.clock.advance(5_000);
  expect(await paying).toEqual({ status: 'pending', paymentHash: invoice.paymentHash });
  expect((await payBy(at, 'buyer2', invoice)).status).toBe('failed');
  await seller.settleHeld(secret);
  await seller.settleHeld(secret);
  expect(await at.backend('buyer', intents).payments.lookup(invoice.paymentHash)).toMatchObject({ status: 'settled', preimage: secret });
  await expect(seller.cancel(invoice.paymentHash)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a held payment goes back when the invoice is cancelled, or when its time lock runs out', async () => {
  const at = world();
  const other = preimage('cd'.repeat(32));
  const first = await invoiceAt(at, 'seller', msat(7000), { hold });
  const second = await invoiceAt(at, 'seller', msat(7000), { hold: { paymentHash: hashOfPreimage(other) }, finalCltvDelta: 10 });
  const seller = at.backend('seller').invoices;
  for (const { paymentRequest } of [first, second]) at.simnet.network.pay('buyer2', { paymentRequest, maxFeeMsat: plenty });
  expect(at.simnet.network.audit().inFlightMsat).toBe(4n * 7000n + 2n * 1000n);
  await seller.cancel(first.paymentHash);
  await seller.cancel(first.paymentHash);
  expect(await at.backend('buyer2').payments.lookup(first.paymentHash)).toMatchObject({ status: 'failed', reason: 'rejected' });
  await at.simnet.control.call('mine', { blocks: 10 });
  expect(await at.backend('buyer2').payments.lookup(second.paymentHash)).toMatchObject({ status: 'failed', reason: 'rejected' });
  expect(await seller.lookup(second.paymentHash)).toMatchObject({ state: 'cancelled' });
  await expect(seller.settleHeld(other)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(at.simnet.network.audit().inFlightMsat).toBe(0n);
});

test('keysend pays once for a key and shows up as a settlement', async () => {
  const at = world();
  const { nodeId } = await at.backend('seller').node.info();
  const intents = new MemoryIntents();
  const { payments } = at.backend('buyer', intents);
  const request = { destination: nodeId, amountMsat: msat(3000), maxFeeMsat: plenty, key: 'a' };
  const outcome = await payments.keysend(request);
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 3000n });
  expect(await payments.keysend(request)).toEqual(outcome);
  expect(await at.backend('seller').invoices.lookup(outcome.paymentHash)).toMatchObject({ state: 'settled', receivedMsat: 3000n });
});

test('rebalancing moves money between two channels of a node and makes no settlement', async () => {
  const channels = [
    { from: 'a', to: 'b', sat: 100_000 },
    { from: 'b', to: 'c', sat: 100_000 },
    { from: 'c', to: 'a', sat: 100_000 },
  ];
  const at = world({ nodes: ['a', 'b', 'c'], channels });
  const { channels: mine, invoices } = at.backend('a');
  const list = await mine.list();
  const [from, to] = list.map(({ shortChannelId }) => shortChannelId);
  if (from === undefined || to === undefined) throw new Error('channels without a short id');
  const outcome = await mine.rebalance({ from, to, amountMsat: sat(20_000), maxFeeMsat: plenty });
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 20_000_000n });
  expect((await mine.list()).map(({ localMsat }) => localMsat)).toEqual([
    100_000_000n - 20_000_000n - (outcome.status === 'settled' ? outcome.feeMsat : 0n),
    20_000_000n,
  ]);
  expect(await invoices.settlementsHead()).toBe('simulated:0');
});

test('an answer that was lost is looked up, and nothing is paid twice', async () => {
  const at = world();
  const intents = new MemoryIntents();
  const invoice = await invoiceAt(at, 'seller');
  await at.simnet.control.call('faults', { kind: 'lose-reply', node: 'buyer', method: 'pay', count: 1 });
  const { payments } = at.backend('buyer', intents);
  const request = { paymentRequest: invoice.paymentRequest, maxFeeMsat: plenty };
  expect((await payments.pay(request)).status).toBe('unknown');
  expect(await payments.pay(request)).toMatchObject({ status: 'settled' });
  expect((await payments.list()).items).toHaveLength(1);
});

test('the same label gives the same invoice, and a different one is refused', async () => {
  const at = world();
  const first = await invoiceAt(at, 'seller', msat(1000), { label: 'quote 1' });
  expect(await invoiceAt(at, 'seller', msat(1000), { label: 'quote 1' })).toEqual(first);
  await expect(invoiceAt(at, 'seller', msat(1001), { label: 'quote 1' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await invoiceAt(at, 'seller', msat(1000), { preimage: secret });
  await expect(invoiceAt(at, 'seller', msat(1000), { preimage: secret })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
});

test('invoices that can not be meant are refused', async () => {
  const at = world();
  const wrong: Partial<CreateInvoice>[] = [
    { description: 'å'.repeat(320) },
    { expirySeconds: 0 },
    { expirySeconds: 1.5 },
    { amountMsat: msat(0) },
    { description: { sha256: 'short' } },
    { finalCltvDelta: 0 },
    { hold, preimage: secret },
    { label: '' },
  ];
  for (const more of wrong) await expect(invoiceAt(at, 'seller', msat(1000), more)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const sha256 = createHash('sha256').update('long').digest('hex');
  expect(await invoiceAt(at, 'seller', msat(1), { description: { sha256 } })).toMatchObject({ descriptionHash: sha256, amountMsat: 1n });
});

test('lists come in pages, of one state or of all', async () => {
  const at = world();
  const { invoices } = at.backend('seller');
  const made = [];
  for (let number = 0; number < 7; number += 1) made.push(await invoiceAt(at, 'seller', msat(1000 + number)));
  for (const number of [1, 4, 5]) await payBy(at, 'buyer', made[number] as Invoice);
  const amounts: (bigint | undefined)[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await invoices.list({ state: 'settled', limit: 2, ...(after !== undefined && { after }) });
    amounts.push(...page.items.map(({ amountMsat }) => amountMsat));
    after = page.next;
    more = after !== undefined;
  }
  expect(amounts).toEqual([1001n, 1004n, 1005n]);
  const first = await invoices.list({ limit: 5 });
  const rest = await invoices.list({ limit: 5, after: first.next ?? '' });
  expect([first.items.length, rest.items.length, rest.next]).toEqual([5, 2, undefined]);
  expect((await at.backend('buyer').payments.list({ limit: 2 })).next).toBe('2');
});
