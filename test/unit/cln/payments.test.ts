import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClnBackend } from '../../../src/adapters/cln/backend.ts';
import { clnConfigSchema } from '../../../src/adapters/cln/config.ts';
import { bigSize, htlcsOf, truncated } from '../../../src/adapters/cln/onion-payload.ts';
import { getRoutesSchema } from '../../../src/adapters/cln/schema-payments.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, nodeId, paymentHash } from '../../../src/core/lightning/identifiers.ts';
import type { PayRequest } from '../../../src/core/lightning/payment.ts';
import { clnRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, hurriedClock, until } from '../shared/adapter-dependencies.ts';
import { type Answer, RpcServer, recorded } from './rpc-server.ts';

let server: RpcServer;
let cln: ClnBackend;

beforeEach(async () => {
  server = await RpcServer.started({
    decode: () => decoded(),
    listsendpays: () => ({ result: { payments: [] } }),
  });
  cln = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', socket: server.path }), dependencies());
});
afterEach(async () => {
  await cln[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const PAID = named(clnRecordings(), 'xpay');
const HASH = paymentHash('91e67d5b9543fbffafbcf39bd75459dc87148f91c714d3c9eb5d2ea96660f745');
const REQUEST: PayRequest = { paymentRequest: PAID.params['invstring'] as string, maxFeeMsat: msat(1234n), timeoutMs: 5_000 };
const PEER = nodeId('025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0');

/** A decoded invoice that can still be paid. */
function decoded(fields: Readonly<Record<string, unknown>> = {}): Answer {
  const now = Math.floor(Date.now() / 1000);
  const real = named(clnRecordings(), 'decode bolt11').result as object;
  return { result: { ...real, created_at: now, expiry: 3600, payment_hash: HASH, amount_msat: 300_000, ...fields } };
}

function parts(...statuses: readonly ('pending' | 'complete' | 'failed')[]): Answer {
  const [complete] = (named(clnRecordings(), 'listsendpays complete').result as { payments: Record<string, unknown>[] }).payments;
  return {
    result: {
      payments: statuses.map((status, index) => {
        const { payment_preimage, completed_at, ...rest } = complete ?? {};
        const common = { ...rest, status, partid: index + 1, created_index: index + 1 };
        return status === 'complete' ? { ...common, payment_preimage, completed_at } : common;
      }),
    },
  };
}

test('xpay is told the cap in msat and the time, and its answer is the outcome', async () => {
  server.on('xpay', () => recorded('xpay')).on('listsendpays', () => parts('complete'));
  expect(await cln.payments.pay(REQUEST)).toEqual({
    status: 'settled',
    paymentHash: HASH,
    preimage: '8b8ffaa9b43a169ad3129c550301e9738a4e041a7662fdc26987e098386e385c',
    amountMsat: 300_000n,
    feeMsat: 0n,
    settledAt: 1_795_216_549_000,
    parts: [{ amountMsat: 300_000n, feeMsat: 0n, hops: [] }],
  });
  expect(server.called('xpay')).toEqual([{ invstring: REQUEST.paymentRequest, maxfee: 1234, retry_for: 5 }]);
});

test('the fee is what was sent over what arrived', async () => {
  server.on('xpay', () => recorded('xpay unreachable node'));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'settled', amountMsat: 100_000n, feeMsat: 1000n });
});

test('a node without xpay, or with it switched off, is paid with by pay', async () => {
  server.on('pay', () => recorded('pay'));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'settled', preimage: expect.stringMatching(/^9a51/) });
  expect(server.called('pay')).toEqual([{ bolt11: REQUEST.paymentRequest, maxfee: 1234, retry_for: 5 }]);
});

test('error 219, already paid: the record of the parts is the outcome', async () => {
  server.on('xpay', () => recorded('xpay already paid')).on('listsendpays', () => parts('complete'));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'settled', amountMsat: 300_000n });
});

test('error -3 while a payment of that hash is pending: it is waited for, never paid again', async () => {
  server.on('xpay', () => recorded('xpay while pending'));
  server.on('listsendpays', (_, call) => (call < 4 ? parts('pending') : parts('complete')));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'settled' });
  expect(server.called('xpay')).toHaveLength(1);
});

test('a refusal while parts are still in flight is pending until they are back', async () => {
  server.on('xpay', () => ({ error: { code: 203, message: "Destination said it doesn't know invoice" } }));
  server.on('listsendpays', (_, call) => (call < 4 ? parts('failed', 'pending') : parts('failed', 'failed')));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'rejected' });
  expect(server.called('listsendpays').length).toBeGreaterThanOrEqual(4);
});

test.each([
  ['xpay more than balance', 'insufficient-balance'],
  ['xpay expired', 'expired'],
] as const)('%s fails for good: %s', async (recording, reason) => {
  server.on('xpay', () => recorded(recording));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'failed', paymentHash: HASH, reason });
});

