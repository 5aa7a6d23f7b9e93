import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Compose, portVariable, serviceOf } from '../../../regtest/docker/compose.ts';
import { ComposeBitcoin } from '../../../regtest/docker/compose-bitcoin.ts';
import { configOf, dockerNetwork } from '../../../regtest/docker/docker-network.ts';
import { ADAPTERS } from '../../../src/adapters/registry.ts';
import { txId } from '../../../src/core/lightning/identifiers.ts';

const FOLDER = join(import.meta.dirname, '../../../regtest/docker');
const ROLES = ['payer', 'middle', 'payee'] as const;
const KINDS = ['lnd', 'cln', 'eclair'] as const;
const TXID = txId('ab'.repeat(32));

let dir: string;
let docker: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ltp-fake-docker-'));
  docker = join(dir, 'docker');
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** A program in docker's place that writes down how it is called, and answers or fails by the words in the call. */
async function fakeDocker(answers: Readonly<Record<string, string>>, failures: Readonly<Record<string, string>> = {}): Promise<void> {
  await writeFile(
    docker,
    `#!${process.execPath}
const args = process.argv.slice(2);
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('LTP_')));
require('node:fs').appendFileSync(${JSON.stringify(join(dir, 'calls'))}, JSON.stringify({ args, env }) + '\\n');
const find = (table) => Object.entries(table).find(([word]) => args.includes(word))?.[1];
const failure = find(${JSON.stringify(failures)});
process.stderr.write(failure ?? 'a warning of compose\\n');
if (failure === undefined) process.stdout.write(find(${JSON.stringify(answers)}) ?? '');
process.exitCode = failure === undefined ? 0 : 1;
`,
  );
  await chmod(docker, 0o755);
}

interface FakeCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function calls(): Promise<readonly FakeCall[]> {
  const text = await readFile(join(dir, 'calls'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FakeCall);
}

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

async function services(file = 'compose.yaml'): Promise<Readonly<Record<string, Service>>> {
  const text = await readFile(join(FOLDER, file), 'utf8');
  const reset = { tag: '!reset', resolve: () => null };
  return (parse(text, { merge: true, customTags: [reset] }) as { services: Record<string, Service> }).services;
}

test('the compose file has bitcoind and each implementation in each role, on pinned images', async () => {
  const found = await services();
  const images = { lnd: 'polarlightning/lnd:0.20.0-beta', cln: 'polarlightning/clightning:25.12', eclair: 'polarlightning/eclair:0.13.1' };
  expect(Object.keys(found).sort()).toEqual(['bitcoind', ...KINDS.flatMap((kind) => ROLES.map((role) => serviceOf(kind, role)))].sort());
  expect(found['bitcoind']?.image).toBe('polarlightning/bitcoind:30.0');
  for (const kind of KINDS) for (const role of ROLES) expect(found[serviceOf(kind, role)]?.image).toBe(images[kind]);
});

test('whatever is published is published on 127.0.0.1, each on a port of its own that can be set', async () => {
  const published = Object.entries(await services()).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port] as const));
  expect(published).toHaveLength(7);
  const defaults = published.map(([name, port]) => {
    const [, variable, usual] = /^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:\d+$/.exec(port) ?? [];
    expect(variable).toBe(portVariable(name));
    return usual;
  });
  expect(new Set(defaults).size).toBe(defaults.length);
});

test('nodes run as the user, keep their files under LTP_DATA, and wait for bitcoind', async () => {
  for (const [name, service] of Object.entries(await services())) {
    expect(service.environment).toEqual({
      USERID: expect.stringMatching(/^\$\{LTP_UID:-1000\}$/),
      GROUPID: expect.stringMatching(/^\$\{LTP_GID:-1000\}$/),
    });
    expect(service.volumes).toEqual([expect.stringMatching(new RegExp(`^\\$\\{LTP_DATA:-\\./data\\}/${name}:/home/`))]);
    if (name !== 'bitcoind') expect(service).toMatchObject({ depends_on: { bitcoind: { condition: 'service_healthy' } } });
  }
});

test("ACINQ's image replaces each eclair, with the same settings and no command", async () => {
  const [polar, acinq] = [await services(), await services('compose.eclair-acinq.yaml')];
  expect(Object.keys(acinq).sort()).toEqual(ROLES.map((role) => `eclair-${role}`).sort());
  for (const [name, { command, environment }] of Object.entries(acinq)) {
    expect(command).toBeNull();
    const own = (environment['JAVA_OPTS'] ?? '').split(' ').filter((word) => word.startsWith('-Declair.'));
    const others = (polar[name]?.command ?? []).filter((word) => word.startsWith('--') && !word.startsWith('--datadir='));
    expect(own.map((word) => word.replace('-Declair.', '--')).sort()).toEqual([...others].sort());
  }
});

test('compose itself accepts the files, where it is installed', async () => {
  const run = promisify(execFile);
  const version = await run('docker', ['compose', 'version']).catch(() => undefined);
  if (version === undefined) return;
  const env = { ...process.env, LTP_ECLAIR_IMAGE: 'acinq/eclair:test' };
  await run(
    'docker',
    ['compose', '-f', join(FOLDER, 'compose.yaml'), '-f', join(FOLDER, 'compose.eclair-acinq.yaml'), 'config', '--quiet'],
    { env },
  );
});

