import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { KdbClient } from '../kdb/support/client.ts';
import { Client } from '../websocket/support/client.ts';
import { Plant } from './support/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

async function answerTo(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  let answer = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  await once(socket, 'close');
  return answer;
}

test('who is not on the list of a transport is not listened to', async () => {
  const allow = ['192.0.2.0/24'];
  await using plant = await Plant.start({ transports: { websocket: { allow }, http: { allow }, kdb: { allow } } });
  await expect(Client.open(plant.websocket)).rejects.toThrow();
  await expect(fetch(`${plant.http}/healthz`)).rejects.toThrow();
  await expect(KdbClient.connect(plant.kdbPort)).resolves.toMatchObject({ capability: undefined, closed: true });
});

test('behind a proxy that is listed it is the proxy’s word that counts, for the list and for operators', async () => {
  const transport = { allow: ['203.0.113.0/24'], trustProxy: true };
  const token = 'a-token-that-nobody-else-has';
  await using plant = await Plant.start({
    transports: { websocket: transport, http: transport, kdb: undefined },
    access: { tokens: [{ name: 'feed', role: 'publisher', token }] },
  });
  const from = (address: string, proto = 'https') => ({ 'X-Forwarded-For': `6.6.6.6, ${address}`, 'X-Forwarded-Proto': proto });
  const http = async (headers: Record<string, string>, path = '/v1/tables') => (await fetch(`${plant.http}${path}`, { headers })).status;
  expect(await http(from('203.0.113.9'))).toBe(200);
  expect(await http(from('198.51.100.1'))).toBe(403);
  await using good = await Client.open(plant.websocket, { headers: from('203.0.113.9') });
  await good.settled();
  await expect(Client.open(plant.websocket, { headers: from('198.51.100.1') })).rejects.toThrow('403');
  const publish = async (proto: string) =>
    (
      await fetch(`${plant.http}/v1/publish`, {
        method: 'POST',
        headers: { ...from('203.0.113.9', proto), Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ table: 'trade', rows: [{ sym: 'AAPL', price: 1, size: 2 }] }),
      })
    ).status;
  // What came to the proxy in plain text could have been read.
  expect([await publish('https'), await publish('http')]).toEqual([200, 403]);
  expect(plant.server.tickerplant.counters.published).toBe(1);
});

test('through a proxy that nobody named no operator comes in, and its word is not believed', async () => {
  const token = 'a-token-that-nobody-else-has';
  await using plant = await Plant.start({ access: { tokens: [{ name: 'owner', role: 'admin', token }] } });
  const status = async (headers: Record<string, string>) => {
    const response = await fetch(`${plant.http}/v1/admin/status`, { headers: { Authorization: `Bearer ${token}`, ...headers } });
    return [response.status, ((await response.json()) as { message?: string }).message];
  };
  expect(await status({})).toEqual([200, undefined]);
  expect(await status({ 'X-Forwarded-For': '127.0.0.1' })).toEqual([403, expect.stringContaining('a proxy that trustProxy does not name')]);
  expect(await status({ Forwarded: 'for=127.0.0.1' })).toEqual([403, expect.anything()]);
});

test('who dawdles over the head of a request is cut off', async () => {
  await using plant = await Plant.start({ transports: { websocket: {}, http: { requestTimeoutSeconds: 0.3 }, kdb: undefined } });
  const port = Number(new URL(plant.http).port);
  expect(await answerTo(port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')).toContain('408 Request Timeout');
  expect(await answerTo(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(40_000)}\r\n\r\n`)).toContain('431 ');
  expect(await answerTo(Number(new URL(plant.websocket).port), `GET / HTTP/1.1\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`)).toContain(
    '431 ',
  );
});

test('a stranger’s body is not read, a publisher may send a long one, and all its rows are published or none', async () => {
  const token = 'a-token-that-nobody-else-has';
  await using plant = await Plant.start({
    transports: { websocket: { maxMessageBytes: 1024 }, http: { maxBodyBytes: 1024 }, kdb: undefined },
    access: { tokens: [{ name: 'feed', role: 'publisher', token }] },
  });
  const rows = Array.from({ length: 500 }, (_, index) => ['2026-11-20T14:30:00.000Z', 'AAPL', index, 100]);
  const publish = async (authorization: string, body: unknown) => {
    const headers = { 'Content-Type': 'application/json', Authorization: authorization };
    const response = await fetch(`${plant.http}/v1/publish`, { method: 'POST', headers, body: JSON.stringify(body) });
    return [response.status, await response.json()];
  };
  expect(await publish(`Bearer ${token}`, { table: 'trade', rows })).toEqual([200, { op: 'published', table: 'trade', rows: 500 }]);
  expect(await publish('Bearer tpk_wrong', { table: 'trade', rows })).toMatchObject([401, { code: 'BAD_TOKEN' }]);
  expect(await publish(`Bearer ${token}`, { table: 'trade', rows: [...rows, ['x']] })).toMatchObject([
    400,
    { message: expect.stringContaining('row 500') },
  ]);
  expect(await publish(`Bearer ${token}`, { table: 'trade', rows: [{ sym: 'NOSUCH' }] })).toMatchObject([404, { code: 'UNKNOWN_SYMBOL' }]);
  expect(plant.server.tickerplant.counters.published).toBe(500);
  await using publisher = await Client.open(plant.websocket, { headers: { Authorization: `Bearer ${token}` } });
  expect(await publisher.ask({ op: 'publish', id: 1, table: 'trade', rows })).toEqual({
    op: 'published',
    id: 1,
    table: 'trade',
    rows: 500,
  });
  await using buyer = await Client.open(plant.websocket);
  expect(await buyer.ask({ op: 'publish', id: 1, table: 'trade', rows: rows.slice(0, 1) })).toMatchObject({
    op: 'error',
    code: 'FORBIDDEN',
  });
  buyer.send({ op: 'publish', table: 'trade', rows });
  expect((await buyer.waitForClose()).code).toBe(1009);
  expect(plant.server.tickerplant.counters.published).toBe(1_000);
});
