import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { simulatedBackend } from '../../../src/adapters/simulated/backend/backend.ts';
import { simulated } from '../../../src/adapters/simulated/definition.ts';
import { type Simnet, startSimnet } from '../../../src/adapters/simulated/simnet.ts';
import { simnetConfigSchema } from '../../../src/adapters/simulated/simnet-config.ts';
import { connectSimnet, SimnetConnection, SocketNode } from '../../../src/adapters/simulated/socket/client.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { msat, sat } from '../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { MemoryIntents } from '../../support/memory-intents.ts';
import { until } from './world.ts';

const open: AsyncDisposable[] = [];
const dirs: string[] = [];
const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'simnet-'));
  dirs.push(dir);
  return dir;
}

function keep<T extends AsyncDisposable>(thing: T): T {
  open.push(thing);
  return thing;
}

async function serve(dir: string = directory()): Promise<Simnet> {
  return keep(await startSimnet(simnetConfigSchema.parse({ socket: join(dir, 's.sock'), dir: join(dir, 'net') }), shared));
}

function backendAt(socket: string, name: string): LightningBackend {
  return keep(simulatedBackend(new SocketNode(new SimnetConnection(socket), name), { ...shared, intents: new MemoryIntents() }));
}

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing[Symbol.asyncDispose]();
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

test('buyer and seller over the socket: the invoice is paid and the stream tells of it', async () => {
  const { socket } = await serve();
  const [seller, buyer] = [backendAt(socket, 'seller'), backendAt(socket, 'buyer2')];
  const stream = seller.invoices.settlements()[Symbol.asyncIterator]();
  expect((await stream.next()).value).toMatchObject({ kind: 'caught-up' });
  const invoice = await seller.invoices.create({ amountMsat: msat(1_234_567), description: 'über den Draht ⚡', expirySeconds: 600 });
  expect(invoice).toMatchObject({ amountMsat: 1_234_567n, index: 1n, description: 'über den Draht ⚡' });
  const outcome = await buyer.payments.pay({ paymentRequest: invoice.paymentRequest, maxFeeMsat: sat(10) });
  expect(outcome).toMatchObject({ status: 'settled', amountMsat: 1_234_567n, feeMsat: 1001n });
  expect((await stream.next()).value).toMatchObject({
    kind: 'settled',
    settlement: { paymentHash: invoice.paymentHash, receivedMsat: 1_234_567n },
  });
  await stream.return?.();
  expect((await buyer.channels.list())[0]).toMatchObject({ capacityMsat: 10_000_000_000n });
  expect((await buyer.wallet.transactions()).items.at(-1)?.deltaMsat).toBeLessThan(0n);
});

test('the socket is for its owner alone', async () => {
  const { socket } = await serve();
  expect(statSync(socket).mode & 0o777).toBe(0o600);
});

test('a socket that nobody serves any more is replaced, a live one is an error that names it', async () => {
  const dir = directory();
  const path = join(dir, 's.sock');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  await expect(serve(dir)).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(path) });
  // A killed process leaves its file behind; a closed server takes it away: so it is written anew.
  server.close();
  await once(server, 'close');
  writeFileSync(path, '');
  await expect(serve(dir)).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(path) });
  rmSync(path);
  const simnet = await serve(dir);
  await expect(serve(dir)).rejects.toMatchObject({ code: 'CONFLICT' });
  await simnet[Symbol.asyncDispose]();
  expect(existsSync(path)).toBe(false);
});

test('a lost connection rejects what is in flight and is made anew', async () => {
  const dir = directory();
  let simnet = await serve(dir);
  const [seller, buyer] = [backendAt(simnet.socket, 'seller'), backendAt(simnet.socket, 'buyer')];
  const states: string[] = [];
  const kinds: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const { kind } of seller.invoices.settlements({ signal: stop.signal, onStatus: ({ state }) => states.push(state) }))
      kinds.push(kind);
  })();
  await until('live', () => states.includes('live'));
  const hold = { paymentHash: 'ab'.repeat(32) as never };
  const { paymentRequest, paymentHash } = await seller.invoices.create({
    amountMsat: msat(1000),
    description: '',
    expirySeconds: 600,
    hold,
  });
  const paying = buyer.payments.pay({ paymentRequest, maxFeeMsat: sat(1) });
  await until('held', async () => (await seller.invoices.lookup(paymentHash))?.state === 'held');
  await simnet[Symbol.asyncDispose]();
  expect(await paying).toMatchObject({ status: 'unknown' });
  await expect(seller.node.info()).rejects.toMatchObject({ code: 'UNAVAILABLE', retry: 'safe' });
  simnet = await serve(dir);
  await until('caught up again', () => kinds.filter((kind) => kind === 'caught-up').length === 2);
  expect(await seller.invoices.lookup(paymentHash)).toMatchObject({ state: 'held' });
  stop.abort();
  await following;
});

test('a reply that was lost took effect, and the connection comes back', async () => {
  const { socket } = await serve();
  const control = keep(connectSimnet(socket));
  const seller = backendAt(socket, 'seller');
  await control.call('faults', { kind: 'lose-reply', node: 'seller', method: 'createInvoice', count: 1 });
  const request = { amountMsat: msat(1000), description: '', expirySeconds: 600, label: 'one' };
  await expect(seller.invoices.create(request)).rejects.toMatchObject({ code: 'CONNECTION_LOST', retry: 'lookup-first' });
  const again = await seller.invoices.create(request);
  expect((await seller.invoices.list()).items).toEqual([again]);
});

