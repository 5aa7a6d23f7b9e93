import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import { run } from './support/run.ts';
import { TinyTickerplant } from './support/tiny-tickerplant.ts';

test('what nobody understands is answered, and the connection stays', async () => {
  await using server = await run();
  await using buyer = await server.client();
  expect(await buyer.ask({ op: 'buy', id: '1' })).toMatchObject({ op: 'error', code: 'UNKNOWN_OPERATION', retry: 'never' });
  expect(await buyer.ask({ op: 'sub', id: '2', table: 'trade' })).toMatchObject({ code: 'BAD_REQUEST', message: 'syms: is missing' });
  expect(await buyer.ask({ op: 'sub', id: '3', table: 'trades', syms: '*' })).toMatchObject({
    code: 'UNKNOWN_TABLE',
    message: 'unknown table "trades"',
  });
  expect(await buyer.ask({ op: 'sub', id: '4', table: 'trade', syms: ['MSFT'] })).toMatchObject({ code: 'UNKNOWN_SYMBOL' });
  expect(await buyer.ask({ op: 'resume', id: '5', token: 'foreign' })).toMatchObject({ code: 'BAD_TOKEN', retry: 'never' });
  expect(await buyer.ask({ op: 'unsub', id: '6', subscription: 's-99', table: 'trade', syms: '*' })).toMatchObject({ code: 'FORBIDDEN' });
  await buyer.settled();
  expect(buyer.problems).toEqual([]);
});

test('a token whose quote is not paid may be tried later', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  expect(await buyer.ask({ op: 'resume', id: '2', token: quote['token'] })).toMatchObject({ code: 'NOT_SETTLED', retry: 'later' });
});

test('no JSON three times running ends the connection, with a reason', async () => {
  await using server = await run();
  await using buyer = await server.client();
  for (let i = 0; i < 3; i++) buyer.send('GET / HTTP/1.1');
  expect(await buyer.waitForClose()).toEqual({ code: 1007, reason: '3 messages running were not JSON text' });
  expect(buyer.messages.map((message) => message['code'])).toEqual(['BAD_REQUEST', 'BAD_REQUEST', 'BAD_REQUEST']);
});

test('no JSON now and then does not', async () => {
  await using server = await run();
  await using buyer = await server.client();
  for (let i = 0; i < 4; i++) {
    buyer.send('nonsense');
    buyer.send('more nonsense');
    await buyer.settled();
  }
  expect(buyer.messages).toHaveLength(8);
  expect(buyer.closed).toBeUndefined();
});

test('a binary frame is refused', async () => {
  await using server = await run();
  await using buyer = await server.client();
  buyer.webSocket.send(Buffer.from('{"op":"ping","id":"1"}'));
  expect(await buyer.take('error')).toMatchObject({ code: 'BAD_REQUEST', message: 'a binary frame: messages are text frames with JSON' });
  await buyer.settled();
});

test('a message that is too large is told so before the connection ends with 1009', async () => {
  await using server = await run({ config: { maxMessageBytes: 2048 } });
  await using buyer = await server.client();
  buyer.send({ op: 'ping', id: 'x'.repeat(4096) });
  expect((await buyer.waitForClose()).code).toBe(1009);
  expect(buyer.messages).toMatchObject([{ op: 'error', code: 'TOO_LARGE', message: 'a message has at most 2048 bytes', retry: 'never' }]);
  await expect.poll(() => server.plant.connections.size).toBe(0);
});

test('a message that grows too large in fragments is treated alike', async () => {
  await using server = await run({ config: { maxMessageBytes: 2048 } });
  await using buyer = await server.client();
  for (let i = 0; i < 3; i++) buyer.webSocket.send('x'.repeat(1000), { fin: false });
  expect((await buyer.waitForClose()).code).toBe(1009);
  expect(buyer.messages).toMatchObject([{ code: 'TOO_LARGE' }]);
});

