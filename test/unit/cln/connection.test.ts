import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClnBackend } from '../../../src/adapters/cln/backend.ts';
import { clnConfigSchema } from '../../../src/adapters/cln/config.ts';
import { AnswerReader } from '../../../src/adapters/cln/framing.ts';
import { connectError } from '../../../src/adapters/cln/socket-path.ts';
import { isLightningError, type LightningError } from '../../../src/core/lightning/errors.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { dependencies, hurriedClock, until } from '../shared/adapter-dependencies.ts';
import { RpcServer, recorded, recordedWith } from './rpc-server.ts';

const printed: unknown[] = [];

beforeEach(() => {
  printed.length = 0;
  for (const method of ['log', 'error', 'warn', 'info'] as const)
    vi.spyOn(console, method).mockImplementation((...words) => void printed.push(words));
});
afterEach(() => {
  expect(printed, 'nothing is printed').toEqual([]);
});

function backend(server: { readonly path: string }, parts: Parameters<typeof dependencies>[0] = {}, network?: string): ClnBackend {
  const config = { kind: 'cln', socket: server.path, ...(network === undefined ? {} : { network }) } as const;
  return new ClnBackend(clnConfigSchema.parse(config), dependencies(parts));
}

async function failure(promise: Promise<unknown>): Promise<LightningError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!isLightningError(error)) throw error;
  return error;
}

const HASH = paymentHash('518d917cdcf7ad41b2ef2f12dd859d7e1a10c85da606108cedaeefd87501c090');

test('a lightningd that restarts in the middle of a call: the call is told, the next one works', async () => {
  await using server = await RpcServer.started({ listinvoices: () => 'hang' });
  await using cln = backend(server);
  const hanging = failure(cln.invoices.lookup(HASH));
  await until('the call is on its way', () => server.called('listinvoices').length === 1);
  await server.stop();
  expect(await hanging).toMatchObject({ code: 'CONNECTION_LOST', retry: 'safe', operation: 'invoices.lookup' });
  expect(await failure(cln.node.info())).toMatchObject({ code: 'UNAVAILABLE' });
  server.on('listinvoices', () => recorded('listinvoices by hash'));
  await server.start();
  expect((await cln.invoices.lookup(HASH))?.state).toBe('open');
});

test('a call that changes something says to look before it is made again', async () => {
  await using server = await RpcServer.started({ invoice: () => 'hang up' });
  await using cln = backend(server);
  const error = await failure(cln.invoices.create({ amountMsat: 'any', description: 'd', expirySeconds: 60 }));
  expect(error).toMatchObject({ code: 'CONNECTION_LOST', retry: 'lookup-first', operation: 'invoices.create' });
});

test('many restarts and many calls leave the process alone and no call waiting', async () => {
  await using server = await RpcServer.started();
  await using cln = backend(server);
  for (let round = 0; round < 5; round++) {
    const calls = Array.from({ length: 20 }, () =>
      cln.node.info().then(
        () => 'answered',
        (error: LightningError) => error.code,
      ),
    );
    if (round % 2 === 0) await server.stop();
    const outcomes = await Promise.all(calls);
    expect(outcomes.every((outcome) => ['answered', 'CONNECTION_LOST', 'UNAVAILABLE'].includes(outcome))).toBe(true);
    if (round % 2 === 0) await server.start();
  }
  expect((await cln.node.info()).alias).toBe('cln1');
});

test('calls that come while the connection is being made share it', async () => {
  await using server = await RpcServer.started();
  await using cln = backend(server);
  await Promise.all(Array.from({ length: 10 }, () => cln.node.info()));
  expect(server.connections).toBe(1);
});

test('a call that gets no answer ends by the clock, and the others on the same socket go on', async () => {
  await using server = await RpcServer.started({ listpeers: () => 'hang' });
  await using cln = backend(server, { clock: hurriedClock(300) });
  expect(await failure(cln.peers.list())).toMatchObject({ code: 'TIMEOUT', retry: 'safe', operation: 'peers.list' });
  expect((await cln.node.info()).blockHeight).toBe(122);
});

