import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { parseBaseConfig } from '../../../src/app/config/parse.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { memoryState } from '../../../src/client/state.ts';
import { openSubscriber } from '../../../src/client/subscriber.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { Upstream } from '../../../src/feed/kdb/upstream.ts';
import { chars } from '../../../src/kdb/build.ts';
import { openCertificate } from '../../../src/transport/shared/tls/certificate.ts';
import { tlsConfigSchema } from '../../../src/transport/shared/tls/config.ts';
import { generatedCertificate } from '../../../src/transport/shared/tls/generate.ts';
import { KdbClient } from '../kdb/support/client.ts';
import { Client } from '../websocket/support/client.ts';
import { Plant } from './support/plant.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let plant: Plant;
let used: Pair;
let first: Pair;
let second: Pair;

beforeAll(async () => {
  plant = await Plant.start(async (folder) => {
    const make = async (name: string): Promise<Pair> => {
      const files = await generatedCertificate({ dir: join(folder, name), names: [], now: Date.now(), logger: silentLogger });
      return { cert: await readFile(files.cert, 'utf8'), key: await readFile(files.key, 'utf8') };
    };
    [first, second] = [await make('first'), await make('second')];
    used = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    await put(first);
    const tls = { cert: 'cert.pem', key: 'key.pem', reloadSeconds: 0.05 };
    return {
      transports: { websocket: { tls }, http: { tls, metrics: { port: 0, token: 'a-token-for-metrics-1' } }, kdb: { tls }, mqtt: { tls } },
    };
  });
});
afterAll(async () => plant?.[Symbol.asyncDispose]());

/** As certbot does: each file in one step, the two one after the other. */
async function put(pair: Pair): Promise<void> {
  for (const name of ['cert', 'key'] as const) {
    await writeFile(`${used[name]}.new`, pair[name]);
    await rename(`${used[name]}.new`, used[name]);
  }
}