test.each([
  [205, 'no-route'],
  [206, 'fee-cap'],
  [209, 'attempts-exhausted'],
  [210, 'attempts-exhausted'],
  [220, 'no-route'],
  [999, 'error'],
] as const)('error %i without a part on record: %s', async (code, reason) => {
  server.on('xpay', () => ({ error: { code, message: 'no' } }));
  expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason });
});

test('error 209, timed out, with parts in flight is pending, not failed', async () => {
  const hurried = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', socket: server.path }), dependencies({ clock: hurriedClock(20) }));
  await using _ = hurried;
  server
    .on('xpay', () => ({ error: { code: 209, message: 'Timed out after after 3 attempts' } }))
    .on('listsendpays', () => parts('pending'));
  expect(await hurried.payments.pay({ ...REQUEST, timeoutMs: 300 })).toEqual({ status: 'pending', paymentHash: HASH });
});

test('a payment that is held when the time is up is pending; later the record tells', async () => {
  server.on('xpay', () => 'hang').on('listsendpays', () => parts('pending'));
  expect(await cln.payments.pay({ ...REQUEST, timeoutMs: 100 })).toEqual({ status: 'pending', paymentHash: HASH });
  server.on('listsendpays', () => parts('complete'));
  expect(await cln.payments.lookup(HASH)).toMatchObject({ status: 'settled' });
});

test('a node that goes away in the middle of a payment and comes back: the record tells, it is not paid twice', async () => {
  server.on('xpay', () => 'hang');
  const paying = cln.payments.pay(REQUEST);
  await until('it is told to pay', () => server.called('xpay').length === 1);
  await server.stop();
  server.on('listsendpays', () => parts('complete'));
  await server.start();
  expect(await paying).toMatchObject({ status: 'settled' });
  expect(server.called('xpay')).toHaveLength(1);
});

test('no answer and no record in time is unknown', async () => {
  server.on('xpay', () => 'hang');
  expect(await cln.payments.pay({ ...REQUEST, timeoutMs: 60 })).toMatchObject({ status: 'unknown', paymentHash: HASH });
});