test("bitcoind is driven by bitcoin-cli in its container; compose's own warnings are not taken for its answer", async () => {
  await fakeDocker({
    getnewaddress: 'bcrt1qaddress\n',
    getblockcount: '150\n',
    sendtoaddress: `${TXID}\n`,
    getrawtransaction: '{"confirmations":3}\n',
  });
  const compose = new Compose({ project: 'p', data: '/tmp/data', ports: { bitcoind: 1 }, docker });
  const bitcoin = new ComposeBitcoin(compose);
  await bitcoin.prepare(['eclair-payer']);
  expect(await bitcoin.height()).toBe(150);
  expect(await bitcoin.newAddress()).toBe('bcrt1qaddress');
  expect(await bitcoin.sendToAddress('bcrt1qother', 12_345)).toBe(TXID);
  expect(await bitcoin.getTransaction(TXID)).toEqual({ confirmations: 3 });
  const made = (await calls()).map(({ args }) => args);
  const prefix = ['compose', '-p', 'p', '-f', join(FOLDER, 'compose.yaml'), 'exec', '-T', 'bitcoind'];
  expect(made.every((args) => args.slice(0, prefix.length).join(' ') === prefix.join(' '))).toBe(true);
  expect(made.map((args) => args.slice(prefix.length + 4).join(' '))).toEqual([
    'createwallet miner',
    'createwallet eclair-payer',
    '-rpcwallet=miner getnewaddress',
    '-rpcwallet=miner generatetoaddress 150 bcrt1qaddress',
    'getblockcount',
    '-rpcwallet=miner getnewaddress',
    '-rpcwallet=miner sendtoaddress bcrt1qother 0.00012345',
    `getrawtransaction ${TXID} true`,
  ]);
});

test('a transaction that bitcoind does not know is undefined; another refusal is an error', async () => {
  await fakeDocker(
    {},
    { getrawtransaction: 'error code: -5\nerror message:\nNo such mempool transaction\n', getblockcount: 'error code: -28\nLoading\n' },
  );
  const bitcoin = new ComposeBitcoin(new Compose({ project: 'p', data: '/d', ports: {}, docker }));
  expect(await bitcoin.getTransaction(TXID)).toBeUndefined();
  await expect(bitcoin.height()).rejects.toThrow('error code: -28');
});

test('ports, folder and user reach the compose file as variables; root is nobody in a container', async () => {
  await fakeDocker({});
  const ports = { bitcoind: 5001, 'lnd-payer': 5002, 'cln-middle': 5003 };
  await new Compose({ project: 'p', data: '/tmp/d', ports, docker, eclairImage: 'acinq/eclair:x' }).run('stop', 'lnd-payer');
  const [call] = await calls();
  expect(call?.args.slice(3)).toEqual([
    '-f',
    join(FOLDER, 'compose.yaml'),
    '-f',
    join(FOLDER, 'compose.eclair-acinq.yaml'),
    'stop',
    'lnd-payer',
  ]);
  expect(call?.env).toMatchObject({
    LTP_DATA: '/tmp/d',
    LTP_BITCOIND_PORT: '5001',
    LTP_LND_PAYER_PORT: '5002',
    LTP_ECLAIR_IMAGE: 'acinq/eclair:x',
  });
  expect(Number(call?.env['LTP_UID'])).toBeGreaterThan(0);
});

test('without docker, compose or an engine, the network says which, and leaves nothing behind', async () => {
  const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('ltp-docker-')).length;
  const before = await left();
  await expect(dockerNetwork({ payer: 'lnd' }, { docker })).rejects.toThrow(
    'the docker network needs docker with its compose plugin (version 2 or later): it is not installed',
  );
  await fakeDocker({}, { info: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n' });
  await expect(dockerNetwork({ payer: 'lnd' }, { docker })).rejects.toThrow(/needs a docker engine that this user may use: Cannot connect/);
  expect(await left()).toBe(before);
});

test('when a service does not come up, all are taken down again', async () => {
  await fakeDocker({ getnewaddress: 'bcrt1q' }, { 'lnd-payee': 'no such image\n' });
  const roles = { payer: 'eclair', middle: 'cln', payee: 'lnd' } as const;
  await expect(dockerNetwork(roles, { docker })).rejects.toThrow('no such image');
  const subcommands = (await calls()).filter(({ args }) => args[1] === '-p').map(({ args }) => args.slice(5));
  expect(subcommands.filter(([name]) => name !== 'exec')).toEqual([
    ['up', '--detach', '--wait', 'bitcoind'],
    ['up', '--detach', 'eclair-payer', 'cln-middle', 'lnd-payee'],
    ['down', '--volumes', '--remove-orphans', '--timeout', '30'],
  ]);
  expect(subcommands.filter((args) => args.includes('createwallet')).map((args) => args.at(-1))).toEqual(['miner', 'eclair-payer']);
});

test("each node's config is one that its adapter takes", async () => {
  for (const kind of KINDS) {
    const definition = await ADAPTERS[kind]?.();
    expect(definition?.configSchema.safeParse(configOf(kind, '/tmp/d', 5002)).success).toBe(true);
  }
});
