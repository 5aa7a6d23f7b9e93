import { expect, test } from 'vitest';
import { parseBaseConfig } from '../../../src/app/config/parse.ts';
import { exposuresOf } from '../../../src/app/exposure.ts';

async function exposed(raw: Record<string, unknown>): Promise<readonly string[]> {
  const config = await parseBaseConfig({ name: 'test', raw, locate: () => undefined }, { base: '/nowhere', environment: {} });
  return exposuresOf(config).map(({ path }) => path);
}

const tls = { cert: 'cert.pem', key: 'key.pem' };

test('what listens on this machine, or speaks TLS, lays nothing open', async () => {
  expect(await exposed({})).toEqual([]);
  expect(
    await exposed({ transports: { websocket: { host: '0.0.0.0', tls }, http: { host: '::', tls }, kdb: { host: '192.0.2.1', tls } } }),
  ).toEqual([]);
});

test('plain text beyond this machine is told of every transport', async () => {
  const transports = {
    websocket: { host: '0.0.0.0' },
    http: { host: '0.0.0.0', trustProxy: ['10.0.0.1'] },
    kdb: { host: '0.0.0.0', users: [{ user: 'a', password: 'long enough' }] },
  };
  expect(await exposed({ transports })).toEqual(['transports.websocket', 'transports.http', 'transports.kdb', 'transports.kdb.users']);
});

test('metrics in plain text, a forced certificate, a proxy that is everybody, tokens in the config', async () => {
  const token = 'a-token-that-is-long-enough';
  expect(
    await exposed({
      transports: {
        websocket: { host: '0.0.0.0', tls: { generate: true, forcePublic: true }, trustProxy: ['0.0.0.0/0'] },
        http: { metrics: { host: '0.0.0.0', port: 9464, token } },
      },
      access: { tokens: [{ name: 'a', role: 'admin', token }], from: { admin: ['::/0'] }, plainText: true },
    }),
  ).toEqual([
    'transports.websocket.trustProxy',
    'transports.websocket.tls',
    'transports.http.metrics',
    'access.plainText',
    'access.from.admin',
    'access.tokens',
  ]);
});

test.each([
  [{ tokens: [{ name: 'a', role: 'owner', hash: `sha256:${'0'.repeat(64)}` }] }, /access\.tokens\.0\.role: publisher, admin or metrics/],
  [{ tokens: [{ name: 'a', role: 'admin' }] }, /access\.tokens\.0: needs one of hash, token and tokenFile/],
  [{ tokens: [{ name: 'a', role: 'admin', token: 'short' }] }, /access\.tokens\.0\.token: a token has at least 24/],
  [{ tokens: [{ name: 'a', role: 'publisher', hash: `sha256:${'0'.repeat(64)}`, tables: ['nosuch'] }] }, /there is no table nosuch/],
  [{ tokens: [{ name: 'a', role: 'metrics', hash: `sha256:${'0'.repeat(64)}`, tables: ['trade'] }] }, /tables are for publishers/],
  [{ from: { admin: ['10.0.0.0/64'] } }, /access\.from\.admin\.0: an address, a network/],
  [{ form: {} }, /access\.form: unknown key/],
])('the config access: %j is refused with what to do', async (access, message) => {
  await expect(exposed({ access })).rejects.toThrow(message);
});
