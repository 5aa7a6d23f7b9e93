import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmulatedNetwork } from '../../../regtest/emulated/network.ts';
import { openBackend } from '../../../regtest/open-backend.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { isLightningError, type LightningError } from '../../../src/core/lightning/errors.ts';
import { RawClient } from './support/raw-client.ts';
import { lndOf, lndWorld } from './support/world.ts';

const INVOICE = { amountMsat: msat(1_000), description: 'credentials', expirySeconds: 600 } as const;

let network: EmulatedNetwork;

beforeAll(async () => {
  network = (await lndWorld()).network;
});

afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
});

async function refused(call: Promise<unknown>): Promise<LightningError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isLightningError(error)) throw new Error(`not refused with a LightningError: ${String(error)}`);
  return error;
}

async function answers(backend: LightningBackend): Promise<true> {
  return await waitUntil(
    'it answers',
    () =>
      backend.node.info().then(
        () => true as const,
        () => undefined,
      ),
    15_000,
  );
}

test('with the invoice macaroon alone invoices are made and followed, and the rest is refused', async () => {
  await using seller = await openBackend(lndOf(network, 'payee').invoiceOnlyConfig);
  const buyer = await network.node('payer').backend();
  expect((await seller.node.identity()).nodeId).toBe(network.simulated.nodes.need('carol').nodeId);
  const head = await seller.invoices.settlementsHead();
  const invoice = await seller.invoices.create(INVOICE);
  expect((await buyer.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: msat(10_000) })).status).toBe('settled');
  const stop = new AbortController();
  for await (const event of seller.invoices.settlements({ after: head, signal: stop.signal })) {
    if (event.kind !== 'settled') continue;
    expect(event.settlement.paymentHash).toBe(invoice.paymentHash);
    break;
  }
  stop.abort();
  for (const call of [seller.node.info(), seller.channels.list(), seller.payments.list(), seller.peers.list()]) {
    expect((await refused(call)).code).toBe('UNAUTHENTICATED');
  }
});

test('macaroons and certificate may be made anew while a backend is in use', async () => {
  const backend = await network.node('payee').backend();
  const lnd = lndOf(network, 'payee');
  await backend.node.info();
  await lnd.rotateMacaroons();
  await backend.node.info();
  await lnd.rotateCertificate();
  await answers(backend);
  await backend.invoices.create(INVOICE);
});

test('a macaroon that has expired, is of another lnd, is broken or is missing is refused without showing it', async () => {
  const lnd = lndOf(network, 'payee');
  const expired = lnd.bakeMacaroon(['info:read', 'invoices:read', 'offchain:read'], Date.now() - 1);
  const foreign = lndOf(network, 'payer').bakeMacaroon(['info:read']);
  for (const macaroonHex of [expired, foreign, `${foreign.slice(0, -4)}0000`]) {
    await using backend = await openBackend({ ...lnd.config, macaroonHex });
    const error = await refused(backend.channels.list());
    expect(error.code).toBe('UNAUTHENTICATED');
    expect(`${error.message} ${JSON.stringify(error.context)}`).not.toContain(macaroonHex.slice(20, 60));
  }
  using raw = new RawClient(lnd.config, { macaroon: '' });
  expect(await raw.refusal('default', 'getInfo')).toEqual({ code: 2, details: 'expected 1 macaroon, got 0' });
});

test('a wallet that is locked or an lnd that is starting is told as such, and works once it is open', async () => {
  const lnd = lndOf(network, 'payee');
  lnd.walletState = 'LOCKED';
  const backend = await network.node('payee').backend();
  const locked = await refused(backend.invoices.create(INVOICE));
  expect(locked.code).toBe('UNAVAILABLE');
  expect(locked.message).toMatch(/locked.*unlock/);
  for (const state of ['NON_EXISTING', 'UNLOCKED', 'RPC_ACTIVE', 'WAITING_TO_START'] as const) {
    lnd.walletState = state;
    expect((await refused(backend.node.info())).code, state).toBe('UNAVAILABLE');
  }
  lnd.walletState = 'SERVER_ACTIVE';
  await answers(backend);
});

test('the state service answers without macaroon, and tells each change', async () => {
  const lnd = lndOf(network, 'payee');
  lnd.walletState = 'LOCKED';
  using raw = new RawClient(lnd.config, { macaroon: '' });
  expect(await raw.call('state', 'getState')).toEqual({ state: 'LOCKED' });
  const states: unknown[] = [];
  for await (const { state } of raw.stream('state', 'subscribeState')) {
    states.push(state);
    if (state === 'LOCKED') lnd.walletState = 'RPC_ACTIVE';
    else if (state === 'RPC_ACTIVE') lnd.walletState = 'SERVER_ACTIVE';
    else break;
  }
  expect(states).toEqual(['LOCKED', 'RPC_ACTIVE', 'SERVER_ACTIVE']);
});
