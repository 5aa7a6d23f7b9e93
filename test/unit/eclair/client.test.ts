import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EclairBackend } from '../../../src/adapters/eclair/backend.ts';
import { type EclairConfigInput, eclairConfigSchema } from '../../../src/adapters/eclair/config.ts';
import { parseEclairConf } from '../../../src/adapters/eclair/eclair-conf.ts';
import { isLightningError, type LightningError } from '../../../src/core/lightning/errors.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { dependencies, hurriedClock, until } from '../shared/adapter-dependencies.ts';
import { ApiServer, recorded } from './api-server.ts';

let server: ApiServer;
let dir: string;
const backends: EclairBackend[] = [];

beforeEach(async () => {
  server = await ApiServer.started();
  dir = mkdtempSync(join(tmpdir(), 'eclair-'));
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

function backend(config: Partial<EclairConfigInput> = {}, parts = dependencies()): EclairBackend {
  const made = new EclairBackend(
    eclairConfigSchema.parse({ kind: 'eclair', url: server.url, password: server.password, ...config }),
    parts,
  );
  backends.push(made);
  return made;
}

async function failure(promise: Promise<unknown>): Promise<LightningError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!isLightningError(error)) throw error;
  expect(inspect(error, { depth: 10 }), 'no secret in an error').not.toContain(server.password);
  expect(inspect(error, { depth: 10 })).not.toContain(Buffer.from(`:${server.password}`).toString('base64'));
  return error;
}

const HASH = paymentHash('41e7813c91b7e084f4ce84c27d8522f155a318ec34e9f9b0643e546400294126');

test('the node is asked who it is once, and calls carry the password of an empty user', async () => {
  server.on('/getreceivedinfo', () => recorded('getreceivedinfo pending'));
  const eclair = backend();
  await eclair.invoices.lookup(HASH);
  await eclair.invoices.lookup(HASH);
  expect(server.called('/getinfo')).toHaveLength(1);
  expect(await eclair.node.identity()).toEqual({
    network: 'regtest',
    nodeId: '025ef113b0e7b8fc2f488c14348695c1660033fee831542dba48f088d352ed0b53',
  });
});

test('a wrong password is told, and the right one works as soon as its file has it', async () => {
  const file = join(dir, 'password');
  writeFileSync(file, 'wrong');
  const eclair = backend({ password: { file } });
  expect(await failure(eclair.node.info())).toMatchObject({ code: 'UNAUTHENTICATED', retry: 'never' });
  writeFileSync(file, `${server.password}\n`);
  expect((await eclair.node.info()).alias).toBe('ecl1');
  server.password = 'another one';
  writeFileSync(file, server.password);
  expect((await eclair.node.info()).alias).toBe('ecl1');
});

test('a password of the environment, and one that is not there', async () => {
  vi.stubEnv('ECLAIR_PASSWORD_OF_A_TEST', server.password);
  expect((await backend({ password: { env: 'ECLAIR_PASSWORD_OF_A_TEST' } }).node.info()).alias).toBe('ecl1');
  expect(await failure(backend({ password: { env: 'NOT_SET_AT_ALL' } }).node.info())).toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringContaining('NOT_SET_AT_ALL'),
  });
  expect(await failure(backend({ password: { file: join(dir, 'none') } }).node.info())).toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringContaining('none'),
  });
});

test("what is left out is read from eclair's own file", async () => {
  const port = new URL(server.url).port;
  mkdirSync(join(dir, 'node'));
  writeFileSync(
    join(dir, 'node', 'eclair.conf'),
    `eclair {\n  chain = regtest\n  api { enabled = true, port = ${port}\n password = "${server.password}" # of the API\n }\n}\n`,
  );
  const parse = (config: EclairConfigInput) => new EclairBackend(eclairConfigSchema.parse(config), dependencies());
  const eclair = parse({ kind: 'eclair', eclairDir: join(dir, 'node') });
  backends.push(eclair);
  expect((await eclair.node.info()).alias).toBe('ecl1');
  const without = parse({ kind: 'eclair', url: server.url, eclairDir: join(dir, 'nowhere') });
  backends.push(without);
  expect(await failure(without.node.info())).toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('eclair.conf') });
});

test.each([
  ['eclair.api.port=8081\neclair.api.password=foo', '8081', 'foo'],
  ['// a comment\neclair.api {\n  port = 8082 // here too\n  password = "fo#o \\"x\\""\n}', '8082', 'fo#o "x"'],
  ['eclair { api.port: 8083\n api { password : bar } }', '8083', 'bar'],
  ['eclair.server.port = 9735', undefined, undefined],
  ['eclair.override = [ {\n nodeid = "02"\n }\n]\neclair.api { password = x }\neclair.api.port = 1', '1', 'x'],
])('eclair.conf %#', (text, port, password) => {
  const settings = parseEclairConf(text);
  expect([settings.get('eclair.api.port'), settings.get('eclair.api.password')]).toEqual([port, password]);
});

