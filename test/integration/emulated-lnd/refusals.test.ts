import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmulatedNetwork } from '../../../regtest/emulated/network.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import { refusals } from '../../unit/lnd/fixtures.ts';
import { RawClient, type Refusal } from './support/raw-client.ts';
import { lndWorld } from './support/world.ts';

const NOBODY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const MAINNET_ADDRESS = 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq';
const NO_CHANNEL = { funding_txid_str: 'ab'.repeat(32), output_index: 0 };
const CAP = { fee_limit_msat: '10000', timeout_seconds: 5 };

let network: EmulatedNetwork;
let payer: RawClient;
let payee: RawClient;
let point: { readonly funding_txid_str: string; readonly output_index: number };

beforeAll(async () => {
  const world = await lndWorld();
  network = world.network;
  const [txid = ''] = world.first.split(':');
  point = { funding_txid_str: txid, output_index: 0 };
  payer = new RawClient(network.node('payer').config);
  payee = new RawClient(network.node('payee').config);
});

afterAll(async () => {
  for (const each of [payer, payee]) each?.[Symbol.dispose]();
  await network?.[Symbol.asyncDispose]();
});

async function invoice(request: Readonly<Record<string, unknown>> = {}, of: RawClient = payee): Promise<Record<string, unknown>> {
  return await of.call('default', 'addInvoice', { value_msat: '12345', expiry: '600', ...request });
}

async function pay(request: unknown): Promise<Refusal> {
  return await payer.streamRefusal('router', 'sendPaymentV2', { payment_request: request, ...CAP });
}

async function held(): Promise<{ readonly secret: Buffer; readonly hash: Buffer; readonly request: unknown }> {
  const secret = randomBytes(32);
  const hash = createHash('sha256').update(secret).digest();
  const { payment_request: request } = await payee.call('invoices', 'addHoldInvoice', { hash, value_msat: '50000', expiry: '600' });
  return { secret, hash, request };
}

function peer(port: number, pubkey: unknown): Readonly<Record<string, unknown>> {
  return { addr: { pubkey, host: `127.0.0.1:${port}` }, perm: false, timeout: '5' };
}

async function keyOf(client: RawClient): Promise<unknown> {
  return (await client.call('default', 'getInfo'))['identity_pubkey'];
}

async function send(request: Readonly<Record<string, unknown>>): Promise<Refusal> {
  return await payer.refusal('default', 'sendCoins', request);
}

async function withMacaroon(macaroon: string): Promise<Refusal> {
  using client = new RawClient(network.node('payer').config, { macaroon });
  return await client.refusal('default', 'getInfo');
}

