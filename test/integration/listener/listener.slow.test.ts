import { afterEach, expect, test, vi } from 'vitest';
import { expectAllGranted, expectCaughtUp, said, WAIT } from './support/expectations.ts';
import { followed } from './support/follower.ts';
import { ListenerWorld } from './support/world.ts';

let world: ListenerWorld;
afterEach(() => world[Symbol.asyncDispose]());

for (const ordered of [true, false]) {
  const kind = ordered ? 'a node with an order of its own' : 'a node without one';
  test(`going over from the node to the listener and back skips nothing and invents nothing: ${kind}`, async () => {
    world = await ListenerWorld.open({ ordered });
    world.startServer('node');
    await expectCaughtUp(world);
    await world.sell();
    await expectAllGranted(world);
    await world.stopServer();
    await world.sell();
    await world.startListener();
    await vi.waitFor(() => expect(world.listener?.status().node.caughtUp).toBe(true), WAIT);
    await world.sell();
    world.startServer('listener');
    await expectAllGranted(world);
    await world.sell();
    await expectAllGranted(world);
    await world.stopServer();
    await world.sell();
    world.startServer('node');
    await world.sell();
    await expectAllGranted(world);
    await world.stopServer();
    await world.sell();
    world.startServer('listener');
    await expectAllGranted(world);
    // The second time it has its position in the outbox, and goes on there.
    expect(said(world, 'comparing with the node')).toHaveLength(1);
  });
}

test('an outbox that was emptied, or restored from an old copy, is noticed, and what it lacks comes from the node', async () => {
  world = await ListenerWorld.open();
  await world.startListener();
  world.startServer('listener');
  await world.sell();
  await expectAllGranted(world);
  await world.keepCopy();
  await world.startListener();
  await world.sell();
  await world.sell();
  await expectAllGranted(world);
  await world.stopServer();
  await world.sell();
  await world.restoreCopy();
  await world.startListener();
  // The restored outbox numbers other events as the lost ones were.
  for (let count = 0; count < 5; count += 1) await world.sell();
  await vi.waitFor(() => expect(world.outbox?.head.offset).toBeGreaterThan(8), WAIT);
  world.startServer('listener');
  await expectAllGranted(world);
  expect(said(world, 'does not have the ledger')).toMatchObject([{ level: 'warn', fields: { reason: 'other' } }]);
  await world.loseOutbox();
  await world.sell();
  await world.startListener();
  await expectAllGranted(world);
  expect(said(world, 'another outbox than before')).toMatchObject([{ level: 'warn' }]);
});

test('whoever does not speak the protocol, or acknowledges what was not sent, is shown out', async () => {
  for (const message of ['{', { type: 'follow' }, 'x'.repeat(70_000)]) {
    const { world: opened, follower } = await followed();
    world = opened;
    await follower.next('hello');
    follower.send(message);
    await vi.waitFor(() => expect([1002, 1009]).toContain(follower.closed), WAIT);
    await world[Symbol.asyncDispose]();
  }
  const { world: opened, follower } = await followed();
  world = opened;
  await follower.next('hello');
  follower.send({ type: 'follow', after: { offset: 0, mark: '' } });
  await follower.next('caught-up');
  follower.send({ type: 'ack', position: { offset: 7, mark: 'ab' } });
  await vi.waitFor(() => expect(follower.closed).toBe(1002), WAIT);
});
