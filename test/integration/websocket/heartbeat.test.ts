import { expect, test } from 'vitest';
import { until } from './support/client.ts';
import { ManualClock, run } from './support/run.ts';

const BEAT_MS = 15_000;

test('a connection with nothing to say gets a heartbeat, a busy one does not', async () => {
  const clock = new ManualClock();
  await using server = await run({ clock });
  await using idle = await server.client();
  await using busy = await server.client();
  await busy.settled();
  clock.advance(BEAT_MS);
  expect(await idle.take('heartbeat')).toEqual({ op: 'heartbeat', time: '2026-11-20T14:30:15.000Z' });
  await busy.settled();
  expect(busy.messages).toEqual([]);
  clock.advance(BEAT_MS);
  clock.advance(BEAT_MS);
  await idle.take((message) => message['time'] === '2026-11-20T14:30:45.000Z');
  expect(idle.problems).toEqual([]);
});

test('a connection that lets two pings go unanswered is ended', async () => {
  const clock = new ManualClock();
  await using server = await run({ clock });
  await using dead = await server.client({ autoPong: false });
  await using alive = await server.client();
  let pings = 0;
  dead.webSocket.on('ping', () => pings++);
  let answered = 0;
  alive.webSocket.on('ping', () => answered++);
  for (let beat = 1; beat <= 2; beat++) {
    clock.advance(BEAT_MS);
    await until(() => pings === beat && answered === beat, `ping ${beat}`);
    await alive.settled();
  }
  expect(dead.closed).toBeUndefined();
  clock.advance(BEAT_MS);
  expect((await dead.waitForClose()).code).toBe(1006);
  await alive.settled();
  expect(server.plant.connections.size).toBe(1);
});

test('whoever talks is alive, pong or not', async () => {
  const clock = new ManualClock();
  await using server = await run({ clock });
  await using buyer = await server.client({ autoPong: false });
  for (let beat = 0; beat < 5; beat++) {
    clock.advance(BEAT_MS);
    await buyer.settled();
  }
  expect(buyer.closed).toBeUndefined();
});
