import { readFile } from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { Check } from '../../../src/app/doctor/diagnosis.ts';
import { checkListener } from '../../../src/app/doctor/listener-check.ts';
import { systemClock } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { ListenerClientConfig } from '../../../src/listener/config.ts';
import { generatedCertificate } from '../../../src/transport/shared/tls/generate.ts';
import { expectAllGranted, WAIT } from './support/expectations.ts';
import { ListenerWorld, TOKEN } from './support/world.ts';

let world: ListenerWorld;
afterEach(() => world[Symbol.asyncDispose]());

/** What `backend doctor` says of the listener, to a server of the world's node. */
async function check(changes: Partial<ListenerClientConfig> = {}): Promise<Check> {
  const client = { url: world.url, token: TOKEN, allowPlain: false, ...changes };
  const identity = { value: world.identity };
  const nothing = { credentials: undefined, invoice: undefined, channels: undefined, payments: undefined, spending: undefined };
  const info = await world
    .backend('seller')
    .node.info()
    .then((value) => ({ value }));
  return await checkListener(client, { ...nothing, info, identity }, systemClock, AbortSignal.timeout(10_000));
}

const open = () => vi.waitFor(() => expect(world.outbox?.node).toBeDefined(), WAIT);

test('the doctor tells a listener that answers from one with another token, and one that is away, and takes nobody’s place', async () => {
  world = await ListenerWorld.open();
  await world.startListener();
  world.startServer('listener');
  const connected = () => world.listener?.status().servers[0]?.connected;
  await vi.waitFor(() => expect(connected()).toBe(true), WAIT);
  expect(await check()).toMatchObject({ status: 'ok', detail: `${world.url} follows this node and takes our token` });
  expect(connected()).toBe(true);
  expect(await check({ token: 'some-other-token-as-long' })).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('does not take this token'),
  });
  expect(await check({ token: { env: 'NOT_SET_ANYWHERE' } })).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('NOT_SET_ANYWHERE'),
  });
  await world.stopListener();
  expect(await check()).toMatchObject({ status: 'fail', detail: expect.stringContaining("can't be reached: ECONNREFUSED") });
});

test('the doctor knows a listener of another node', async () => {
  world = await ListenerWorld.open();
  await world.startListener('other');
  await open();
  expect(await check()).toMatchObject({ status: 'fail', detail: expect.stringContaining('follows another node') });
});

test('over wss:// a server believes the certificate that it was given, and no other', async () => {
  world = await ListenerWorld.open();
  const make = (name: string) =>
    generatedCertificate({ dir: world.folder.join(name), names: [], now: systemClock.now(), logger: silentLogger });
  const [own, other] = [await make('own'), await make('other')];
  expect(await readFile(own.cert, 'utf8')).not.toBe(await readFile(other.cert, 'utf8'));
  world.changes.config = { listen: { port: 0, tls: { cert: own.cert, key: own.key } } };
  await world.startListener();
  await open();
  expect(world.url).toMatch(/^wss:/);
  expect(await check({ caFile: own.cert })).toMatchObject({ status: 'ok' });
  for (const changes of [{}, { caFile: other.cert }])
    expect(await check(changes)).toMatchObject({ status: 'fail', detail: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') });
  expect(await check({ caFile: world.folder.join('none.pem') })).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining("none.pem can't be read (ENOENT)"),
  });
  world.startServer('listener', { caFile: own.cert });
  await world.sell();
  await expectAllGranted(world);
});
