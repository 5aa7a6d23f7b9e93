import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseBackend } from '../../../src/app/config/backend.ts';
import { ConfigError } from '../../../src/app/config/errors.ts';
import { parseConfig, parseWalletConfig } from '../../../src/app/config/parse.ts';
import { backendOf, findLightningNode, findNetwork, resolvePolar } from '../../../src/app/config/polar.ts';
import { readPolarHome, usualPolarHomes } from '../../../src/app/config/polar-home.ts';
import { printableConfig } from '../../../src/app/config/print.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ltp-polar-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const ALICE = {
  id: 0,
  networkId: 1,
  name: 'alice',
  type: 'lightning',
  implementation: 'LND',
  version: '0.20.0-beta',
  ports: { rest: 8081, grpc: 10011, p2p: 9735 },
};
const BOB = { id: 1, name: 'bob', implementation: 'c-lightning', version: '25.12', ports: { rest: 8182, grpc: 0, p2p: 9836 } };
const CAROL = { id: 2, name: 'carol', implementation: 'eclair', ports: { rest: 8283, p2p: 9937 }, docker: { image: '', command: '' } };
const DAVE = { id: 3, name: 'dave', implementation: 'litd', ports: { grpc: 10004, web: 8446 } };
const EVE = { id: 4, name: 'eve', implementation: 'tarod', ports: {}, someday: { new: true } };
const BACKEND = { id: 0, name: 'backend1', implementation: 'bitcoind', ports: { rpc: 18443 } };
const DEV = {
  id: 1,
  name: 'dev',
  path: '/moved/away/networks/1',
  status: 3,
  nodes: { bitcoin: [BACKEND], lightning: [ALICE, BOB, CAROL, DAVE, EVE], tap: [] },
};
const OTHER = { ...DEV, id: 2, name: 'other' };

async function write(content: unknown, root = home): Promise<void> {
  await mkdir(join(root, 'networks'), { recursive: true });
  await writeFile(join(root, 'networks', 'networks.json'), typeof content === 'string' ? content : JSON.stringify(content));
}

const polar = (rest: Readonly<Record<string, unknown>>) => ({ kind: 'polar', home, ...rest });

async function problem(raw: unknown): Promise<{ readonly path: string; readonly message: string }> {
  const parsed = await parseBackend(raw);
  if (!('findings' in parsed)) throw new Error('it was taken');
  const [finding] = parsed.findings;
  return { path: finding?.path.join('.') ?? '', message: finding?.message ?? '' };
}

test("a node's ports come from the file and its paths from the home, whatever path and status the file says", async () => {
  await write({ version: 3, networks: [DEV] });
  const volumes = join(home, 'networks/1/volumes');
  expect((await resolvePolar({ kind: 'polar', home, network: 'dev', node: 'alice' })).backend).toEqual({
    kind: 'lnd',
    network: 'regtest',
    lndDir: join(volumes, 'lnd/alice'),
    host: '127.0.0.1:10011',
    macaroon: 'admin.macaroon',
  });
  expect((await resolvePolar({ kind: 'polar', home, network: 1, node: 'bob' })).backend).toEqual({
    kind: 'cln',
    network: 'regtest',
    socket: join(volumes, 'c-lightning/bob/lightningd/regtest/lightning-rpc'),
  });
  expect((await resolvePolar({ kind: 'polar', home, network: '1', node: 'carol' })).backend).toEqual({
    kind: 'eclair',
    network: 'regtest',
    url: 'http://127.0.0.1:8283',
    password: 'eclairpw',
  });
});

test('the invoice macaroon can be named for LND, and for nothing else', async () => {
  await write({ networks: [DEV] });
  const parsed = await parseBackend(polar({ network: 'dev', node: 'alice', macaroon: 'invoice.macaroon' }));
  expect(parsed).toMatchObject({
    backend: { kind: 'lnd', config: { macaroon: 'invoice.macaroon' }, via: "Polar's node alice in network 1 (dev)" },
  });
  expect(await problem(polar({ network: 'dev', node: 'bob', macaroon: 'invoice.macaroon' }))).toEqual({
    path: 'backend.macaroon',
    message: 'is for nodes of LND; bob runs c-lightning',
  });
});

test('litd is an LND where its lnd files are, and says so where they are not', async () => {
  await write({ networks: [DEV] });
  expect((await problem(polar({ network: 'dev', node: 'dave' }))).message).toMatch(
    /^dave runs litd and has no lnd files at .*start its network/,
  );
  const lndDir = join(home, 'networks/1/volumes/litd/dave/lnd');
  await mkdir(lndDir, { recursive: true });
  await writeFile(join(lndDir, 'tls.cert'), '');
  expect((await resolvePolar({ kind: 'polar', home, network: 'dev', node: 'dave' })).backend).toMatchObject({
    kind: 'lnd',
    lndDir,
    host: '127.0.0.1:10004',
  });
});

test("eclair's password is the one of the node's command, unless that is Polar's own placeholder", async () => {
  const network = { ...DEV, nodes: { bitcoin: [], lightning: [] } };
  const passwordFor = (command: string) => backendOf(home, network, { ...CAROL, docker: { command } })['password'];
  expect(passwordFor('polar-eclair --api.password=own --chain=regtest')).toBe('own');
  expect(passwordFor('polar-eclair --api.password="with blank" --chain=regtest')).toBe('with blank');
  expect(passwordFor("polar-eclair\n  --api.password 'quoted'")).toBe('quoted');
  expect(passwordFor('polar-eclair --api.password={{eclairPass}} --chain=regtest')).toBe('eclairpw');
  expect(passwordFor('polar-eclair --api.password= --chain=regtest')).toBe('eclairpw');
  expect(passwordFor('')).toBe('eclairpw');
});

