import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { WebsocketConfigInput } from '../../../src/transport/websocket/config.ts';
import { Client, until } from './support/client.ts';
import { type Running, run } from './support/run.ts';

const KIB = 1024;
const LIMIT = 256 * KIB;
const ROW_BYTES = 4 * KIB;
const row = ['x'.repeat(ROW_BYTES), 'AAPL', 1] as const;

/** A server whose sockets can be looked at: what waits in them is what a slow reader costs. */
async function observed(config: WebsocketConfigInput): Promise<Running & { readonly sockets: Socket[] }> {
  const http = createServer();
  const sockets: Socket[] = [];
  http.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server = await run({ server: http, config });
  return {
    ...server,
    sockets,
    client: (options) => Client.open(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`, options),
    [Symbol.asyncDispose]: async () => {
      await server.transport.stop(0);
      http.close();
    },
  };
}

async function subscribed(server: Running): Promise<Client> {
  const buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  await buyer.take('active');
  return buyer;
}

/** Publishes until a buyer is given up, in steps that `reader` keeps up with; answers the most that waited in a socket. */
async function publishUntilGone(server: Running & { readonly sockets: Socket[] }, reader: Client): Promise<number> {
  let most = 0;
  let published = 0;
  const connections = server.plant.connections.size;
  while (server.plant.connections.size === connections) {
    if (published > 20_000) throw new Error('nobody was given up');
    for (let i = 0; i < 10; i++) server.plant.publish('trade', [row]);
    published += 10;
    await until(() => reader.messages.length === published, 'the reader that keeps up');
    most = Math.max(most, ...server.sockets.map((socket) => socket.writableLength));
  }
  return most;
}

test('a slow reader costs bounded memory and only itself; it is told why, and what to do', async () => {
  await using server = await observed({ maxBufferedBytes: LIMIT });
  await using slow = await subscribed(server);
  await using reader = await subscribed(server);
  slow.webSocket.pause();
  const most = await publishUntilGone(server, reader);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(LIMIT + 2 * ROW_BYTES);

  slow.webSocket.resume();
  expect(await slow.waitForClose()).toEqual({ code: 1013, reason: 'you read too slowly; connect again and resume' });
  expect(slow.messages.at(-1)).toEqual({
    op: 'error',
    code: 'SLOW_CONSUMER',
    message: 'you read too slowly; connect again and resume',
    retry: 'safe',
  });
  const seqs = slow.messages.slice(0, -1).map((message) => message['seq']);
  expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  expect(slow.problems).toEqual([]);
  expect(reader.closed).toBeUndefined();
});

test('a slow reader that does not even take its leave is cut off', async () => {
  await using server = await observed({ maxBufferedBytes: LIMIT, closeTimeoutSeconds: 0.1 });
  await using slow = await subscribed(server);
  await using reader = await subscribed(server);
  slow.webSocket.pause();
  await publishUntilGone(server, reader);
  await until(() => server.sockets.filter((socket) => socket.destroyed).length === 1, 'the socket to be destroyed');
  expect(reader.closed).toBeUndefined();
});

test('a replay waits for a slow reader instead of giving it up, and all of it arrives', async () => {
  await using server = await observed({ maxBufferedBytes: LIMIT });
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  const subscription = server.plant.subscriptions.get('s-1');
  if (subscription !== undefined) subscription.live = undefined;
  const count = 3_000;
  for (let i = 0; i < count; i++) server.plant.publish('trade', [row]);

  await using again = await server.client();
  again.send({ op: 'resume', id: '2', token: quote['token'] });
  await again.take('resumed');
  again.webSocket.pause();
  const socket = server.sockets[1];
  let before = -1;
  await until(() => {
    const still = socket?.bytesWritten === before && socket.writableLength > 0;
    before = socket?.bytesWritten ?? 0;
    return still;
  }, 'the replay to wait');
  expect(socket?.writableLength).toBeLessThan(LIMIT / 2 + 2 * ROW_BYTES);
  again.webSocket.resume();
  await until(() => again.messages.length === count, 'the whole replay');
  expect(again.messages.map((message) => message['seq'])).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(again.closed).toBeUndefined();
});

test('a replay that waits for a buyer who leaves does not wait for ever', async () => {
  await using server = await observed({ maxBufferedBytes: LIMIT });
  const buyer = await server.client();
  await buyer.settled();
  const [connection] = server.plant.connections;
  for (let i = 0; i < 5_000; i++) server.plant.publish('trade', [row]);
  buyer.webSocket.pause();
  const history = server.plant.history('trade', 'AAPL', 0);
  let waiting: Promise<void> | undefined;
  for (const rows of history) {
    connection?.sink.rows(rows);
    const drained = connection?.sink.drained();
    const room = await Promise.race([drained?.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, 50, false))]);
    if (room !== false) continue;
    waiting = drained;
    break;
  }
  expect(waiting).toBeDefined();
  await buyer[Symbol.asyncDispose]();
  await waiting;
});

test('requests whose answers nobody reads do not pile up either', async () => {
  await using server = await observed({ maxBufferedBytes: 64 * KIB });
  await using buyer = await server.client();
  buyer.webSocket.pause();
  const id = 'x'.repeat(128);
  for (let i = 0; server.plant.connections.size > 0; i++) {
    if (i > 200_000) throw new Error('nobody was given up');
    for (let k = 0; k < 100; k++) buyer.send({ op: 'nonsense', id });
    await new Promise((resolve) => setImmediate(resolve));
    expect(Math.max(...server.sockets.map((socket) => socket.writableLength))).toBeLessThan(66 * KIB);
  }
});
