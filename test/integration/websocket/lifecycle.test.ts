import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { websocketConfigSchema } from '../../../src/transport/websocket/config.ts';
import { websocketTransport } from '../../../src/transport/websocket/transport.ts';
import { Client, until } from './support/client.ts';
import { ManualClock, run } from './support/run.ts';

async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const sent = request(url.replace(/^ws/, 'http'), { headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function embedder(): Promise<{ readonly server: Server; readonly origin: string } & AsyncDisposable> {
  const server = createServer((_request, response) => response.end('the embedder’s own page'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    server,
    origin,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

test('a port that is taken is named, with what to do', async () => {
  await using first = await run();
  const port = Number(new URL(first.url).port);
  await expect(run({ config: { port } })).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: `websocket: can't listen on 127.0.0.1:${port}: another program listens there; stop it, or set transports.websocket.port to a free port (0 takes any)`,
  });
});

test('an address of another machine is named, with what to do', async () => {
  await expect(run({ config: { host: '203.0.113.1' } })).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' });
});

test('the URL is one that buyers can use, also on IPv6', async () => {
  await using server = await run({ config: { host: '::1', path: '/ticks' } });
  expect(server.url).toMatch(/^ws:\/\/\[::1\]:\d+\/ticks$/);
  await using buyer = await server.client();
  await buyer.settled();
});

test('a browser that looks in is told what this is', async () => {
  await using server = await run();
  const response = await get(server.url);
  expect(response.status).toBe(426);
  expect(response.headers['upgrade']).toBe('websocket');
  expect(response.text).toMatch(/WebSocket port of a tickerplant/);
});

test('another path than the configured one is not found', async () => {
  await using server = await run({ config: { path: '/ticks' } });
  await expect(Client.open(server.url.replace('/ticks', '/other'))).rejects.toThrow('404');
  await using buyer = await Client.open(`${server.url}?from=a-bookmark`);
  await buyer.settled();
});

test('over the limit of connections the next one is refused until one goes', async () => {
  await using server = await run({ config: { maxConnections: 1 } });
  const first = await server.client();
  await expect(server.client()).rejects.toThrow('503');
  await first[Symbol.asyncDispose]();
  await until(() => server.plant.connections.size === 0, 'the first to be gone');
  await using next = await server.client();
  await next.settled();
});

test('a page of another origin is refused where origins are named', async () => {
  await using server = await run({ config: { allowedOrigins: ['https://example.com'] } });
  await expect(server.client({ origin: 'https://evil.example' })).rejects.toThrow('403');
  await using buyer = await server.client({ origin: 'https://example.com' });
  await buyer.settled();
});

test('the core is told who asks: the socket’s address, or the proxy’s word where that is trusted', async () => {
  const headers = { 'x-forwarded-for': '10.0.0.1, 203.0.113.9' };
  await using careful = await run();
  await using trusting = await run({ config: { trustProxy: true } });
  await using one = await careful.client({ headers });
  await using other = await trusting.client({ headers });
  await Promise.all([one.settled(), other.settled()]);
  expect(careful.plant.addresses).toEqual(['127.0.0.1']);
  expect(trusting.plant.addresses).toEqual(['203.0.113.9']);
});

test('stop says good-bye, and ends when everybody has gone', async () => {
  const server = await run();
  await using buyer = await server.client();
  await buyer.settled();
  await server.transport.stop(5_000);
  expect(await buyer.waitForClose()).toEqual({ code: 1001, reason: 'the server is going down; connect again and resume' });
  expect(server.plant.connections.size).toBe(0);
  await expect(server.client()).rejects.toThrow('ECONNREFUSED');
});

test('rows of the last turn still go out before the good-bye', async () => {
  const server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  server.plant.settle(String(quote['quote']));
  server.plant.publish('trade', [['2026-11-20T14:30:00.123Z', 'AAPL', 1]]);
  await server.transport.stop(5_000);
  await buyer.waitForClose();
  expect(buyer.messages.map(({ op }) => op)).toEqual(['active', 'upd']);
});

test('stop does not wait beyond its deadline for those who do not answer', async () => {
  const clock = new ManualClock();
  const server = await run({ clock });
  await using buyer = await server.client();
  await buyer.settled();
  buyer.webSocket.pause();
  let stopped = false;
  const stop = server.transport.stop(1_000).then(() => {
    stopped = true;
  });
  await expect(server.client()).rejects.toThrow('ECONNREFUSED');
  clock.advance(999);
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  clock.advance(1);
  await stop;
  expect(server.plant.connections.size).toBe(0);
});

test('stop twice is one stop, and before a start it is none', async () => {
  const server = await run();
  await Promise.all([server.transport.stop(0), server.transport.stop(0)]);
  await websocketTransport(websocketConfigSchema.parse({}), { clock: new ManualClock(), logger: silentLogger }).stop(1_000);
});

test('on an embedder’s server the tickerplant has its path, and leaves the rest alone', async () => {
  await using home = await embedder();
  const chat = new WebSocketServer({ noServer: true });
  home.server.on('upgrade', (incoming, socket, head) => {
    if (incoming.url !== '/chat') return;
    chat.handleUpgrade(incoming, socket, head, (webSocket) => webSocket.send(JSON.stringify({ op: 'pong' })));
  });
  const server = await run({ server: home.server, path: '/ticks' });
  expect(server.url).toBe(`ws://${home.origin}/ticks`);
  await using buyer = await server.client();
  await buyer.settled();
  await using chatter = await Client.open(`ws://${home.origin}/chat`);
  await chatter.take('pong');
  expect((await get(`http://${home.origin}/`)).text).toBe('the embedder’s own page');

  await server.transport.stop(1_000);
  expect((await buyer.waitForClose()).code).toBe(1001);
  expect(chatter.webSocket.readyState).toBe(WebSocket.OPEN);
  expect((await get(`http://${home.origin}/`)).status).toBe(200);
  chat.close();
});

test('where nobody else takes upgrades, another path does not hang', async () => {
  await using home = await embedder();
  await using server = await run({ server: home.server });
  expect(server.url).toBe(`ws://${home.origin}/`);
  await expect(Client.open(`ws://${home.origin}/other`)).rejects.toThrow('404');
});

test('an embedder’s server may begin to listen later', async () => {
  const later = createServer();
  await using server = await run({ server: later, path: '/ticks' });
  expect(server.url).toBe('/ticks');
  await new Promise<void>((resolve) => later.listen(0, '127.0.0.1', resolve));
  await using buyer = await Client.open(`ws://127.0.0.1:${(later.address() as AddressInfo).port}/ticks`);
  await buyer.settled();
  later.close();
});
