import { afterEach, beforeEach, expect, test } from 'vitest';
import { EclairBackend } from '../../../src/adapters/eclair/backend.ts';
import { eclairConfigSchema } from '../../../src/adapters/eclair/config.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { nodeId, paymentHash } from '../../../src/core/lightning/identifiers.ts';
import type { PayRequest } from '../../../src/core/lightning/payment.ts';
import { eclairRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, memoryIntents, until } from '../shared/adapter-dependencies.ts';
import { type Answer, ApiServer, recorded } from './api-server.ts';

const HASH = paymentHash('04bfcd691ab4e1d5fc3faa8d42c381399bb7a9fd0ff5b24fbb5227a89f20c236');
const PAYEE = nodeId('025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0');
const REQUEST: PayRequest = {
  paymentRequest: named(eclairRecordings(), 'payinvoice blocking').form?.['invoice'] as string,
  maxFeeMsat: msat(2999n),
  timeoutMs: 5_000,
};

let server: ApiServer;
let intents: ReturnType<typeof memoryIntents>;
let eclair: EclairBackend;

beforeEach(async () => {
  server = await ApiServer.started({
    '/parseinvoice': () => parsed(),
    '/getsentinfo': () => recorded('getsentinfo unknown'),
    '/usablebalances': () => recorded('usablebalances'),
  });
  intents = memoryIntents();
  eclair = made();
});
afterEach(async () => {
  await eclair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function made(): EclairBackend {
  return new EclairBackend(
    eclairConfigSchema.parse({ kind: 'eclair', url: server.url, password: server.password }),
    dependencies({ intents }),
  );
}

/** A parsed invoice that can still be paid. */
function parsed(fields: Readonly<Record<string, unknown>> = {}): Answer {
  const now = Math.floor(Date.now() / 1000);
  const real = named(eclairRecordings(), 'parseinvoice').body as object;
  return { body: { ...real, timestamp: now, paymentHash: HASH, nodeId: PAYEE, amount: 300_000, ...fields } };
}

test('payinvoice is told to wait, and the cap in whole sat, rounded down, with no percentage', async () => {
  server.on('/payinvoice', () => recorded('payinvoice blocking'));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({
    status: 'settled',
    paymentHash: HASH,
    preimage: 'b4cfa901eccd85d05aaf6f3ac7a5980046c0f160359f1e45cdec9c4d293357b9',
    amountMsat: 300_000n,
    feeMsat: 0n,
    settledAt: 1_795_217_084_173,
  });
  expect(server.called('/payinvoice')).toEqual([
    { invoice: REQUEST.paymentRequest, maxFeeFlatSat: '2', maxFeePct: '0', blocking: 'true', timeoutSeconds: '10' },
  ]);
});

test('a cap below a sat allows free routes only', async () => {
  server.on('/payinvoice', () => recorded('payinvoice blocking'));
  await eclair.payments.pay({ ...REQUEST, maxFeeMsat: msat(999n) });
  expect(server.called('/payinvoice')[0]).toMatchObject({ maxFeeFlatSat: '0', maxFeePct: '0' });
});

test('a paid invoice is not paid again, by this process or by the next, though eclair would', async () => {
  server.on('/payinvoice', (_, call) => recorded(call === 1 ? 'payinvoice blocking' : 'payinvoice already paid blocking'));
  const first = await eclair.payments.pay(REQUEST);
  expect(await eclair.payments.pay(REQUEST)).toEqual(first);
  await using next = made();
  expect(await next.payments.pay(REQUEST)).toEqual(first);
  expect(server.called('/payinvoice')).toHaveLength(1);
});

test('two who pay the same at once share one attempt', async () => {
  server.on('/payinvoice', () => recorded('payinvoice blocking'));
  const [one, other] = await Promise.all([eclair.payments.pay(REQUEST), eclair.payments.pay(REQUEST)]);
  expect(one).toEqual(other);
  expect(server.called('/payinvoice')).toHaveLength(1);
});

test('408, a time-out in the middle, is pending where the record says so and unknown where it says nothing', async () => {
  server.on('/payinvoice', () => ({ status: 408, body: { error: 'request timed out' } }));
  expect(await eclair.payments.pay({ ...REQUEST, timeoutMs: 50 })).toMatchObject({ status: 'unknown', paymentHash: HASH });
  server.on('/getsentinfo', () => recorded('getsentinfo pending'));
  expect(await eclair.payments.lookup(HASH)).toEqual({ status: 'pending', paymentHash: HASH });
  expect(await eclair.payments.pay({ ...REQUEST, timeoutMs: 50 })).toEqual({ status: 'pending', paymentHash: HASH });
  expect(server.called('/payinvoice')).toHaveLength(1);
  server.on('/getsentinfo', () => recorded('getsentinfo sent'));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'settled', amountMsat: 300_000n });
  expect(server.called('/payinvoice')).toHaveLength(1);
});

