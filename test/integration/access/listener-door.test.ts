import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseListenerConfig } from '../../../src/app/config/parse.ts';
import { TestFolder } from '../../unit/storage/support/folders.ts';
import { ListenerWorld } from '../listener/support/world.ts';

const servers = [{ name: 'shop', token: 'a-token-of-the-one-server' }];

test('who is not on the list of the listener is not listened to', async () => {
  await using world = await ListenerWorld.open({ config: { listen: { port: 0, allow: ['192.0.2.0/24'] } } });
  await world.startListener();
  await expect(fetch(`${world.url.replace('ws', 'http')}/healthz`)).rejects.toThrow();
});

test('the listener speaks TLS with a certificate for development, to those on its list', async () => {
  using folder = new TestFolder();
  const tls = { generate: true, dir: folder.join('tls') };
  await using world = await ListenerWorld.open({ config: { listen: { port: 0, tls, allow: ['loopback'] } } });
  await world.startListener();
  const url = new URL(world.listener?.url ?? '');
  expect(url.protocol).toBe('wss:');
  const asked = request({
    host: url.hostname,
    port: url.port,
    path: '/v1/events',
    ca: await readFile(join(tls.dir, 'cert.pem')),
    agent: false,
  });
  asked.end();
  const [{ statusCode }] = (await once(asked, 'response')) as [{ readonly statusCode: number }];
  expect(statusCode).toBe(426);
  asked.destroy();
});

test('a certificate for development is refused beyond this machine, and so is what is no address', async () => {
  const parse = (listen: object) =>
    parseListenerConfig(
      { name: 'test', raw: { backend: { kind: 'simulated' }, listen, servers }, locate: () => undefined },
      { base: '/srv', environment: {} },
    );
  await expect(parse({ host: '0.0.0.0', tls: 'generate' })).rejects.toThrow(/listen\.tls: a generated certificate is for development/);
  await expect(parse({ allow: ['everybody'] })).rejects.toThrow(/listen\.allow\.0: an address, a network/);
  const { listen } = await parse({ host: '0.0.0.0', tls: { generate: true, forcePublic: true } });
  expect(listen).toMatchObject({ connectionsPerAddress: 256, tls: { generate: true, dir: '/srv/data/tls' } });
  expect((await parse({ tls: 'generate' })).listen.tls).toMatchObject({ generate: true });
});