test('an amount that is missing or too many is refused before the node is told', async () => {
  await expect(cln.payments.pay({ ...REQUEST, amountMsat: msat(5n) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('decode', () => decoded({ amount_msat: undefined }));
  await expect(cln.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(server.called('xpay')).toEqual([]);
  server.on('xpay', () => recorded('xpay amountless'));
  expect(await cln.payments.pay({ ...REQUEST, amountMsat: msat(5000n) })).toMatchObject({ status: 'settled', amountMsat: 5000n });
  expect(server.called('xpay')[0]).toMatchObject({ amount_msat: 5000 });
});

test.each(['xpay amountless without amount', 'xpay amount on fixed invoice'])(
  '%s: an invalid argument, and nothing in flight',
  async (recording) => {
    server.on('xpay', () => recorded(recording));
    await expect(cln.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', retry: 'never' });
    server.on('xpay', () => recorded('xpay'));
    expect(await cln.payments.pay(REQUEST)).toMatchObject({ status: 'settled' });
  },
);

test('garbage is no invoice, an offer is none either, another network is said so', async () => {
  server.on('decode', () => recorded('decode garbage'));
  await expect(cln.payments.decode('garbage')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', operation: 'payments.decode' });
  await expect(cln.payments.decode('lnbc1garbage')).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
  server.on('decode', () => ({ result: { type: 'bolt12 offer', valid: true } }));
  await expect(cln.payments.decode('lno1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('decode', () => ({ result: { type: 'bolt11 invoice', valid: false } }));
  await expect(cln.payments.decode('lnbcrt1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  server.on('decode', () => decoded({ currency: 'bc' }));
  await expect(cln.payments.pay(REQUEST)).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
});

test('the list has each payment once, whole, though a page cuts through its parts', async () => {
  const [part] = (named(clnRecordings(), 'listsendpays complete').result as { payments: Record<string, unknown>[] }).payments;
  const hashOf = (index: number) => String(Math.ceil(index / 3)).padStart(64, '0');
  const all = Array.from({ length: 9 }, (_, index) => ({ ...part, created_index: index + 1, payment_hash: hashOf(index + 1), groupid: 1 }));
  server.on('listsendpays', ({ payment_hash, start, limit }) => {
    const chosen =
      payment_hash === undefined
        ? all.filter((one) => one.created_index >= Number(start)).slice(0, Number(limit))
        : all.filter((one) => one.payment_hash === payment_hash);
    return { result: { payments: chosen } };
  });
  const first = await cln.payments.list({ limit: 2 });
  expect(first.items.map((payment) => payment.outcome.paymentHash)).toEqual([hashOf(1), hashOf(4)]);
  expect(first.items[0]).toMatchObject({ outcome: { status: 'settled', amountMsat: 900_000n }, createdAt: 1_795_216_549_000 });
  const second = await cln.payments.list({ limit: 2, after: first.next as string });
  expect(second).toMatchObject({ items: [{ outcome: { paymentHash: hashOf(7) } }], next: undefined });
});

const ROUTE = {
  probability_ppm: 1,
  amount_msat: 1000,
  final_cltv: 22,
  path: [
    { short_channel_id_dir: '124x1x0/1', next_node_id: PEER, amount_msat: 1010, delay: 62 },
    { short_channel_id_dir: '117x1x0/0', next_node_id: `02${'ab'.repeat(32)}`, amount_msat: 1010, delay: 62 },
  ],
};

test('keysend goes out with the preimage that was stored first, within the cap', async () => {
  const destination = nodeId(`02${'ab'.repeat(32)}`);
  let secret = '';
  server.on('getroutes', () => ({ result: { probability_ppm: 1, routes: [ROUTE] } }));
  server.on('createonion', ({ hops }) => {
    const payload = (hops as { payload: string }[])[1]?.payload ?? '';
    // bLIP 3: type 5482373484 as a BigSize, 32 bytes.
    secret = /ff0000000146c6616c20([0-9a-f]{64})$/.exec(payload)?.[1] ?? '';
    return { result: { onion: '00', shared_secrets: ['aa'.repeat(32), 'bb'.repeat(32)] } };
  });
  const part = (status: string) => ({
    payment_hash: hashOfPreimage(secret as never),
    status,
    amount_msat: 1000,
    amount_sent_msat: 1010,
    created_at: 1,
    id: 1,
    groupid: 1,
    ...(status === 'complete' ? { payment_preimage: secret } : {}),
  });
  server.on('sendonion', () => ({ result: part('pending') })).on('waitsendpay', () => ({ result: part('complete') }));
  server.on('listsendpays', () => ({ result: { payments: server.called('sendonion').length === 0 ? [] : [part('complete')] } }));
  const request = { destination, amountMsat: msat(1000n), maxFeeMsat: msat(10n), key: 'k' };
  const outcome = await cln.payments.keysend(request);
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 1000n, feeMsat: 10n, preimage: secret });
  expect(server.called('createonion')[0]).toMatchObject({ assocdata: outcome.paymentHash });
  expect(server.called('sendonion')[0]).toMatchObject({
    first_hop: { id: PEER, amount_msat: 1010, delay: 62 },
    payment_hash: outcome.paymentHash,
  });
  expect(await cln.payments.keysend(request)).toEqual(outcome);
  expect(server.called('sendonion')).toHaveLength(1);
  expect(await cln.payments.keysend({ ...request, key: 'other', maxFeeMsat: msat(9n) })).toMatchObject({
    status: 'failed',
    reason: 'fee-cap',
  });
});

test('keysend without a route fails, and to oneself too', async () => {
  server.on('getroutes', () => ({ error: { code: 205, message: 'no route' } }));
  const request = { destination: PEER, amountMsat: msat(1n), maxFeeMsat: msat(0n), key: 'k' };
  expect(await cln.payments.keysend(request)).toMatchObject({ status: 'failed', reason: 'no-route' });
  const self = nodeId('035ce69811fa301b74b1e258972f06cdb5ee540607d111aea275ae20290f4b0a93');
  expect(await cln.payments.keysend({ ...request, key: 'l', destination: self })).toMatchObject({
    status: 'failed',
    reason: 'self-payment',
  });
});

test('the fields of v26.06 and of before give the same HTLCs', () => {
  const before = getRoutesSchema.parse({ routes: [ROUTE] }).routes[0];
  const since = getRoutesSchema.parse({
    routes: [
      {
        ...ROUTE,
        path: [
          { short_channel_id_dir: '124x1x0/1', node_id_out: PEER, amount_in_msat: 1010, amount_out_msat: 1010, cltv_in: 62, cltv_out: 62 },
          {
            short_channel_id_dir: '117x1x0/0',
            node_id_out: `02${'ab'.repeat(32)}`,
            amount_in_msat: 1010,
            amount_out_msat: 1000,
            cltv_in: 62,
            cltv_out: 22,
          },
        ],
      },
    ],
  }).routes[0];
  if (before === undefined || since === undefined) throw new Error('no route');
  expect(htlcsOf(before)).toEqual(htlcsOf(since));
  expect(htlcsOf(since)).toEqual([
    { nodeId: PEER, channel: '124x1x0', amountMsat: 1010n, cltvDelta: 62 },
    { nodeId: `02${'ab'.repeat(32)}`, channel: '117x1x0', amountMsat: 1000n, cltvDelta: 22 },
  ]);
});

test('BigSize and truncated integers are as BOLT 1 has them', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  expect([0n, 252n, 253n, 65_535n, 65_536n, 4_294_967_295n, 4_294_967_296n].map((value) => hex(bigSize(value)))).toEqual([
    '00',
    'fc',
    'fd00fd',
    'fdffff',
    'fe00010000',
    'feffffffff',
    'ff0000000100000000',
  ]);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const bytes = truncated(value);
      expect(bytes[0]).not.toBe(0);
      expect(BigInt(`0x${hex(bytes) || '0'}`)).toBe(value);
    }),
  );
});
