import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../../regtest/native/free-ports.ts';
import { createTickerplant, type LogFields, type Logger } from '../../../src/index.ts';
import { OwnBackend } from '../app/own-backend.ts';
import { openWorld, type World } from './support/world.ts';

const TOKEN = 'a-token-for-metrics-only';
const logged: string[] = [];
const note = (fields: LogFields, message: string) =>
  void logged.push(JSON.stringify([fields, message], (_, value) => (typeof value === 'bigint' ? String(value) : value)));
const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
let world: World;
beforeAll(async () => {
  world = await openWorld({ logger, http: { metrics: { token: TOKEN }, maxBodyBytes: 4096 } });
});
afterAll(() => world[Symbol.asyncDispose]());

async function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(world.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

test('every refusal is JSON with a code, a message and advice, never a page', async () => {
  const refusals: [string, RequestInit, number, string][] = [
    ['/nowhere', {}, 404, 'NOT_FOUND'],
    ['/v1/tables/nope', {}, 404, 'UNKNOWN_TABLE'],
    ['/v1/tables/%zz', {}, 400, 'BAD_REQUEST'],
    ['/v1/tables', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED'],
    ['/v1/quotes/x', { method: 'PUT', body: 'x' }, 405, 'METHOD_NOT_ALLOWED'],
    ['/v1/quotes', { method: 'POST', body: 'x', headers: { 'Content-Type': 'text/html' } }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['/v1/quotes', { method: 'POST', body: '{', headers: { 'Content-Type': 'application/json' } }, 400, 'BAD_REQUEST'],
    ['/v1/quotes', { method: 'POST', headers: { 'Content-Type': 'application/json' } }, 400, 'BAD_REQUEST'],
    ['/v1/quotes', { method: 'POST' }, 400, 'BAD_REQUEST'],
    ['/v1/quotes', { method: 'POST', body: `"${'x'.repeat(5000)}"`, headers: { 'Content-Type': 'application/json' } }, 413, 'TOO_LARGE'],
    ['/v1/events?slow=often', {}, 400, 'BAD_REQUEST'],
    ['/v1/events?after=nonsense', {}, 400, 'BAD_REQUEST'],
    ['/v1/events?ticket=never-was-one', {}, 401, 'BAD_TOKEN'],
  ];
  for (const [path, init, status, code] of refusals) {
    const response = await world.fetch(path, init);
    const body = (await response.json()) as Record<string, string>;
    expect([path, response.status, body['code'], Object.keys(body)]).toEqual([path, status, code, ['code', 'message', 'retry']]);
    expect(response.headers.get('content-type')).toContain('application/json');
  }
  expect(await (await world.post('/v1/quotes', { table: 'trade', syms: ['AAPL', 7] })).text()).toContain('syms[1]: must be text');
});

test('what is not HTTP is refused in JSON too, and so is a head that is too large', async () => {
  expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"BAD_REQUEST"/);
  expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"TOO_LARGE"/);
});

test('pages of any origin may ask, and read the challenge', async () => {
  const preflight = await world.fetch('/v1/events', {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://example.com',
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization,last-event-id',
    },
  });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
  const response = await world.fetch('/v1/events', { headers: { Origin: 'https://example.com' } });
  expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
  const { headers } = await world.buy(['AAPL']);
  const head = await world.fetch('/v1/events', { method: 'HEAD', headers: { ...headers, Origin: 'https://example.com' } });
  expect([head.status, head.headers.get('content-type'), head.headers.get('access-control-allow-origin')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
    '*',
  ]);
  expect((await world.fetch('/v1/tables', { method: 'HEAD' })).status).toBe(200);
});

test('answers are compressed where that helps', async () => {
  const response = await world.fetch('/openapi.json');
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect((await world.fetch('/healthz')).headers.get('content-encoding')).toBeNull();
});

test('health and readiness say yes and no', async () => {
  expect(await (await world.fetch('/healthz')).json()).toEqual({ status: 'ok' });
  await expect
    .poll(async () => (await world.fetch('/readyz')).json(), { timeout: 25_000 })
    .toEqual({ status: 'ok', node: true, ledger: true, journal: true });
});

test('the interface is described at /openapi.json and on a page that loads nothing from elsewhere', async () => {
  const document = (await (await world.fetch('/openapi.json')).json()) as { openapi: string; paths: Record<string, object> };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toContain('/v1/quotes/{id}');
  const page = await world.fetch('/docs');
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect((await world.fetch('/docs/static/swagger-ui.css')).status).toBe(200);
});

