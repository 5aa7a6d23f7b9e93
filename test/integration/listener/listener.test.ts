import { afterEach, expect, test, vi } from 'vitest';
import { PROTOCOL_VERSION } from '../../../src/listener/protocol.ts';
import { expectAllGranted, expectCaughtUp, said, WAIT } from './support/expectations.ts';
import { Follower, followed } from './support/follower.ts';
import { ListenerWorld, TOKEN } from './support/world.ts';

let world: ListenerWorld;
afterEach(() => world[Symbol.asyncDispose]());

test('what is paid reaches the server, and while either side is down nothing of it is lost', async () => {
  world = await ListenerWorld.open();
  await world.startListener();
  world.startServer('listener');
  await expectCaughtUp(world);
  await world.sell();
  await expectAllGranted(world);
  await world.stopServer();
  await world.sell();
  // Whether their invoices are told of depends on when the listener first looked; that they were paid does not.
  const paid = () => world.outbox?.after(0, 100).filter(({ kind }) => kind === 'settled');
  await vi.waitFor(() => expect(paid()).toHaveLength(2), WAIT);
  await world.stopListener();
  await world.sell();
  world.startServer('listener');
  await world.sell();
  await world.startListener();
  await expectAllGranted(world);
  expect(said(world, 'comparing with the node')).toHaveLength(1);
  const { head } = world.outbox as NonNullable<typeof world.outbox>;
  await vi.waitFor(() => expect(world.outbox?.consumers.get('shop', 'server')?.position.offset).toBeGreaterThanOrEqual(head.offset), WAIT);
});

test('an outbox that ran over while a server was away tells it so, and the node has what is gone', async () => {
  world = await ListenerWorld.open({ config: { outbox: { path: '', maxEvents: 100 }, invoices: { follow: false } } });
  Object.assign(world.changes.config as object, { outbox: { path: world.outboxPath, maxEvents: 100 } });
  await world.startListener();
  world.startServer('listener');
  await expectCaughtUp(world);
  await world.stopServer();
  for (let count = 0; count < 8; count += 1) await world.sell();
  await vi.waitFor(() => expect(world.outbox?.head.offset).toBe(8), WAIT);
  expect(world.outbox?.prune(3)).toBe(5);
  world.startServer('listener');
  await expectAllGranted(world);
  expect(said(world, 'does not have the ledger')).toMatchObject([{ fields: { reason: 'pruned' } }]);
});

test('a listener of another node is refused, and so is a token that is not one of its config', async () => {
  world = await ListenerWorld.open();
  await world.startListener('other');
  await vi.waitFor(() => expect(world.outbox?.node).toBeDefined(), WAIT);
  world.startServer('listener');
  await vi.waitFor(() => expect(world.follower?.status).toMatchObject({ state: 'lost', error: { code: 'OTHER_NODE' } }), WAIT);
  await world.stopServer();
  world.startServer('listener', { token: 'some-other-token-as-long' });
  await vi.waitFor(() => expect(world.follower?.status).toMatchObject({ state: 'lost', error: { code: 'UNAUTHORIZED' } }), WAIT);
  expect(JSON.stringify(world.lines)).not.toContain(TOKEN);
});

test('an outbox is never filled from another node: the listener ends', async () => {
  world = await ListenerWorld.open();
  await world.startListener();
  await vi.waitFor(() => expect(world.outbox?.node).toBeDefined(), WAIT);
  await world.stopListener();
  await world.startListener('other');
  await expect(world.listener?.failed).rejects.toMatchObject({ code: 'OTHER_NODE', message: expect.stringContaining('outbox.path') });
});

test('invoices that are made are told of, those of before are not, and each once', async () => {
  world = await ListenerWorld.open();
  await world.quote();
  await world.startListener();
  await vi.waitFor(() => expect(world.outbox?.madeAfter).toBeDefined(), WAIT);
  const kinds = () => world.outbox?.after(0, 100).map(({ kind }) => kind);
  await world.quote();
  await vi.waitFor(() => expect(kinds()).toEqual(['created']), WAIT);
  await world.stopListener();
  await world.sell();
  await world.startListener();
  await vi.waitFor(() => expect([...(kinds() ?? [])].sort()).toEqual(['created', 'created', 'settled']), WAIT);
});

test('a server that does not acknowledge is sent a window of events and no more, and what it has not acknowledged again', async () => {
  const { world: opened, follower } = await followed();
  world = opened;
  expect(await follower.next('hello')).toMatchObject({ version: PROTOCOL_VERSION, node: world.identity, head: { offset: 0, mark: '' } });
  const outbox = world.outbox as NonNullable<typeof world.outbox>;
  const made = Array.from({ length: 400 }, (_, index) => ({
    kind: 'settled' as const,
    key: `e${index}`,
    invoice: { paymentHash: 'ab'.repeat(32) },
  }));
  const events = outbox.append(made, {});
  follower.send({ type: 'follow', after: { offset: 0, mark: '' } });
  const sent = () => follower.messages.filter(({ type }) => type === 'event').length;
  await vi.waitFor(() => expect(sent()).toBe(256), WAIT);
  follower.send({ type: 'ack', position: { offset: 100, mark: events[99]?.mark } });
  await vi.waitFor(() => expect(sent()).toBe(356), WAIT);
  expect(follower.messages.some(({ type }) => type === 'caught-up')).toBe(false);
  const newer = new Follower(world.url);
  await newer.next('hello');
  expect(follower.closed).toBeUndefined();
  newer.send({ type: 'follow', after: { offset: 100, mark: events[99]?.mark }, kinds: ['created'] });
  await vi.waitFor(() => expect(follower.closed).toBe(4001), WAIT);
  expect(await newer.next('caught-up')).toMatchObject({ position: { offset: 400 } });
  newer.send({ type: 'ack', position: { offset: 400, mark: events[399]?.mark } });
  await vi.waitFor(() => expect(outbox.consumers.get('shop', 'server')?.position.offset).toBe(400), WAIT);
});

test('status and health are for whoever may ask', async () => {
  world = await ListenerWorld.open({ config: { listen: { port: 0, statusToken: 'the-token-of-whoever-looks' } } });
  await world.startListener();
  await vi.waitFor(() => expect(world.listener?.status().node.caughtUp).toBe(true), WAIT);
  const ask = async (path: string, token?: string) =>
    await fetch(`${world.url.replace('ws', 'http')}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/v1/status')).status).toBe(401);
  expect((await ask('/v1/status', TOKEN)).status).toBe(401);
  expect(await (await ask('/v1/status', 'the-token-of-whoever-looks')).json()).toMatchObject({
    node: world.identity,
    servers: [{ name: 'shop', connected: false }],
  });
  expect((await ask('/v1/events')).status).toBe(426);
  expect((await ask('/')).status).toBe(404);
});
