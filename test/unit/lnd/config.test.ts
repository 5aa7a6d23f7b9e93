import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lndConfigSchema, toConnection } from '../../../src/adapters/lnd/client/config.ts';
import { readCredentials } from '../../../src/adapters/lnd/client/credentials.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';

const MACAROON = Buffer.from('0201036c6e6402f801', 'hex');
const CERT = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'lnd-config-'));
  mkdirSync(path.join(dir, 'data/chain/bitcoin/regtest'), { recursive: true });
  writeFileSync(path.join(dir, 'data/chain/bitcoin/regtest/admin.macaroon'), MACAROON);
  writeFileSync(path.join(dir, 'tls.cert'), CERT);
});
afterEach(() => rmSync(dir, { recursive: true }));

const connection = (config: Readonly<Record<string, unknown>>) => toConnection(lndConfigSchema.parse({ kind: 'lnd', ...config }));
const credentials = (config: Readonly<Record<string, unknown>>) =>
  readCredentials(connection({ lndDir: dir, network: 'regtest', ...config }));
const refusal = async (config: Readonly<Record<string, unknown>>) => {
  const error: unknown = await credentials(config).catch((reason: unknown) => reason);
  if (!isLightningError(error)) throw new Error(`not refused: ${error}`);
  return error;
};

test("lnd's own places are the defaults", () => {
  expect(connection({})).toEqual({
    socket: '127.0.0.1:10009',
    network: 'mainnet',
    macaroon: { file: path.join(homedir(), '.lnd/data/chain/bitcoin/mainnet/admin.macaroon') },
    cert: { file: path.join(homedir(), '.lnd/tls.cert') },
    chainDir: path.join(homedir(), '.lnd/data/chain/bitcoin'),
  });
});

test('a macaroon is named within the network, or by its path', () => {
  const at = (macaroon: string) => connection({ lndDir: '/lnd', network: 'regtest', macaroon }).macaroon;
  expect(at('invoice.macaroon')).toEqual({ file: '/lnd/data/chain/bitcoin/regtest/invoice.macaroon' });
  expect(at('/elsewhere/my.macaroon')).toEqual({ file: '/elsewhere/my.macaroon' });
  expect(at('~/my.macaroon')).toEqual({ file: path.join(homedir(), 'my.macaroon') });
  expect(at('./my.macaroon')).toEqual({ file: path.resolve('my.macaroon') });
});

test.each([
  ['localhost', 'localhost:10009'],
  ['node.local:1234', 'node.local:1234'],
  ['10.0.0.1', '10.0.0.1:10009'],
  ['[::1]:1234', '[::1]:1234'],
  ['[fe80::1]', '[fe80::1]:10009'],
  ['::1', '[::1]:10009'],
])('the host %s is dialled as %s', (host, socket) => {
  expect(connection({ host }).socket).toBe(socket);
});

test.each(['https://localhost:10009', 'a b', 'host:0', 'host:70000', '[::1', 'user@host'])('the host %s is refused', (host) => {
  expect(lndConfigSchema.safeParse({ kind: 'lnd', host }).error?.issues[0]?.path).toEqual(['host']);
});

test('a misspelt field and an unknown network are refused', () => {
  expect(lndConfigSchema.safeParse({ kind: 'lnd', macroon: 'x' }).success).toBe(false);
  expect(lndConfigSchema.safeParse({ kind: 'lnd', network: 'regtset' }).success).toBe(false);
});

test('credentials come from files, the environment or the config, hex and base64 alike', async () => {
  const expected = { macaroon: MACAROON.toString('hex'), cert: Buffer.from(CERT.trim()).toString('base64') };
  expect(await credentials({})).toEqual(expected);
  expect(await credentials({ macaroonHex: MACAROON.toString('hex') })).toEqual(expected);
  expect(await credentials({ macaroonHex: MACAROON.toString('base64') })).toEqual(expected);
  vi.stubEnv('TEST_LND_MACAROON', MACAROON.toString('hex').toUpperCase());
  vi.stubEnv('TEST_LND_CERT', Buffer.from(CERT).toString('base64'));
  expect((await credentials({ macaroon: { env: 'TEST_LND_MACAROON' }, cert: { env: 'TEST_LND_CERT' } })).macaroon).toBe(expected.macaroon);
  expect(await credentials({ macaroon: { value: MACAROON.toString('hex') }, certPem: CERT })).toEqual(expected);
  expect((await credentials({ cert: 'system' })).cert).toBeUndefined();
});

test('a macaroon that is only there for another network is the wrong network', async () => {
  const error = await refusal({ network: 'mainnet' });
  expect(error.code).toBe('WRONG_NETWORK');
  expect(error.message).toContain('regtest');
});

test('what is missing is named with its place', async () => {
  const error = await refusal({ macaroon: 'invoice.macaroon' });
  expect(error.code).toBe('UNAUTHENTICATED');
  expect(error.message).toContain(path.join(dir, 'data/chain/bitcoin/regtest/invoice.macaroon'));
  expect((await refusal({ cert: path.join(dir, 'no.cert') })).message).toContain('no.cert');
  expect((await refusal({ macaroon: { env: 'TEST_LND_UNSET' } })).message).toContain('TEST_LND_UNSET');
});

test('a secret that can not be read is not repeated', async () => {
  const error = await refusal({ macaroonHex: 'hunter2-not-a-macaroon!' });
  expect(error.code).toBe('UNAUTHENTICATED');
  expect(error.message).not.toContain('hunter2');
  expect((await refusal({ certPem: 'hunter2' })).message).not.toContain('hunter2');
});