test('metrics are not for buyers', async () => {
  const { headers } = await world.buy(['AAPL']);
  expect((await world.fetch('/metrics')).status).toBe(401);
  expect((await world.fetch('/metrics', { headers })).status).toBe(401);
  const metrics = await (await world.fetch('/metrics', { headers: { Authorization: `Bearer ${TOKEN}` } })).text();
  expect(metrics).toMatch(/tickerplant_settled_total [1-9]/);
  expect(metrics).toMatch(/tickerplant_ready\{part="node"\} 1/);
  expect(metrics).toMatch(/tickerplant_http_request_seconds_count\{method="POST",route="\/v1\/quotes",status="201"\} [1-9]/);
});

test('no secret is in a log: neither token nor preimage, neither ticket nor key', async () => {
  const { headers, quote, preimage } = await world.buy(['AAPL']);
  const { ticket } = (await (await world.post('/v1/tickets', {}, headers)).json()) as { ticket: string };
  await (await world.fetch(`/v1/events?ticket=${ticket}`, { method: 'HEAD' })).text();
  await world.post('/v1/quotes', { table: 'trade', syms: ['IBM'] }, { 'Idempotency-Key': 'a-secret-key-of-the-buyers' });
  const all = logged.join('\n');
  expect(all).toContain('/v1/tickets');
  for (const secret of [quote['token'] as string, preimage, ticket, 'a-secret-key-of-the-buyers']) expect(all).not.toContain(secret);
});

test('limits per address: requests and quotes', async () => {
  const small = await openWorld({
    http: { requestBurstPerAddress: 5, requestsPerSecondPerAddress: 0.01, trustProxy: true },
    limits: { quoteBurstPerAddress: 1, quotesPerSecondPerAddress: 0.001 },
  });
  try {
    const from = (address: string, path = '/v1/tables') => small.fetch(path, { headers: { 'X-Forwarded-For': `6.6.6.6, ${address}` } });
    for (let i = 0; i < 5; i += 1) expect((await from('1.1.1.1')).status).toBe(200);
    const refused = await from('1.1.1.1');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect((await from('2.2.2.2')).status).toBe(200);
    expect((await from('3.3.3.3', '/v1/ticks')).status).toBe(402);
    expect((await from('3.3.3.3', '/v1/ticks')).status).toBe(429);
    expect((await small.fetch('/metrics')).status).toBe(404);
  } finally {
    await small[Symbol.asyncDispose]();
  }
});

test('a node that is away: not ready, and quotes are refused for now', async () => {
  const backend = new OwnBackend();
  backend.away = true;
  const away = await openWorld({ backend });
  try {
    const ready = await away.fetch('/readyz');
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'unavailable', node: false, ledger: true, journal: true }]);
    const refused = await away.fetch('/v1/snapshot?table=trade&syms=AAPL');
    expect([refused.status, refused.headers.get('retry-after'), ((await refused.json()) as { code: string }).code]).toEqual([
      503,
      '1',
      'NODE_UNAVAILABLE',
    ]);
    expect((await away.fetch('/healthz')).status).toBe(200);
  } finally {
    await away[Symbol.asyncDispose]();
  }
});

test('metrics on a port of their own, and a port that is taken is named', async () => {
  const port = await freePort();
  const apart = await openWorld({ http: { metrics: { port } } });
  try {
    expect((await apart.fetch('/metrics')).status).toBe(404);
    const own = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${own}/metrics`)).text()).toContain('tickerplant_published_total 0');
    expect((await fetch(`${own}/v1/tables`)).status).toBe(404);
    const second = createTickerplant({
      ...{ backend: new OwnBackend(), ledger: 'memory', journal: 'memory', websocket: false },
      http: { port: Number(new URL(apart.url).port) },
    });
    await expect(second).rejects.toThrow(
      expect.objectContaining({ code: 'ADDRESS_IN_USE', message: expect.stringContaining('transports.http.port') }),
    );
  } finally {
    await apart[Symbol.asyncDispose]();
  }
});

test('play money is served over HTTP on this machine only', async () => {
  const options = { backend: { kind: 'simulated' }, ledger: 'memory', journal: 'memory', websocket: false } as const;
  await expect(createTickerplant({ ...options, http: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(
    /transports\.http\.host: backend\.kind is simulated/,
  );
});