test('text that is not UTF-8 ends the connection with 1007, and a word', async () => {
  await using server = await run();
  await using buyer = await server.client();
  buyer.webSocket.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
  expect((await buyer.waitForClose()).code).toBe(1007);
  expect(buyer.messages).toMatchObject([{ code: 'BAD_REQUEST', message: 'text must be UTF-8' }]);
});

test('a client’s own close code is not taken for our complaint', async () => {
  await using server = await run();
  await using buyer = await server.client();
  await buyer.settled();
  buyer.webSocket.close(1009);
  expect((await buyer.waitForClose()).code).toBe(1009);
  expect(buyer.messages).toEqual([]);
});

test('thousands of symbols are refused with the limit; up to it they are taken', async () => {
  const many = Array.from({ length: 5_001 }, (_, i) => `S${i}`);
  await using server = await run({ plant: new TinyTickerplant({ trade: many }) });
  await using buyer = await server.client();
  expect(await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: many })).toMatchObject({ code: 'TOO_MANY', retry: 'never' });
  expect(await buyer.ask({ op: 'sub', id: '2', table: 'trade', syms: many.slice(1) })).toMatchObject({
    op: 'quote',
    amountMsat: '500000000',
  });
});

test('an id that is in use is refused, and the first request still gets its answer', async () => {
  const plant = new TinyTickerplant();
  const gate = Promise.withResolvers<void>();
  plant.onSubscribe = () => gate.promise;
  await using server = await run({ plant });
  await using buyer = await server.client();
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  const duplicate = {
    op: 'error',
    id: '1',
    code: 'BAD_REQUEST',
    message: 'id: a request with the id "1" is still being answered',
    retry: 'never',
  };
  expect(await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['GOOG'] })).toEqual(duplicate);
  expect(await buyer.ask({ op: 'ping', id: '1' })).toEqual(duplicate);
  expect(await buyer.ask({ op: 'ping', id: 1 })).toMatchObject({ op: 'pong', id: 1 });
  gate.resolve();
  expect(await buyer.take('quote')).toMatchObject({ id: '1', syms: ['AAPL'] });
  expect(await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms: ['GOOG'] })).toMatchObject({ op: 'quote', id: '1' });
});

test('requests are answered side by side, but only so many', async () => {
  const plant = new TinyTickerplant();
  const gate = Promise.withResolvers<void>();
  plant.onSubscribe = () => gate.promise;
  await using server = await run({ plant, config: { maxRequestsInFlight: 4 } });
  await using buyer = await server.client();
  for (let id = 1; id <= 6; id++) buyer.send({ op: 'sub', id, table: 'trade', syms: ['AAPL'] });
  await buyer.take((message) => message['id'] === 6);
  expect(buyer.messages).toMatchObject([{ op: 'error', id: 5, code: 'RATE_LIMITED', retry: 'later' }]);
  gate.resolve();
  await buyer.take((message) => message['id'] === 4);
  expect(buyer.messages.filter(({ op }) => op === 'quote').map((message) => message['id'])).toEqual([1, 2, 3]);
});

test('a connection that the core refuses is told why, and asked to come again', async () => {
  const plant = new TinyTickerplant();
  plant.onConnect = () => {
    throw new TickerplantError('STOPPING', 'the server is going down');
  };
  await using server = await run({ plant });
  await using buyer = await server.client();
  expect((await buyer.waitForClose()).code).toBe(1013);
  expect(buyer.messages).toMatchObject([{ op: 'error', code: 'STOPPING', retry: 'later' }]);
});

test('bytes that are no WebSocket frames end that connection only', async () => {
  await using server = await run();
  await using buyer = await server.client();
  const { hostname, port } = new URL(server.url);
  const raw = createConnection({ host: hostname, port: Number(port) });
  const chunks: Buffer[] = [];
  raw.on('data', (chunk) => chunks.push(chunk));
  raw.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n');
  raw.write('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
  await new Promise((resolve) => raw.once('close', resolve));
  const received = Buffer.concat(chunks).toString('latin1');
  expect(received).toMatch(/^HTTP\/1\.1 101/);
  expect(received).toContain('not a WebSocket frame that can be read');
  await buyer.settled();
});