test.each([
  ["a proxy's page with status 502", { status: 502, contentType: 'text/html', body: '<html>Bad Gateway</html>' }],
  ['a page with status 200', { status: 200, contentType: 'text/html; charset=utf-8', body: '<!doctype html><title>Login</title>' }],
  ['a page that calls itself JSON', { status: 200, contentType: 'text/plain', body: '<html></html>' }],
  ['text that is not JSON', { status: 200, contentType: 'text/plain', body: 'hello' }],
  ['a redirect', { status: 302, contentType: 'text/plain', body: '', headers: { Location: 'http://127.0.0.1:1/' } }],
  ['a good answer that lacks fields', { status: 200, body: { version: '0.14.0' } }],
])('%s is a protocol error', async (_, answer) => {
  server.on('/getinfo', () => answer);
  expect(await failure(backend().node.info())).toMatchObject({ code: 'PROTOCOL', operation: 'node.info' });
});

test('a node that is still starting is unavailable, with what it says', async () => {
  server.on('/getinfo', () => ({ status: 503, body: { error: 'The server is currently unavailable' } }));
  expect(await failure(backend().node.info())).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('currently unavailable'),
  });
});

test('nobody there, no such host, nothing but silence', async () => {
  const url = server.url;
  await server.stop();
  expect(await failure(backend({ url }).node.info())).toMatchObject({
    code: 'UNAVAILABLE',
    retry: 'safe',
    message: expect.stringContaining(url),
  });
  expect(await failure(backend({ url: 'http://no-such-host.invalid:8080' }).node.info())).toMatchObject({ code: 'UNAVAILABLE' });
});

test('a server that speaks no HTTP is told as a lost connection, not waited for', async () => {
  const strange: Server = createServer((socket) => void socket.resume().end('SSH-2.0-hello\r\n'));
  await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(strange.address() as { port: number }).port}`;
  expect(['CONNECTION_LOST', 'PROTOCOL']).toContain((await failure(backend({ url }).node.info())).code);
  await new Promise<void>((resolve) => strange.close(() => resolve()));
});

test('a restart: reading goes on by itself, and after an outage the node is asked anew who it is', async () => {
  server.on('/getreceivedinfo', () => recorded('getreceivedinfo pending'));
  const eclair = backend();
  await eclair.invoices.lookup(HASH);
  await server.stop();
  expect((await failure(eclair.invoices.lookup(HASH))).code).toBe('UNAVAILABLE');
  await server.start();
  expect((await eclair.invoices.lookup(HASH))?.state).toBe('open');
  expect(server.called('/getinfo')).toHaveLength(2);
});

test('a stale connection is not noticed when reading; what changes something says to look first', async () => {
  server.on('/getreceivedinfo', (_, call) => (call === 2 ? 'hang up' : recorded('getreceivedinfo pending')));
  server.on('/createinvoice', () => 'hang up');
  const eclair = backend();
  await eclair.invoices.lookup(HASH);
  expect((await eclair.invoices.lookup(HASH))?.state).toBe('open');
  const create = eclair.invoices.create({ amountMsat: 'any', description: 'd', expirySeconds: 60 });
  expect(await failure(create)).toMatchObject({ code: 'CONNECTION_LOST', retry: 'lookup-first', operation: 'invoices.create' });
  expect(server.called('/createinvoice')).toHaveLength(1);
});

test('a slow answer ends by the clock, an aborted call at once, and disposing ends all', async () => {
  server.on('/getreceivedinfo', () => 'hang');
  const hurried = backend({}, dependencies({ clock: hurriedClock(200) }));
  expect(await failure(hurried.invoices.lookup(HASH))).toMatchObject({ code: 'TIMEOUT', retry: 'safe' });
  const eclair = backend();
  const controller = new AbortController();
  const call = failure(eclair.invoices.lookup(HASH, { signal: controller.signal }));
  await until('it is on its way', () => server.called('/getreceivedinfo').length === 2);
  controller.abort();
  expect(await call).toMatchObject({ code: 'ABORTED', operation: 'invoices.lookup' });
  const other = failure(eclair.invoices.lookup(HASH));
  await until('it is on its way', () => server.called('/getreceivedinfo').length === 3);
  await eclair[Symbol.asyncDispose]();
  expect((await other).code).toBe('ABORTED');
});

test('a node on another network than configured is refused by every call', async () => {
  const eclair = backend({ network: 'mainnet' });
  expect(await failure(eclair.node.info())).toMatchObject({ code: 'WRONG_NETWORK' });
  expect(await failure(eclair.invoices.lookup(HASH))).toMatchObject({ code: 'WRONG_NETWORK' });
  expect(server.called('/getreceivedinfo')).toEqual([]);
  const events = eclair.invoices.settlements()[Symbol.asyncIterator]();
  expect((await failure(events.next())).code).toBe('WRONG_NETWORK');
});

test('a version that is not known works and is warned of once', async () => {
  server.on('/getinfo', () => ({ body: { ...(recorded('getinfo').body as object), version: '1.0.0' } }));
  const parts = dependencies();
  const eclair = backend({}, parts);
  await eclair.node.info();
  await eclair.node.info();
  expect(parts.logger.lines.filter((line) => line.level === 'warn')).toHaveLength(1);
});

test('a config says what is wrong with it, without the secret', () => {
  expect(() => eclairConfigSchema.parse({ kind: 'eclair', url: 'http://user:hunter2@127.0.0.1' })).toThrow(/password/);
  expect(() => eclairConfigSchema.parse({ kind: 'eclair', url: 'ftp://127.0.0.1' })).toThrow(/url/);
  expect(() => eclairConfigSchema.parse({ kind: 'eclair', pasword: 'x' })).toThrow(/pasword/);
});