/** Ends in each of the refusals that were recorded of a real lnd, by the recording's name. */
const TRIES: Readonly<Record<string, () => Promise<Refusal>>> = {
  'pay-paid': async () => {
    const { payment_request: request } = await invoice();
    await payer.all('router', 'sendPaymentV2', { payment_request: request, ...CAP });
    return await pay(request);
  },
  'pay-no-amount': async () => pay((await invoice({ value_msat: '0' }))['payment_request']),
  'pay-in-flight': async () => {
    const { request, hash } = await held();
    const stream = payer.stream('router', 'sendPaymentV2', { payment_request: request, ...CAP });
    await stream.next();
    const refusal = await pay(request);
    await payee.call('invoices', 'cancelInvoice', { payment_hash: hash });
    await stream.return();
    return refusal;
  },
  'pay-own': async () => pay((await invoice({}, payer))['payment_request']),
  'pay-expired': async () => {
    const { payment_request: request } = await invoice({ expiry: '1' });
    return await waitUntil(
      'it has run out',
      async () => {
        const refusal = await pay(request).catch(() => undefined);
        return refusal?.details.startsWith('invoice expired') ? refusal : undefined;
      },
      10_000,
    );
  },
  'track-unknown': () => payer.streamRefusal('router', 'trackPaymentV2', { payment_hash: randomBytes(32) }),
  'settle-open': async () => payee.refusal('invoices', 'settleInvoice', { preimage: (await held()).secret }),
  'settle-unknown': () => payee.refusal('invoices', 'settleInvoice', { preimage: randomBytes(32) }),
  'hold-again': async () => payee.refusal('invoices', 'addHoldInvoice', { hash: (await held()).hash, value_msat: '1' }),
  'add-again': async () => {
    const secret = randomBytes(32);
    await invoice({ r_preimage: secret });
    return await payee.refusal('default', 'addInvoice', { r_preimage: secret, value_msat: '7' });
  },
  'cancel-settled': async () => {
    const { payment_request: request, r_hash: hash } = await invoice();
    await payer.all('router', 'sendPaymentV2', { payment_request: request, ...CAP });
    return await payee.refusal('invoices', 'cancelInvoice', { payment_hash: hash });
  },
  'cancel-unknown': () => payee.refusal('invoices', 'cancelInvoice', { payment_hash: randomBytes(32) }),
  'lookup-unknown': () => payee.refusal('default', 'lookupInvoice', { r_hash: randomBytes(32) }),
  'memo-too-long': () => payee.refusal('default', 'addInvoice', { memo: 'x'.repeat(640) }),
  'open-not-connected': () =>
    payer.refusal('default', 'openChannelSync', { node_pubkey: Buffer.from(NOBODY, 'hex'), local_funding_amount: '100000' }),
  'open-too-small': async () => open('1000'),
  'open-too-much': async () => {
    const { confirmed_balance: sats } = await payer.call('default', 'walletBalance');
    await payer.call('default', 'sendCoins', { addr: await newAddress(payee), amount: String(BigInt(String(sats)) - 100_000n) });
    const refusal = await open('16000000');
    network.simulated.fund('alice', sat(20_000_000));
    await network.mine(1);
    return refusal;
  },
  'connect-refused': async () => payer.refusal('default', 'connectPeer', peer(1, await keyOf(payee))),
  'connect-wrong-key': async () => payer.refusal('default', 'connectPeer', peer(network.node('payee').address.port, NOBODY)),
  'connect-again': async () =>
    payer.refusal('default', 'connectPeer', peer(network.node('middle').address.port, network.simulated.nodes.need('bob').nodeId)),
  'disconnect-unknown': () => payer.refusal('default', 'disconnectPeer', { pub_key: NOBODY }),
  'send-nowhere': () => send({ addr: 'nowhere', amount: '10000' }),
  'send-mainnet-address': () => send({ addr: MAINNET_ADDRESS, amount: '10000' }),
  'send-too-much': async () => send({ addr: await newAddress(payee), amount: '2000000000' }),
  'send-dust': async () => send({ addr: await newAddress(payee), amount: '1' }),
  'edge-unknown': () => payer.refusal('default', 'getChanInfo', { chan_point: `${'ab'.repeat(32)}:0` }),
  'close-unknown': () => payer.streamRefusal('default', 'closeChannel', { channel_point: NO_CHANNEL }),
  'close-peer-away': async () => {
    await network.node('middle').stop();
    const refusal = await payer.streamRefusal('default', 'closeChannel', { channel_point: point });
    await network.node('middle').start();
    return refusal;
  },
  'policy-delta-small': () =>
    payer.refusal('default', 'updateChannelPolicy', { global: true, base_fee_msat: '1', fee_rate_ppm: 1, time_lock_delta: 3 }),
  'invoice-macaroon': async () => {
    using client = new RawClient({ ...network.node('payee').config, macaroon: 'invoice.macaroon' });
    return await client.refusal('default', 'getInfo');
  },
  'other-macaroon': () => {
    const dir = String(network.node('payee').config['lndDir']);
    return withMacaroon(readFileSync(join(dir, 'data/chain/bitcoin/regtest/admin.macaroon')).toString('hex'));
  },
  'broken-macaroon': () => withMacaroon('0201036c6e64'),
  'other-certificate': async () => {
    const cert = readFileSync(join(String(network.node('payee').config['lndDir']), 'tls.cert'), 'utf8');
    using client = new RawClient(network.node('payer').config, { cert });
    return await client.refusal('default', 'getInfo');
  },
  away: async () => {
    using client = new RawClient({ ...network.node('payer').config, host: '127.0.0.1:1' });
    return await client.refusal('default', 'getInfo');
  },
};

/** What listens at a node's own port is no part of the emulation. */
const NOT_TRIED = ['not-tls'];

async function open(amount: string): Promise<Refusal> {
  const key = Buffer.from(network.simulated.nodes.need('bob').nodeId, 'hex');
  return await payer.refusal('default', 'openChannelSync', { node_pubkey: key, local_funding_amount: amount });
}

async function newAddress(client: RawClient): Promise<unknown> {
  return (await client.call('default', 'newAddress', { type: 'WITNESS_PUBKEY_HASH' }))['address'];
}

/** A text without what is another one each time. */
function likeness({ code, details }: Refusal): Refusal {
  const text = details
    .replace(/0[23][0-9a-f]{64}/g, '<key>')
    .replace(/(127\.0\.0\.1):\d+/g, '$1:<port>')
    .replace(/[\d.]+ BTC/g, '<amount> BTC')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>')
    .replace(/(self-signed certificate|Resolution note:).*/, '$1');
  return { code, details: text };
}

test('every refusal that was recorded is tried', () => {
  expect([...Object.keys(TRIES), ...NOT_TRIED].sort()).toEqual(Object.keys(refusals).sort());
});

for (const [name, attempt] of Object.entries(TRIES)) {
  test(`it refuses as lnd does: ${name}`, async () => {
    const known = refusals[name];
    if (known === undefined) throw new Error(`${name} was not recorded`);
    expect(likeness(await attempt())).toEqual(likeness(known));
  });
}
