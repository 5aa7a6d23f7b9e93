import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { EmulatedLnd } from '../../../regtest/emulated/lnd/server.ts';
import { type EmulatedNetwork, emulatedNetwork } from '../../../regtest/emulated/network.ts';
import { reportBackend } from '../../../src/app/backend-report.ts';
import { diagnose } from '../../../src/app/doctor/diagnose.ts';
import { openToLook } from '../../../src/app/doctor/open-backend.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { type LogFields, silentLogger } from '../../../src/core/ports/logger.ts';
import { SellerNode } from '../../../src/core/tickerplant/seller-node.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';

// Programs and nodes of their own: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let network: EmulatedNetwork;
const servers: Server[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ltp-bad-'));
  network = await emulatedNetwork({ payer: 'lnd', middle: 'cln', payee: 'eclair' });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await network?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

type Config = Readonly<Record<string, unknown>>;

function lndOf(): EmulatedLnd {
  const { server } = network.node('payer');
  if (!(server instanceof EmulatedLnd)) throw new Error('the payer is no lnd');
  return server;
}

const lnd = (): Config => network.node('payer').config;
const eclair = (): Config => network.node('payee').config;
const clnSocket = (): string => join(String(network.node('middle').config['lightningDir']), 'regtest/lightning-rpc');

/** A web server that knows one answer. */
async function web(body: string, contentType: string, status = 200): Promise<string> {
  const server = createHttpServer((_request, response) => response.writeHead(status, { 'content-type': contentType }).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  return `127.0.0.1:${port}`;
}

/** A socket before Core Lightning's that changes what comes back. */
async function changed(name: string, change: (text: string) => string): Promise<Config> {
  const server = createServer((client) => {
    const node = connect(clnSocket());
    client.pipe(node);
    node.on('data', (data) => client.write(change(data.toString())));
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  });
  servers.push(server);
  const socket = join(dir, name);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { kind: 'cln', socket, network: 'regtest' };
}

async function aFile(): Promise<string> {
  const file = join(dir, 'a-file');
  await writeFile(file, 'no socket');
  return file;
}

interface BadNode {
  readonly title: string;
  readonly config: () => Config | Promise<Config>;
  readonly says: RegExp;
  readonly advice: RegExp;
}

const CREDENTIAL = /the node's own credential/;
const ADDRESS = /not this kind of node, or a proxy stands before it/;
const NETWORK = /set the config's network to the node's/;
const START = /start the node/;

const BAD: readonly BadNode[] = [
  {
    title: 'an expired macaroon',
    config: () => ({ ...lnd(), macaroonHex: lndOf().bakeMacaroon(['info:read', 'invoices:read', 'invoices:write'], Date.now() - 1) }),
    says: /macaroon has expired/,
    advice: CREDENTIAL,
  },
  { title: 'what is no macaroon', config: () => ({ ...lnd(), macaroonHex: 'zz' }), says: /neither a macaroon/, advice: CREDENTIAL },
  {
    title: 'a macaroon that is not there',
    config: () => ({ ...lnd(), macaroon: 'nobody.macaroon' }),
    says: /there is no macaroon at .*nobody\.macaroon/,
    advice: CREDENTIAL,
  },
  { title: "another node's certificate", config: () => ({ ...lnd(), cert: 'system' }), says: /certificate is not/, advice: CREDENTIAL },
  {
    title: 'a wrong password',
    config: () => ({ ...eclair(), password: 'not-it-but-secret' }),
    says: /password/,
    advice: CREDENTIAL,
  },
  {
    title: 'lnd with a config for mainnet',
    config: () => ({ ...lnd(), network: 'mainnet', macaroonHex: lndOf().bakeMacaroon(['info:read']) }),
    says: /is on regtest, the config says mainnet/,
    advice: NETWORK,
  },
  {
    title: 'Core Lightning with a config for mainnet',
    config: () => ({ kind: 'cln', socket: clnSocket(), network: 'mainnet' }),
    says: /is on regtest, the config says mainnet/,
    advice: NETWORK,
  },
  {
    title: 'eclair with a config for mainnet',
    config: () => ({ ...eclair(), network: 'mainnet' }),
    says: /is on regtest, the config says mainnet/,
    advice: NETWORK,
  },
  {
    title: 'a socket path that is a file',
    config: async () => ({ kind: 'cln', socket: await aFile(), network: 'regtest' }),
    says: /a-file is a file, not lightningd's socket/,
    advice: /correct the backend's config/,
  },
  {
    title: 'eclair behind a web page',
    config: async () => ({ ...eclair(), url: `http://${await web('<html>log in', 'text/html')}` }),
    says: /web page .*is a proxy in between/,
    advice: ADDRESS,
  },
  {
    title: 'eclair behind a gateway that finds nobody',
    config: async () => ({ ...eclair(), url: `http://${await web('<html>bad gateway', 'text/html', 502)}` }),
    says: /web page \(status 502\).*is a proxy in between/,
    advice: ADDRESS,
  },
  {
    title: 'eclair behind what is not JSON',
    config: async () => ({ ...eclair(), url: `http://${await web('{"half', 'application/json')}` }),
    says: /not JSON/,
    advice: ADDRESS,
  },
  {
    title: 'eclair without a field',
    config: async () => ({ ...eclair(), url: `http://${await web('{"version":"0.14.0"}', 'application/json')}` }),
    says: /\/getinfo is not as expected at nodeId/,
    advice: ADDRESS,
  },
  {
    title: 'lnd where a web server listens',
    config: async () => ({ ...lnd(), host: await web('<html>', 'text/html') }),
    says: /does not speak TLS/,
    advice: ADDRESS,
  },
  {
    title: 'Core Lightning behind what is not JSON',
    config: () => changed('n.sock', () => '<html>\n\n'),
    says: /is not lightningd: not a JSON-RPC answer/,
    advice: ADDRESS,
  },
  {
    title: 'Core Lightning without a field',
    config: () => changed('f.sock', (text) => text.replace('"id":"0', '"idx":"0')),
    says: /getinfo is not as expected at id/,
    advice: ADDRESS,
  },
  { title: 'lnd where nobody listens', config: () => ({ ...lnd(), host: '127.0.0.1:1' }), says: /does not answer/, advice: START },
  {
    title: 'eclair where nobody listens',
    config: () => ({ ...eclair(), url: 'http://127.0.0.1:1' }),
    says: /nobody listens/,
    advice: START,
  },
  {
    title: 'Core Lightning without a socket',
    config: () => ({ kind: 'cln', lightningDir: join(dir, 'nobody'), network: 'regtest' }),
    says: /there is no socket at/,
    advice: START,
  },
];

async function look(config: Config) {
  const file = join(dir, 'wallet.yaml');
  await writeFile(file, stringify({ backend: config }));
  await using opened = await openToLook(file, { clock: systemClock, random: systemRandom, logger: silentLogger });
  const signal = AbortSignal.timeout(30_000);
  const report = await reportBackend(opened.backend, signal);
  const diagnosis = await diagnose({ ...opened, purpose: 'sell', clock: systemClock, signal, timeoutMs: 30_000 });
  return { report, diagnosis };
}

for (const { title, config, says, advice } of BAD) {
  test(`${title}: info and doctor say what is wrong, and what to do`, async () => {
    const written = await config();
    const { report, diagnosis } = await look(written);
    expect(report).toMatchObject({ reachable: false, problems: [expect.stringMatching(says)] });
    expect(diagnosis).toMatchObject({ usable: false });
    const [connection] = diagnosis.checks;
    expect(connection).toMatchObject({ name: 'connection', status: 'fail', detail: expect.stringMatching(says) });
    expect(connection?.advice).toMatch(advice);
    const told = JSON.stringify([report, diagnosis], (_key, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const secret of ['macaroonHex', 'password'] as const) {
      const text = String(written[secret] ?? '');
      if (text.length > 4) expect(told).not.toContain(text);
    }
  });
}

test('a locked wallet and a node that starts are said to be so', async () => {
  for (const [state, says] of [
    ['LOCKED', /locked: unlock it/],
    ['RPC_ACTIVE', /is starting/],
  ] as const) {
    lndOf().walletState = state;
    const { report, diagnosis } = await look(lnd());
    expect(report.problems).toEqual([expect.stringMatching(says)]);
    expect(diagnosis).toMatchObject({ reachable: false });
    expect(diagnosis.checks[0]?.detail).toMatch(says);
  }
  lndOf().walletState = 'SERVER_ACTIVE';
});

test('an unknown version works and is warned of; a node behind the chain is told as such', async () => {
  const future = await look(await changed('v.sock', (text) => text.replace(/"version":"[^"]*"/, '"version":"v99.1"')));
  expect(future.report).toMatchObject({ reachable: true, node: { version: 'v99.1' } });
  expect(future.diagnosis.checks.find(({ name }) => name === 'version')).toMatchObject({ status: 'warn' });
  const behind = await look(await changed('b.sock', (text) => text.replace('"blockheight"', '"warning_lightningd_sync":"","blockheight"')));
  expect(behind.report.problems).toContain('the node is behind the chain: wait until it has caught up before selling');
  expect(behind.diagnosis.checks.find(({ name }) => name === 'synced')).toMatchObject({ status: 'fail' });
});

test('a server on a node behind the chain says so once it has reached it', async () => {
  const file = join(dir, 'server.yaml');
  const config = await changed('s.sock', (text) => text.replace('"blockheight"', '"warning_lightningd_sync":"","blockheight"'));
  await writeFile(file, stringify({ backend: config }));
  await using opened = await openToLook(file, { clock: systemClock, random: systemRandom, logger: silentLogger });
  await using store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: LogFields, message: string) => void warnings.push(message) };
  const { identity } = await new SellerNode(opened.backend, store.ledger, logger).known();
  expect(identity.network).toBe('regtest');
  expect(warnings).toEqual([expect.stringContaining('behind the chain')]);
});

test('with the invoice macaroon alone the rest is told to be out of its sight', async () => {
  const { report, diagnosis } = await look(lndOf().invoiceOnlyConfig);
  expect(report).toMatchObject({ reachable: true, problems: expect.arrayContaining(['node: not visible with this credential']) });
  expect(diagnosis).toMatchObject({ rights: 'invoices-only' });
});