const ports = (): readonly (readonly [name: string, port: number])[] => [
  ['websocket', Number(new URL(plant.websocket).port)],
  ['http', Number(new URL(plant.http).port)],
  ['kdb', plant.kdbPort],
  ['mqtt', Number(new URL((plant.server.urls['mqtt'] as string).replace('mqtts', 'https')).port)],
];

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function fingerprintOn(port: number): Promise<string> {
  const socket = await handshake(port, { rejectUnauthorized: false });
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function untilShown(pair: Pair): Promise<void> {
  const wanted = new X509Certificate(pair.cert).fingerprint256;
  const end = performance.now() + 15_000;
  for (const [name, port] of ports()) {
    while ((await fingerprintOn(port)) !== wanted) {
      if (performance.now() > end) throw new Error(`${name} shows another certificate`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    request(`${plant.http}${path}`, { ca: first.cert, headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    })
      .on('error', reject)
      .end();
  });
}

test('every transport speaks TLS where it has a certificate, and says so in its address', () => {
  expect(Object.values(plant.server.urls).map((url) => url.split(':')[0])).toEqual(['wss', 'https', 'kdbs', 'mqtts']);
});

test('whoever trusts the certificate comes in; whoever does not, refuses it', async () => {
  for (const [name, port] of ports()) {
    (await handshake(port, { ca: first.cert })).destroy();
    await expect(handshake(port), name).rejects.toThrow(/self-signed/);
    await expect(handshake(port, { ca: second.cert }), name).rejects.toThrow(/self-signed/);
    await expect(handshake(port, { ca: first.cert, servername: 'tick.example' }), name).rejects.toThrow(/does not match/);
  }
});

test('nothing older than TLS 1.2 is spoken, and plain text is not answered', async () => {
  for (const [name, port] of ports()) {
    const old = { rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(handshake(port, old as ConnectionOptions), name).rejects.toThrow();
    const plain = connectPlain(port, '127.0.0.1', () => plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    let answer = '';
    plain.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    plain.on('error', () => undefined);
    await once(plain, 'close');
    expect(answer, name).not.toMatch(/HTTP\/1\.1 [23]/);
  }
});

test('browsers are told to come back over TLS only', async () => {
  const { headers, status } = await get('/v1/tables');
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
  });
});

test('the subscriber buys over wss:// with the certificate it was given, and refuses others', async () => {
  plant.publish(1);
  const subscribe = (ca: string | undefined) =>
    openSubscriber({
      url: plant.websocket,
      table: 'trade',
      syms: ['AAPL'],
      backend: plant.buyer,
      budgetMsat: sat(1_000),
      state: memoryState(),
      clock: systemClock,
      random: systemRandom,
      ...(ca === undefined ? {} : { ca }),
    });
  await using good = subscribe(first.cert);
  const seen: string[] = [];
  for await (const event of good) {
    seen.push(event.type);
    if (event.type === 'snapshot' || event.type === 'rows') break;
  }
  expect(seen).toContain('quote');
  for (const ca of [undefined, second.cert]) {
    await using refusing = subscribe(ca);
    await expect(
      (async () => {
        for await (const _ of refusing);
      })(),
    ).rejects.toThrow(/certificate is not to be believed \(DEPTH_ZERO_SELF_SIGNED_CERT/);
  }
});

test('a feed takes rows of a kdb+ tickerplant over TLS, and refuses a certificate that it was not given', async () => {
  const caFile = join(plant.folder, 'first/cert.pem');
  const open = (more: { readonly caFile?: string }) =>
    Upstream.open(
      {
        host: '127.0.0.1',
        port: plant.kdbPort,
        tls: true,
        user: 'me',
        password: 'anything',
        maxMessageBytes: 2 ** 20,
        onMessage: () => undefined,
        ...more,
      },
      AbortSignal.timeout(20_000),
    );
  const upstream = await open({ caFile });
  expect(await upstream.ask(chars('.u.t'))).toMatchObject({ values: ['trade', 'halt'] });
  upstream.close();
  await upstream.ended;
  await expect(open({})).rejects.toThrow(/self-signed/);
  await expect(open({ caFile: join(plant.folder, 'none.pem') })).rejects.toThrow(/can't be read/);
});

test('a renewed certificate is shown to new connections, and those there are go on; a half-written one changes nothing', async () => {
  const options = { ca: [first.cert, second.cert] };
  await using old = await Client.open(plant.websocket, options);
  await using oldKdb = await KdbClient.connectTls(plant.kdbPort, options);
  await put({ cert: first.cert, key: second.key });
  await put({ cert: 'no certificate', key: second.key });
  await untilShown(first);
  await put(second);
  await untilShown(second);
  await old.settled();
  expect(await oldKdb.value('.u.t')).toEqual(['trade', 'halt']);
  const newer = new WebSocket(plant.websocket, { ca: second.cert });
  await once(newer, 'open');
  newer.terminate();
  await put(first);
  await untilShown(first);
});

test('a certificate for development is made once, is for this machine, and its key is its owner’s', async () => {
  await using own = await Plant.start({ transports: { websocket: { tls: 'generate' }, http: { tls: 'generate' }, kdb: undefined } });
  const file = join(own.folder, 'data/tls/cert.pem');
  const cert = new X509Certificate(await readFile(file));
  expect([cert.checkHost('localhost'), cert.checkIP('127.0.0.1'), cert.checkHost('tick.example')]).toEqual([
    'localhost',
    '127.0.0.1',
    undefined,
  ]);
  expect(((await stat(join(own.folder, 'data/tls/key.pem'))).mode & 0o777).toString(8)).toBe('600');
  const socket = await handshake(Number(new URL(own.http).port), { ca: await readFile(file) });
  expect(socket.getPeerCertificate().fingerprint256).toBe(cert.fingerprint256);
  socket.destroy();
  const again = await generatedCertificate({ dir: join(own.folder, 'data/tls'), names: [], now: Date.now(), logger: silentLogger });
  expect(new X509Certificate(await readFile(again.cert)).fingerprint256).toBe(cert.fingerprint256);
  const later = await generatedCertificate({
    dir: join(own.folder, 'data/tls'),
    names: [],
    now: Date.now() + 390 * 86_400_000,
    logger: silentLogger,
  });
  expect(new X509Certificate(await readFile(later.cert)).fingerprint256).not.toBe(cert.fingerprint256);
});

test('a certificate that can not be used is named, with the file', async () => {
  const load = async (tls: Record<string, unknown>) => {
    using _ = await openCertificate(tlsConfigSchema.parse(tls as never), { clock: systemClock, logger: silentLogger });
  };
  const none = join(plant.folder, 'none.pem');
  await expect(load({ cert: none, key: none })).rejects.toThrow(`${none}: there is no such file`);
  await expect(load({ cert: used.key, key: used.key })).rejects.toThrow(/no certificate in PEM/);
  await expect(load({ cert: used.cert, key: used.cert })).rejects.toThrow(/no key in PEM/);
  await expect(load({ cert: used.cert, key: join(plant.folder, 'second/key.pem') })).rejects.toThrow(/is not the key of/);
});

test('half of a certificate, and one for development on a public address, are refused with the config', async () => {
  const parse = (tls: unknown, host = '127.0.0.1') =>
    parseBaseConfig(
      { name: 'test', raw: { transports: { websocket: { tls, host } } }, locate: () => undefined },
      { base: plant.folder, environment: {} },
    );
  await expect(parse({ cert: 'cert.pem' })).rejects.toThrow(/transports\.websocket\.tls: needs cert and key/);
  await expect(parse({ cert: 'cert.pem', key: 'key.pem', generate: true })).rejects.toThrow(/either cert and key, or generate/);
  await expect(parse('generate', '0.0.0.0')).rejects.toThrow(/transports\.websocket\.tls: a generated certificate is for development/);
  await expect(parse('yes')).rejects.toThrow(/transports\.websocket\.tls/);
  const { transports } = await parse({ cert: 'cert.pem', key: '~/key.pem', ca: '/etc/chain.pem' });
  expect(transports.websocket?.tls).toMatchObject({
    cert: join(plant.folder, 'cert.pem'),
    key: join(homedir(), 'key.pem'),
    ca: '/etc/chain.pem',
  });
  expect((await parse('generate')).transports.websocket?.tls).toMatchObject({ generate: true, dir: join(plant.folder, 'data/tls') });
});