test('a payment that is held when our time is up is pending, and failed parts alone do not make it failed', async () => {
  server.on('/payinvoice', () => 'hang').on('/getsentinfo', () => recorded('getsentinfo failed'));
  expect(await eclair.payments.pay({ ...REQUEST, timeoutMs: 60 })).toEqual({ status: 'pending', paymentHash: HASH });
});

test('500 in the middle is not failed either', async () => {
  server.on('/payinvoice', () => ({ status: 500, body: { error: 'API call failed: check logs for more details' } }));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'unknown' });
});

test('a node that goes away in the middle leaves it unknown; once it is back, its record tells', async () => {
  server.on('/payinvoice', () => 'hang');
  const paying = eclair.payments.pay(REQUEST);
  await until('it is told to pay', () => server.called('/payinvoice').length === 1);
  await server.stop();
  expect(await paying).toMatchObject({ status: 'unknown' });
  server.on('/getsentinfo', () => recorded('getsentinfo sent'));
  await server.start();
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'settled' });
  expect(server.called('/payinvoice')).toHaveLength(1);
});

test('a node that can not be reached at all was told nothing: the error says so, and paying again is safe', async () => {
  server.on('/payinvoice', () => recorded('payinvoice blocking'));
  await eclair.payments.decode(REQUEST.paymentRequest);
  await server.stop();
  await expect(eclair.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'UNAVAILABLE', retry: 'safe' });
  await server.start();
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'settled' });
});

test('why it failed is looked for, not read from texts', async () => {
  server.on('/payinvoice', () => recorded('payinvoice more than balance'));
  server.on('/parseinvoice', () => parsed({ amount: 1_500_000_000 }));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'insufficient-balance' });
  server.on('/parseinvoice', () => parsed());
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'no-route' });
  server.on('/findroute', () => ({ body: { routes: [] } }));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'fee-cap' });
  server
    .on('/payinvoice', () => recorded('payinvoice own invoice'))
    .on('/parseinvoice', () => parsed({ nodeId: '025ef113b0e7b8fc2f488c14348695c1660033fee831542dba48f088d352ed0b53' }));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'self-payment' });
  server.on('/payinvoice', () => recorded('payinvoice already paid blocking')).on('/parseinvoice', () => parsed());
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'rejected' });
});

test('an expired invoice fails, and is not tried by us', async () => {
  server.on('/parseinvoice', () => recorded('parseinvoice')).on('/getinfo', () => recorded('getinfo'));
  const invoice = named(eclairRecordings(), 'parseinvoice').body as { timestamp: number };
  server.on('/parseinvoice', () => parsed({ timestamp: Math.min(invoice.timestamp, 1_000_000_000), expiry: 1 }));
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'expired' });
  expect(server.called('/payinvoice')).toEqual([]);
});

test('an invoice that eclair finds expired first fails too, by the status and the time', async () => {
  const now = Math.floor(Date.now() / 1000);
  server.on('/parseinvoice', () => parsed({ timestamp: now, expiry: 1 }));
  server.on('/payinvoice', async () => {
    await until('it has expired', () => Date.now() > (now + 2) * 1000);
    return recorded('payinvoice expired');
  });
  expect(await eclair.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'expired' });
});

test('an amount: missing, too many, given', async () => {
  await expect(eclair.payments.pay({ ...REQUEST, amountMsat: msat(1n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('/parseinvoice', () => parsed({ amount: undefined }));
  await expect(eclair.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('/payinvoice', () => recorded('payinvoice amountless'));
  expect(await eclair.payments.pay({ ...REQUEST, amountMsat: msat(5000n) })).toMatchObject({ status: 'settled', amountMsat: 5000n });
  expect(server.called('/payinvoice')).toMatchObject([{ amountMsat: '5000' }]);
});

test('garbage is no invoice, and another network is said so', async () => {
  server.on('/parseinvoice', () => recorded('parseinvoice garbage'));
  await expect(eclair.payments.decode('garbage')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', operation: 'payments.decode' });
  await expect(eclair.payments.decode('lnbc1garbage')).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
  server.on('/parseinvoice', () => parsed({ prefix: 'lntb' }));
  await expect(eclair.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
});

test('keysend is refused: eclair makes the preimage itself', async () => {
  const request = { destination: PAYEE, amountMsat: msat(1n), maxFeeMsat: msat(0n), key: 'k' };
  await expect(eclair.payments.keysend(request)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  expect(eclair.capabilities.keysend).toBe(false);
});

test('the list: what went through, in pages, with the invoice that was paid', async () => {
  server.on('/audit', () => recorded('audit')).on('/getsentinfo', () => recorded('getsentinfo sent'));
  const page = await eclair.payments.list({ limit: 3 });
  expect(page.next).toBe('3');
  expect(page.items[0]).toMatchObject({
    outcome: { status: 'settled', paymentHash: HASH, amountMsat: 300_000n },
    createdAt: 1_795_217_084_031,
  });
  expect(page.items[0]?.paymentRequest).toBe(REQUEST.paymentRequest);
  expect(server.called('/audit')).toEqual([{ from: '0', to: '4102444800', count: '3', skip: '0' }]);
});
