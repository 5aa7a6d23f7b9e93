import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { memoryDependencies } from '../../../regtest/dependencies.ts';
import { emulatedCln } from '../../../regtest/emulated/cln/server.ts';
import { emulatedEclair } from '../../../regtest/emulated/eclair/server.ts';
import { type EmulatedNetwork, emulatedNetwork } from '../../../regtest/emulated/network.ts';
import type { EmulatedNodeFactory } from '../../../regtest/emulated/node-server.ts';
import { waitUntil } from '../../../regtest/wait-until.ts';
import { NetworkGateway } from '../../../src/adapters/simulated/gateway/gateway.ts';
import { LocalNode } from '../../../src/adapters/simulated/gateway/local.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { ClnSocket } from './cln-socket.ts';
import { EclairApi } from './eclair-api.ts';

const WAIT_MS = 10_000;

let network: EmulatedNetwork;

beforeAll(async () => {
  network = await emulatedNetwork({ payer: 'cln', middle: 'cln', payee: 'eclair' });
  await network.fund('middle', 20_000_000);
  await network.openChannel({ from: 'middle', to: 'payer', capacitySat: 5_000_000, pushSat: 1_000_000 });
  await network.openChannel({ from: 'middle', to: 'payee', capacitySat: 5_000_000, pushSat: 1_000_000 });
}, 60_000);

afterAll(async () => {
  await network[Symbol.asyncDispose]();
});

const lightningDir = () => network.node('payer').config['lightningDir'] as string;
const paidByBob = (paymentRequest: string) => network.simulated.pay('bob', { paymentRequest, maxFeeMsat: msat(1_000_000) });

test('lightningd: requests back to back and in pieces are answered, each ended by a blank line', async () => {
  const socket = connect(join(lightningDir(), 'regtest', 'lightning-rpc')).setEncoding('utf8');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (piece: string) => {
    text += piece;
  });
  const one = JSON.stringify({ jsonrpc: '2.0', id: 'a "{" in a string', method: 'getinfo', params: [] });
  const two = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'listinvoices', params: ['no such label'] });
  socket.write(one + two.slice(0, 9));
  await waitUntil('the first is answered', async () => text.endsWith('\n\n'), WAIT_MS);
  for (const character of two.slice(9)) socket.write(character);
  await waitUntil('the second is answered', async () => text.split('\n\n').length === 3, WAIT_MS);
  const answers = text
    .trim()
    .split('\n\n')
    .map((line) => JSON.parse(line) as { id: unknown; result: unknown });
  expect(answers.map(({ id }) => id)).toEqual(['a "{" in a string', 2]);
  expect(answers[1]?.result).toEqual({ invoices: [] });
  socket.destroy();
});

test('lightningd: what is not JSON is told so and ends the connection', async () => {
  const socket = connect(join(lightningDir(), 'regtest', 'lightning-rpc')).setEncoding('utf8');
  socket.write('GET / HTTP/1.1\r\n\r\n');
  const [text] = (await once(socket, 'data')) as [string];
  expect(JSON.parse(text)).toMatchObject({ error: { code: -32700 } });
  await once(socket, 'close');
});

test('lightningd: a call that waits blocks no other, and its waiter ignores the index it was given', async () => {
  using socket = await ClnSocket.open(lightningDir());
  const invoice = await socket.result<{ bolt11: string }>('invoice', { amount_msat: 1000, label: 'waited for', description: '' });
  const waiting = socket.result('waitanyinvoice', { lastpay_index: 1_000_000, timeout: 30 });
  await socket.result('getinfo');
  paidByBob(invoice.bolt11);
  expect(await waiting).toMatchObject({ label: 'waited for', status: 'paid' });
});

test('lightningd: a label is free again when its invoice was deleted', async () => {
  using socket = await ClnSocket.open(lightningDir());
  const request = { amount_msat: 1000, label: 'again', description: '' };
  await socket.result('invoice', request);
  await socket.result('delinvoice', { label: 'again', status: 'unpaid' });
  expect(await socket.result('listinvoices', { label: 'again' })).toEqual({ invoices: [] });
  await socket.result('invoice', request);
  expect(await socket.ask('invoice', { ...request, wrong: 1 })).toMatchObject({
    error: { code: -32602, message: 'unknown parameter: wrong' },
  });
});