test('refused connections and a restart of the server are got over', async () => {
  const { socket } = await serve();
  const control = keep(connectSimnet(socket));
  await control.call('faults', { kind: 'refuse-connections', count: 2 });
  const seller = backendAt(socket, 'seller');
  await until('it answers', () =>
    seller.node.info().then(
      () => true,
      () => false,
    ),
  );
  await control.call('faults', { kind: 'restart' });
  await until('it answers again', () =>
    seller.node.info().then(
      () => true,
      () => false,
    ),
  );
  expect(await control.call('height', {})).toBeGreaterThan(100);
});

test('the keeper adds nodes, funds them and opens channels that can be paid over', async () => {
  const { socket } = await serve();
  const control = keep(connectSimnet(socket));
  const carol = await control.call('addNode', { name: 'carol' });
  await control.call('fund', { node: 'carol', amountMsat: sat(1_000_000) });
  const opened = await control.call('openChannel', { from: 'carol', to: 'router', capacityMsat: sat(500_000), confirm: true });
  expect(opened.shortChannelId).toMatch(/^\d+x1x0$/);
  const backend = backendAt(socket, 'carol');
  expect(await backend.node.info()).toMatchObject({ alias: 'carol', uris: [carol.uri], network: 'regtest' });
  const { paymentRequest } = await backendAt(socket, 'seller').invoices.create({ amountMsat: 'any', description: '', expirySeconds: 60 });
  expect(await backend.payments.pay({ paymentRequest, amountMsat: msat(777), maxFeeMsat: sat(10) })).toMatchObject({
    status: 'settled',
    amountMsat: 777n,
  });
  const { txId } = await control.call('sendToAddress', { address: await backend.wallet.newAddress(), amountMsat: sat(1000) });
  await control.call('mine', { blocks: 2 });
  expect(await control.call('transaction', { txId })).toMatchObject({ confirmations: 2 });
  await expect(control.call('addNode', { name: 'carol' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(control.call('addNode', { name: '../x' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(control.call('stopNode', { node: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a call that is given up ends at once', async () => {
  const { socket } = await serve();
  const [seller, buyer] = [backendAt(socket, 'seller'), new SocketNode(keep(new SimnetConnection(socket)), 'buyer')];
  const hold = { paymentHash: 'cd'.repeat(32) as never };
  const { paymentRequest } = await seller.invoices.create({ amountMsat: msat(1000), description: '', expirySeconds: 600, hold });
  const stop = new AbortController();
  const paying = buyer.call('pay', { paymentRequest, maxFeeMsat: sat(1) }, { signal: stop.signal });
  await until('held', async () => (await seller.invoices.lookup(hold.paymentHash))?.state === 'held');
  stop.abort();
  await expect(paying).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(buyer.call('info', {}, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
});

test('whatever comes over the socket is answered with an error and harms nobody', async () => {
  const { socket } = await serve();
  const answers: string[] = [];
  const raw = connect(socket);
  let rest = '';
  raw.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    answers.push(...lines);
  });
  const junk = fc.oneof(
    fc.string().map((text) => text.replaceAll('\n', ' ')),
    fc.json(),
    fc
      .record({
        id: fc.oneof(fc.integer(), fc.string()),
        node: fc.constantFrom('seller', 'nobody', '__proto__'),
        call: fc.constantFrom('pay', 'constructor', '__proto__', 'x'),
        params: fc.anything({ maxDepth: 2 }),
      })
      .map((value) => JSON.stringify(value, (_key, field) => (typeof field === 'bigint' ? String(field) : field))),
    fc
      .record({ id: fc.integer(), control: fc.constantFrom('mine', 'toString', 'faults', 'fund'), params: fc.json() })
      .map((value) => JSON.stringify(value)),
    fc
      .record({ id: fc.integer(), node: fc.constant('seller'), follow: fc.constantFrom('settlements', 'valueOf'), params: fc.json() })
      .map((value) => JSON.stringify(value)),
  );
  const lines = fc.sample(junk, { numRuns: 400, seed: 7 }).filter((line) => line.trim() !== '');
  for (const line of lines) raw.write(`${line}\n`);
  await until('all are answered', () => answers.length >= lines.length);
  for (const answer of answers)
    expect(JSON.parse(answer)).toMatchObject({ error: { code: expect.stringMatching(/^(INVALID_ARGUMENT|NOT_FOUND)$/) } });
  // It is cut off while it still writes: that shows here as an error or not, as it happens.
  raw.on('error', () => {});
  const closed = new Promise<void>((resolve) => raw.once('close', () => resolve()));
  raw.write('x'.repeat(5 * 1024 * 1024));
  await closed;
  expect(await backendAt(socket, 'seller').node.info()).toMatchObject({ alias: 'seller' });
});

test('the definition makes a backend of a socket, or of a network of its own', async () => {
  const { socket } = await serve();
  const dependencies = { ...shared, intents: new MemoryIntents(), settlementLog: undefined as never };
  const behind = keep(await simulated.create({ kind: 'simulated', socket, node: 'buyer' }, dependencies));
  expect((await behind.node.info()).alias).toBe('buyer');
  const dir = directory();
  const own = await simulated.create({ kind: 'simulated', node: 'seller', dir }, dependencies);
  const { nodeId } = await own.node.identity();
  await own[Symbol.asyncDispose]();
  const again = keep(await simulated.create({ kind: 'simulated', node: 'seller', dir }, dependencies));
  expect((await again.node.identity()).nodeId).toBe(nodeId);
  const away = keep(await simulated.create({ kind: 'simulated', node: 'seller', socket: join(dir, 'none.sock') }, dependencies));
  await expect(away.node.info()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
