import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type EmulatedNetwork, emulatedNetwork } from '../../../regtest/emulated/network.ts';
import type { RegtestNetwork } from '../../../regtest/network.ts';
import { openBackend } from '../../../regtest/open-backend.ts';
import { dockerControl } from '../../../regtest/polar/docker-control.ts';
import { polarNetwork } from '../../../regtest/polar/polar-network.ts';
import { type WrittenPolarHome, writePolarHome } from '../../../regtest/polar/write-home.ts';
import { diagnose } from '../../../src/app/doctor/diagnose.ts';
import { openToLook } from '../../../src/app/doctor/open-backend.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';

// Programs and nodes of their own: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let inner: EmulatedNetwork;
let home: WrittenPolarHome;
let polar: RegtestNetwork;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ltp-polar-'));
  inner = await emulatedNetwork({ payer: 'lnd' });
  home = await writePolarHome(inner, join(dir, 'home'), { networkId: 3, networkName: 'dev', asLitd: ['middle'] });
  polar = await polarNetwork(home.options);
  for (const role of ['payer', 'middle'] as const) await polar.fund(role, 20_000_000);
  await polar.openChannel({ from: 'payer', to: 'middle', capacitySat: 5_000_000, pushSat: 1_000_000 });
  await polar.openChannel({ from: 'middle', to: 'payee', capacitySat: 5_000_000, pushSat: 1_000_000 });
});
afterAll(async () => {
  await polar?.[Symbol.asyncDispose]();
  await home?.[Symbol.asyncDispose]();
  await inner?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

async function examine(backend: Readonly<Record<string, unknown>>) {
  const file = join(dir, 'wallet.json');
  await writeFile(file, JSON.stringify({ backend: { kind: 'polar', home: join(dir, 'home'), network: 'dev', ...backend } }));
  const opened = await openToLook(file, { clock: systemClock, random: systemRandom, logger: silentLogger });
  try {
    return await diagnose({ ...opened, purpose: 'sell', clock: systemClock, signal: AbortSignal.timeout(15_000) });
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

const statuses = ({ checks }: Awaited<ReturnType<typeof examine>>) => Object.fromEntries(checks.map(({ name, status }) => [name, status]));

test("a payment goes from one of Polar's nodes over another to the third, litd in the middle", async () => {
  const [payer, payee] = [await polar.node('payer').backend(), await polar.node('payee').backend()];
  const invoice = await payee.invoices.create({ amountMsat: msat(100_000), description: 'polar', expirySeconds: 600 });
  const outcome = await payer.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000) });
  expect(outcome.status).toBe('settled');
  expect((await payee.invoices.lookup(invoice.paymentHash))?.state).toBe('settled');
  expect(polar.nodes.map(({ kind }) => kind)).toEqual(['lnd', 'lnd', 'lnd']);
});

test("Polar's bitcoind is spoken to by RPC: coins are sent, mined and looked up", async () => {
  const height = await polar.bitcoin.height();
  const txId = await polar.bitcoin.sendToAddress(await (await polar.node('payee').backend()).wallet.newAddress(), 1_000);
  expect(await polar.bitcoin.getTransaction(txId)).toEqual({ confirmations: 0 });
  await polar.mine(2);
  expect(await polar.bitcoin.getTransaction(txId)).toEqual({ confirmations: 2 });
  expect(await polar.bitcoin.height()).toBe(height + 2);
  expect(await polar.bitcoin.getTransaction('ab'.repeat(32) as typeof txId)).toBeUndefined();
});

test('a node that was stopped is not reachable, whatever the file says, and comes back', async () => {
  await polar.node('payee').stop();
  const away = await examine({ node: 'carol' });
  expect(away).toMatchObject({ reachable: false, usable: false, via: "Polar's node carol in network 3 (dev)" });
  await polar.node('payee').start();
  expect((await examine({ node: 'carol' })).reachable).toBe(true);
});

test('the doctor tells a full, an invoice-only and a read-only macaroon apart by asking', async () => {
  const full = await examine({ node: 'carol' });
  expect(full).toMatchObject({
    usable: true,
    rights: 'full',
    version: expect.stringContaining('0.20'),
    inboundMsat: expect.stringMatching(/^[34]\d{9}$/),
  });
  expect(statuses(full)).toMatchObject({
    rights: 'warn',
    version: 'ok',
    synced: 'ok',
    certificate: 'ok',
    macaroon: 'ok',
    clock: 'ok',
    inbound: 'ok',
  });
  const seller = await examine({ node: 'carol', macaroon: 'invoice.macaroon' });
  expect(seller).toMatchObject({ usable: true, rights: 'invoices-only', nodeId: full.nodeId, network: 'regtest' });
  expect(statuses(seller)).toMatchObject({
    rights: 'ok',
    invoices: 'ok',
    clock: 'ok',
    version: 'unseen',
    synced: 'unseen',
    inbound: 'unseen',
  });
  const reader = await examine({ node: 'carol', macaroon: 'readonly.macaroon' });
  expect(reader).toMatchObject({ reachable: true, usable: false, rights: 'read-only' });
});

test('with the invoice macaroon no more than the one invoice is made, on a node that had none', async () => {
  const backend = await polar.node('middle').backend();
  expect((await backend.invoices.list()).items).toEqual([]);
  expect(await examine({ node: 'bob', macaroon: 'invoice.macaroon' })).toMatchObject({ usable: true, rights: 'invoices-only' });
  expect((await backend.invoices.list()).items.map(({ state }) => state)).toEqual(['cancelled']);
});

test('only LND nodes have an invoice-only config, and it works', async () => {
  const config = polar.node('payee').invoiceOnlyConfig;
  expect(config).toMatchObject({ kind: 'lnd', macaroon: 'invoice.macaroon' });
  const backend = await openBackend(config ?? { kind: 'none' });
  await expect(backend.node.info()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await backend.invoices.create({ amountMsat: msat(1), description: '', expirySeconds: 60 })).state).toBe('open');
  await backend[Symbol.asyncDispose]();
});

test('without docker, stopping is refused and says so', async () => {
  const { control: _, ...options } = home.options;
  const real = await polarNetwork({ ...options, control: dockerControl(join(dir, 'no-such-docker')) });
  await expect(real.node('payee').stop()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining("can't stop polar-n3-carol"),
  });
  await real[Symbol.asyncDispose]();
});

test('nodes are taken by name, by kind, or in the order of the file; what is not there is named', async () => {
  const { home: folder, control, reach } = { reach: 'loopback' as const, ...home.options };
  const options = { home: folder, network: 'dev', reach, ...(control === undefined ? {} : { control }) };
  const named = await polarNetwork({ ...options, nodes: { payer: 'carol' } });
  expect(named.nodes.map(({ role, config }) => `${role} ${String(config['lndDir']).split('/volumes/')[1]}`)).toEqual([
    'payer lnd/carol',
    'middle lnd/alice',
    'payee litd/bob/lnd',
  ]);
  await named[Symbol.asyncDispose]();
  await expect(polarNetwork({ ...options, roles: { payer: 'lnd', payee: 'eclair' } })).rejects.toThrow(
    'has no eclair node left for the payee; there are alice (LND), bob (litd), carol (LND)',
  );
});

test('a Polar network whose bitcoind is not running says to start it', async () => {
  const other = await writePolarHome(inner, join(dir, 'other'));
  await other[Symbol.asyncDispose]();
  await expect(polarNetwork(other.options)).rejects.toThrow(
    /backend1 of network 1 \(regtest\) does not answer at http.*ECONNREFUSED.*start the network in Polar/,
  );
});