test('eclair: its events are a queue of ten that drops the newest', async () => {
  using api = await EclairApi.open(network.node('payee').config);
  const made = await Promise.all(Array.from({ length: 12 }, () => api.ask('/createinvoice', { amountMsat: 1000, description: 'd' })));
  const invoices = made.map(({ body }) => body as { serialized: string; paymentHash: string });
  // All in one turn, so that nobody takes an event out in between.
  for (const { serialized } of invoices) paidByBob(serialized);
  await waitUntil('the queue was told', async () => api.events.length >= 10, WAIT_MS);
  await api.ask('/getinfo');
  expect(api.events.map(({ paymentHash }) => paymentHash)).toEqual(invoices.slice(0, 10).map(({ paymentHash }) => paymentHash));
});

test('eclair: its events want the password, and other paths have none', async () => {
  const { url, password } = network.node('payee').config as unknown as { url: string; password: string };
  const status = async (path: string, secret: string) => {
    const headers = { Authorization: `Basic ${Buffer.from(`:${secret}`).toString('base64')}` };
    const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
    socket.on('error', () => {});
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    return response.statusCode;
  };
  expect(await status('/ws', 'wrong')).toBe(401);
  expect(await status('/elsewhere', password)).toBe(404);
});

test('eclair: a list without a range is of the last day, and both ends of a range are left out', async () => {
  using api = await EclairApi.open(network.node('payee').config);
  const { body } = await api.ask('/createinvoice', { amountMsat: 1000, description: 'ranged' });
  const { timestamp } = body as { timestamp: number };
  const listed = async (form: Parameters<EclairApi['ask']>[1]) =>
    ((await api.ask('/listinvoices', form)).body as readonly { description: string }[]).some(({ description }) => description === 'ranged');
  expect(await listed({ from: timestamp, to: timestamp + 10 })).toBe(false);
  expect(await listed({ from: timestamp - 1, to: timestamp })).toBe(false);
  expect(await listed({ from: timestamp - 1, to: timestamp + 1 })).toBe(true);
  await waitUntil('its second is over', async () => listed({}), WAIT_MS);
});

test('both come back at the same place, with what they had', async () => {
  for (const role of ['payer', 'payee'] as const) {
    const node = network.node(role);
    const before = JSON.stringify(node.config);
    await node.stop();
    await node.start();
    expect(JSON.stringify(node.config)).toBe(before);
  }
  using socket = await ClnSocket.open(lightningDir());
  expect(await socket.result('listinvoices', { label: 'waited for' })).toMatchObject({ invoices: [{ status: 'paid' }] });
});

test('a process that takes the place of another finds what that one had', async () => {
  using socket = await ClnSocket.open(lightningDir());
  const invoice = await socket.result<{ payment_hash: string }>('invoice', {
    amount_msat: 1000,
    label: 'kept',
    description: 'of the first',
  });
  const eclair = network.node('payee');
  using api = await EclairApi.open(eclair.config);
  const { bolt11 } = await socket.result<{ bolt11: string }>('invoice', { amount_msat: 2000, label: 'paid', description: '' });
  const sent = await api.ask('/payinvoice', { invoice: bolt11, blocking: true });
  expect(sent.body).toMatchObject({ type: 'payment-sent' });
  const { paymentHash } = sent.body as { paymentHash: string };
  const before = await socket.result<{ payments: unknown[] }>('listsendpays');

  await using second = await restarted(network, 'alice', emulatedCln);
  using other = await ClnSocket.open(second.dir);
  expect(await other.result('listinvoices', { label: 'kept' })).toMatchObject({
    invoices: [{ payment_hash: invoice.payment_hash, description: 'of the first', status: 'unpaid' }],
  });
  expect(await other.ask('invoice', { amount_msat: 1, label: 'kept', description: '' })).toMatchObject({ error: { code: 900 } });
  expect(await other.result('waitanyinvoice', { lastpay_index: 0 })).toMatchObject({ label: 'waited for', pay_index: 1 });
  expect((await other.result<{ payments: unknown[] }>('listsendpays')).payments.length).toBe(before.payments.length);

  await using third = await restarted(network, 'carol', emulatedEclair);
  using otherApi = await EclairApi.open(third.server.config);
  const record = await otherApi.ask('/getsentinfo', { paymentHash });
  expect(record.body).toMatchObject([{ paymentHash, status: { type: 'sent' } }]);
});

async function restarted(of: EmulatedNetwork, name: string, make: EmulatedNodeFactory) {
  const dir = await mkdtemp(join(tmpdir(), 'ltp-second-'));
  const { clock, random, logger } = memoryDependencies();
  const node = new LocalNode(new NetworkGateway(of.simulated, clock), name);
  const server = await make({ node, network: of.simulated, clock, random, logger, dir });
  await server.start();
  return {
    dir,
    server,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
