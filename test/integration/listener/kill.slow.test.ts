import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort } from '../../../regtest/native/free-ports.ts';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { openOutbox } from '../../../src/listener/outbox/outbox.ts';
import { eventually } from '../../contract/support.ts';
import { momentsOf } from '../three-processes/moments.ts';
import { rowsOf, soldOnce } from '../three-processes/sold-once.ts';
import { Program, startWorld, type World } from '../three-processes/world.ts';

const ROUNDS = 6;
const SEED = Number(process.env['TICKERPLANT_SEED'] ?? systemClock.now() % 1_000_000);
const TOKEN = 'a-token-of-the-one-server';
const LISTENS_MS = 60_000;

/** Starts a listener at the world's node, and the world's server anew behind it. */
async function listenerOf(world: World): Promise<{ readonly listener: Program; readonly outbox: string }> {
  const port = await freePort();
  const file = path.join(world.dir, 'listener.yaml');
  const outbox = path.join(world.dir, 'data/outbox.db');
  const serverFile = path.join(world.dir, 'server.yaml');
  const server = parse(readFileSync(serverFile, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, stringify({ backend: server['backend'], listen: { port }, servers: [{ name: 'shop', token: TOKEN }] }));
  writeFileSync(serverFile, stringify({ ...server, listener: { url: `ws://127.0.0.1:${port}`, token: TOKEN } }));
  const listener = new Program(world.dir, 'listener', ['listener', '--config', file, '--json']);
  listener.start();
  await eventually('the listener listens', () => listener.latest('out').includes('listening'), LISTENS_MS);
  await world.server.end('SIGTERM');
  world.server.start();
  await eventually('the server listens', () => world.server.latest('out').includes('listening'), LISTENS_MS);
  return { listener, outbox };
}

test(`listener and server killed ${ROUNDS} times while money comes in: each settlement is written down once, and has its effect once (seed ${SEED})`, {
  timeout: 280_000,
}, async () => {
  const random = momentsOf(SEED);
  await using world = await startWorld();
  const { listener, outbox: file } = await listenerOf(world);
  const buyers: Program[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const buyer = world.buyer(`buyer-${round}`);
      buyers.push(buyer);
      buyer.start();
      await eventually('the buyer pays', () => buyer.latest('err').includes('"paying"'), LISTENS_MS);
      await sleep(random(80));
      const victims = [[listener], [world.server], [listener, world.server]][round % 3] ?? [];
      await Promise.all(victims.map((victim) => victim.end('SIGKILL')));
      for (const victim of victims) victim.start();
      await eventually('rows flow', () => rowsOf(buyer).length > 10, LISTENS_MS);
      await buyer.end('SIGINT');
    }
    await soldOnce(world, buyers);
  } finally {
    await listener.end('SIGTERM');
  }
  using outbox = openOutbox({ path: file, clock: systemClock, random: systemRandom });
  const settled = outbox.after(0, 1_000).filter(({ kind }) => kind !== 'created');
  expect(settled.map(({ kind }) => kind)).toEqual(Array(ROUNDS).fill('settled'));
  expect(new Set(settled.map(({ invoice }) => invoice.paymentHash)).size).toBe(ROUNDS);
  expect(outbox.consumers.get('shop', 'server')?.position).toEqual(outbox.head);
});