test('a network that is not there, or can mean two, is answered with the list', async () => {
  await write({ networks: [DEV, OTHER, { ...DEV, id: 7 }] });
  expect(await problem(polar({ network: 'dev', node: 'alice' }))).toEqual({
    path: 'backend.network',
    message: 'dev can mean 1 (dev) or 7 (dev): give the number, unquoted (there are 1 (dev), 2 (other), 7 (dev))',
  });
  expect((await problem(polar({ network: 'nowhere-near', node: 'alice' }))).message).toContain('there are 1 (dev), 2 (other), 7 (dev)');
  expect((await problem(polar({ network: 'othr', node: 'alice' }))).message).toContain('did you mean other?');
  expect((await problem(polar({ network: 9, node: 'alice' }))).message).toContain('has no network 9');
  expect(findNetwork(await readPolarHome(home), 7).id).toBe(7);
});

test('a name that is the number of another network is ambiguous as a text and plain as a number', async () => {
  await write({ networks: [DEV, { ...OTHER, name: '1' }] });
  const read = await readPolarHome(home);
  expect(findNetwork(read, 1).name).toBe('dev');
  expect(() => findNetwork(read, '1')).toThrow('1 can mean 1 (dev) or 2 (1)');
});

test('a node that is not there is answered with those that are', async () => {
  await write({ networks: [DEV] });
  const names = 'there are alice (LND), bob (c-lightning), carol (eclair), dave (litd), eve (tarod)';
  expect(await problem(polar({ network: 'dev', node: 'zoe' }))).toEqual({
    path: 'backend.node',
    message: `network 1 (dev) has no Lightning node zoe; ${names}`,
  });
  expect((await problem(polar({ network: 'dev', node: 'backend1' }))).message).toBe(
    `backend1 is a Bitcoin node, not a Lightning node; ${names}`,
  );
  expect((await problem(polar({ network: 'dev', node: 'eve' }))).message).toContain('eve runs tarod, which has no adapter here');
  expect(() => findLightningNode({ id: 3, name: 'empty', nodes: { bitcoin: [], lightning: [] } }, 'a')).toThrow('it has no Lightning node');
});

test('a port that Polar has not chosen yet says what to do', async () => {
  const network = { ...DEV, nodes: { bitcoin: [], lightning: [{ ...ALICE, ports: {} }] } };
  await write({ networks: [network] });
  expect((await problem(polar({ network: 'dev', node: 'alice' }))).message).toBe(
    'Polar has no grpc port for alice: start its network in Polar once',
  );
});

test('a home without Polar, a torn file and a strange file are each said to be so', async () => {
  expect(await problem(polar({ network: 'dev', node: 'alice' }))).toMatchObject({
    path: 'backend.home',
    message: expect.stringContaining('networks.json'),
  });
  await write('{"version":3,"netw');
  expect((await problem(polar({ network: 'dev', node: 'alice' }))).message).toMatch(/is not JSON/);
  await write({ networks: [{ id: 'x', name: 'dev', nodes: {} }] });
  expect((await problem(polar({ network: 'dev', node: 'alice' }))).message).toContain('at networks.0.id');
  await write({ networks: [] });
  expect((await problem(polar({ network: 'dev', node: 'alice' }))).message).toContain('has no network yet');
  await write({ networks: [{ ...DEV, nodes: { lightning: [{ ...ALICE, name: '../../../etc' }] } }] });
  expect((await problem(polar({ network: 'dev', node: 'alice' }))).message).toContain('a name that can be a folder');
});

test('what is missing or misspelt in the section is named', async () => {
  expect(await problem(polar({ node: 'alice' }))).toMatchObject({ path: 'backend.network' });
  expect(await problem(polar({ network: 1 }))).toMatchObject({ path: 'backend.node', message: expect.stringContaining('is missing') });
  expect(await problem(polar({ network: 1, nodes: 'alice' }))).toMatchObject({ path: 'backend.node' });
  expect((await problem({ kind: 'polr' })).message).toContain('did you mean polar?');
});

test('Polar is looked for where it usually is, and the folder with networks in it wins', async () => {
  await expect(readPolarHome(undefined, home)).rejects.toThrow(/no Polar installation at .*\.local\/share\/polar or .*\.polar/);
  const [first, second] = usualPolarHomes(home) as [string, string];
  await mkdir(first, { recursive: true });
  await expect(readPolarHome(undefined, home)).rejects.toThrow('networks.json');
  await write({ networks: [OTHER] }, second);
  expect((await readPolarHome(undefined, home)).home).toBe(second);
  await write({ networks: [DEV] }, first);
  expect((await readPolarHome(undefined, home)).networks.map(({ name }) => name)).toEqual(['dev']);
  expect((await readPolarHome('~/.polar', home)).networks.map(({ name }) => name)).toEqual(['other']);
});

test("a config's relative home begins where the config is; what is printed is the node's own config, secrets masked", async () => {
  await write({ networks: [DEV] }, join(home, 'polar'));
  const source = {
    name: join(home, 'server.yaml'),
    raw: { backend: { kind: 'polar', home: 'polar', network: 1, node: 'carol' } },
    locate: () => undefined,
  };
  const config = await parseConfig(source);
  expect(config.backend).toMatchObject({ kind: 'eclair', config: { password: 'eclairpw' } });
  const printed = JSON.stringify(printableConfig(config));
  expect(printed).toContain('"url":"http://127.0.0.1:8283"');
  expect(printed).not.toContain('eclairpw');
  expect((await parseWalletConfig(source)).kind).toBe('eclair');
  await expect(parseConfig({ ...source, raw: { backend: { kind: 'polar', home: 'polar', network: 1, node: 'x' } } })).rejects.toThrow(
    ConfigError,
  );
});