test('an aborted call ends at once', async () => {
  await using server = await RpcServer.started({ listpeers: () => 'hang' });
  await using cln = backend(server);
  await cln.node.info();
  const controller = new AbortController();
  const call = failure(cln.peers.list({ signal: controller.signal }));
  controller.abort();
  expect(await call).toMatchObject({ code: 'ABORTED', operation: 'peers.list' });
  expect(await failure(cln.peers.list({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' });
});

test('disposing ends what is in flight', async () => {
  await using server = await RpcServer.started({ listpeers: () => 'hang' });
  const cln = backend(server);
  const call = failure(cln.peers.list());
  await until('the call is on its way', () => server.called('listpeers').length === 1);
  await cln[Symbol.asyncDispose]();
  expect((await call).code).toBe('ABORTED');
  await until('the socket is closed', () => server.connections === 0);
  expect((await failure(cln.node.info())).code).toBe('ABORTED');
});

test.each([
  ['a web page', '<html><body>502 Bad Gateway</body></html>\n'],
  ['text', 'hello\n\n'],
  ['JSON that is no answer', '{"hello":"world"}\n\n'],
  ['half an answer', '{"jsonrpc":"2.0","id":"1",\n\n'],
])('%s instead of an answer is a protocol error, not the end of the process', async (_, raw) => {
  await using server = await RpcServer.started({ getinfo: () => ({ raw }) });
  await using cln = backend(server);
  expect(await failure(cln.node.info())).toMatchObject({ code: 'PROTOCOL', message: expect.stringContaining(server.path) });
  server.on('getinfo', () => recorded('getinfo'));
  expect((await cln.node.info()).alias).toBe('cln1');
});

test('an answer that lacks a field names it', async () => {
  await using server = await RpcServer.started({ listpeers: () => ({ result: { peers: [{ id: `02${'0'.repeat(64)}` }] } }) });
  await using cln = backend(server);
  expect(await failure(cln.peers.list())).toMatchObject({ code: 'PROTOCOL', message: expect.stringContaining('peers.0.connected') });
});

test('a text with a line separator of Unicode does not cut an answer in two', async () => {
  const invoice = (recorded('listinvoices by hash') as { result: { invoices: object[] } }).result.invoices[0];
  const label = 'line\u2028separator';
  await using server = await RpcServer.started({ listinvoices: () => ({ result: { invoices: [{ ...invoice, label }] } }) });
  await using cln = backend(server);
  expect((await cln.invoices.lookup(HASH))?.label).toBe(label);
});

test('answers come in any pieces, on one line or on several', () => {
  const text = `${JSON.stringify({ id: '1', result: { text: 'é\u2029' } })}\n\n${JSON.stringify({ id: '2', result: [] }, null, 2)}\n\n`;
  for (const size of [1, 2, 3, 7, 1000]) {
    const reader = new AnswerReader();
    const answers = [];
    for (let at = 0; at < text.length; at += size) answers.push(...reader.push(text.slice(at, at + size)));
    expect(answers.map((answer) => answer.id)).toEqual(['1', '2']);
  }
});

test('no socket, a file, a folder, a path that is too long: each says what is wrong and where', async () => {
  const server = new RpcServer();
  await using _ = server;
  expect(await failure(backend(server).node.info())).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining(server.path) });
  writeFileSync(server.path, '');
  expect(await failure(backend(server).node.info())).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('is a file'),
  });
  expect(await failure(backend({ path: server.dir }).node.info())).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('is a folder'),
  });
  const long = { path: join(server.dir, 'x'.repeat(120)) };
  expect(await failure(backend(long).node.info())).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('107') });
});

test('a socket that nobody listens on any more is unavailable', async () => {
  const server = await RpcServer.started();
  await using _ = server;
  await server.stop();
  // A process that is killed leaves its socket behind.
  const script = join(server.dir, 'listen.mjs');
  writeFileSync(
    script,
    `import { createServer } from 'node:net'; createServer().listen(${JSON.stringify(server.path)}, () => process.send('up'));`,
  );
  const child = fork(script);
  await new Promise((resolve) => child.once('message', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(await failure(backend(server).node.info())).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('nobody listens'),
  });
});

test('a node on another network than configured is refused, by each call and by the stream', async () => {
  await using server = await RpcServer.started();
  await using cln = backend(server, {}, 'bitcoin');
  expect(await failure(cln.node.info())).toMatchObject({ code: 'WRONG_NETWORK', message: expect.stringMatching(/regtest.*mainnet/) });
  const events = cln.invoices.settlements()[Symbol.asyncIterator]();
  expect((await failure(events.next())).code).toBe('WRONG_NETWORK');
});

test('a node that is still starting is unavailable, with what it says', async () => {
  await using server = await RpcServer.started({ getinfo: () => ({ error: { code: -1, message: 'Still starting up' } }) });
  await using cln = backend(server);
  expect(await failure(cln.node.info())).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('Still starting up') });
});

test('a version that is not known works and is warned of once', async () => {
  await using server = await RpcServer.started({ getinfo: () => recordedWith('getinfo', { version: 'v31.01' }) });
  const parts = dependencies();
  await using cln = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', socket: server.path }), parts);
  await cln.node.info();
  await server.stop();
  await server.start();
  await until('it is back', () =>
    cln.node.info().then(
      () => true,
      () => false,
    ),
  );
  expect(parts.logger.lines.filter((line) => line.level === 'warn')).toHaveLength(1);
});

test('the usual places: the folder of a network, or a network folder itself; bitcoin is mainnet', async () => {
  await using server = await RpcServer.started({ getinfo: () => recordedWith('getinfo', { network: 'bitcoin' }) });
  await using direct = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', lightningDir: server.dir, network: 'mainnet' }), dependencies());
  expect((await direct.node.info()).network).toBe('mainnet');
  const nested = new RpcServer({ getinfo: () => recordedWith('getinfo', { network: 'bitcoin' }) });
  await using _ = nested;
  mkdirSync(join(nested.dir, 'bitcoin'));
  Object.assign(nested, { path: join(nested.dir, 'bitcoin', 'lightning-rpc') });
  await nested.start();
  await using usual = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', lightningDir: nested.dir }), dependencies());
  expect((await usual.node.identity()).network).toBe('mainnet');
});

test('a socket that this user may not open is a matter of rights', () => {
  const denied = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
  expect(connectError(denied, '/run/lightning-rpc', 'test')).toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringContaining('/run/lightning-rpc'),
  });
});

test('a config says what is wrong with it', () => {
  expect(() => clnConfigSchema.parse({ kind: 'cln', network: 'mainet' })).toThrow(/network/);
  expect(() => clnConfigSchema.parse({ kind: 'cln', sokcet: '/x' })).toThrow(/sokcet/);
});
