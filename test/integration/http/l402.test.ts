import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attenuate } from '../../../src/credentials/l402.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  world.publish('AAPL', 1, 2);
});
afterAll(() => world[Symbol.asyncDispose]());

const SNAPSHOT = '/v1/snapshot?table=trade&syms=AAPL';
const statusWith = async (headers: Record<string, string>, path = SNAPSHOT) => (await world.fetch(path, { headers })).status;
const flip = (hex: string) => (hex[0] === '0' ? '1' : '0') + hex.slice(1);

async function challenged(
  path = SNAPSHOT,
  headers: Record<string, string> = {},
): Promise<{ token: string; invoice: string; body: Record<string, never> }> {
  const response = await world.fetch(path, { headers });
  expect(response.status).toBe(402);
  const [, token = '', invoice = ''] =
    /L402 macaroon="([^"]+)", invoice="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? [];
  return { token, invoice, body: (await response.json()) as Record<string, never> };
}

test('without a credential everything paid is answered 402, with a challenge in every form that clients match', async () => {
  for (const path of [SNAPSHOT, '/v1/history?table=trade', '/v1/events', '/v1/ticks?table=trade&syms=GOOG']) {
    const response = await world.fetch(path);
    expect(response.status).toBe(402);
    const header = response.headers.get('www-authenticate') ?? '';
    const body = (await response.json()) as { code: string; quote: Record<string, string> };
    const { token, invoice } = body.quote;
    expect(header).toBe(
      `LSAT macaroon="${token}", invoice="${invoice}", L402 macaroon="${token}", invoice="${invoice}", L402 version="0", token="${token}", invoice="${invoice}"`,
    );
    expect(body).toMatchObject({ code: 'PAYMENT_REQUIRED', retry: 'later', quote: { op: 'quote' } });
    expect(response.headers.get('cache-control')).toBe('no-store');
  }
});

test('402, pay, 200: at once, since the preimage proves the payment before the node tells of it', async () => {
  const { token, invoice } = await challenged();
  const preimage = await world.pay(invoice);
  const response = await world.fetch(SNAPSHOT, { headers: { Authorization: `L402 ${token}:${preimage}` } });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ table: 'trade', rows: [{ sym: 'AAPL', seq: 2 }] });
});

test('every form of the credential is taken', async () => {
  const { quote, preimage } = await world.buy(['AAPL']);
  const token = quote['token'] as string;
  const url = token.replaceAll('+', '-').replaceAll('/', '_');
  const hex = Buffer.from(attenuate(token, `preimage=${preimage}`), 'base64').toString('hex');
  const forms: Record<string, string>[] = [
    ...[`L402 ${token}:${preimage}`, `LSAT ${token}:${preimage}`, `lsat ${token}:${preimage}`, `L402 ${token}:${preimage.toUpperCase()}`],
    ...[`L402 ${url}:${preimage}`, `L402 ${url.replace(/=+$/, '')}:${preimage}`, `L402 ${token},${token}:${preimage}`],
    ...[`Bearer ${token}`, `L402 ${token}`, `bearer ${url}`],
  ].map((Authorization) => ({ Authorization }));
  for (const headers of [...forms, { Macaroon: hex }, { 'Grpc-Metadata-Macaroon': hex }]) {
    expect([headers, await statusWith(headers)]).toEqual([headers, 200]);
  }
});

test('of several Authorization headers the one that is ours counts', async () => {
  const { headers } = await world.buy(['AAPL']);
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(`${world.url}${SNAPSHOT}`, {
      headers: ['Host', 'localhost', 'Authorization', 'Basic eDp5', 'Authorization', headers.Authorization] as never,
    });
    request.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
    request.end();
  });
  expect(status).toBe(200);
});

test('a credential that is wrong is 401 and says why without repeating it', async () => {
  const { quote, preimage } = await world.buy(['AAPL']);
  const token = quote['token'] as string;
  const forged = token.slice(0, -8) + (token.at(-8) === 'A' ? 'B' : 'A') + token.slice(-7);
  for (const Authorization of [
    ...[`L402 ${token}:${flip(preimage)}`, `L402 ${token}:abc`, `L402 ${forged}:${preimage}`, `L402 ${forged}`, 'L402 !!:00', 'Bearer x'],
    ...[`L402 ${attenuate(token, 'table=halt')}:${preimage}`, `L402 ${attenuate(token, `preimage=${flip(preimage)}`)}`],
  ]) {
    const response = await world.fetch(SNAPSHOT, { headers: { Authorization } });
    const text = await response.text();
    expect([Authorization.slice(0, 20), response.status]).toEqual([Authorization.slice(0, 20), 401]);
    expect(JSON.parse(text)).toMatchObject({ code: 'BAD_TOKEN', retry: 'never' });
    expect(text).not.toContain(token.slice(40, 60));
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
  }
});

test('an attenuated token is good until its time, and not longer', async () => {
  const { quote, preimage } = await world.buy(['AAPL']);
  const until = (seconds: number) => attenuate(quote['token'] as string, `valid_until=${Math.floor(Date.now() / 1000) + seconds}`);
  expect(await statusWith({ Authorization: `L402 ${until(60)}:${preimage}` })).toBe(200);
  const narrowed = { Authorization: `L402 ${until(60)}:${preimage}` };
  const status = await world.fetch(`/v1/quotes/${quote['quote']}`, { headers: narrowed });
  const shown = (await status.json()) as Record<string, string>;
  expect([shown['state'], shown['token']]).toEqual(['settled', undefined]);
  // A quote would bring its bearer the whole token.
  expect((await world.post('/v1/quotes', { table: 'trade', syms: ['IBM'] }, narrowed)).status).toBe(403);
  expect(await statusWith(narrowed, '/v1/snapshot?table=trade&syms=IBM')).toBe(403);
  const response = await world.fetch(SNAPSHOT, { headers: { Authorization: `L402 ${until(-60)}:${preimage}` } });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([401, 'TOKEN_EXPIRED']);
});

test('a token that is not paid gets its own invoice again, not another one', async () => {
  const first = await challenged();
  const again = await challenged(SNAPSHOT, { Authorization: `Bearer ${first.token}` });
  expect(again.invoice).toBe(first.invoice);
  expect(again.token).toBe(first.token);
});

test('what is missing is quoted on the same subscription, and both are there with either token', async () => {
  const { quote, headers } = await world.buy(['AAPL']);
  const more = await challenged('/v1/snapshot?table=trade&syms=AAPL,GOOG', headers);
  expect(more.body['quote']).toMatchObject({ subscription: quote['subscription'], syms: ['GOOG'], amountMsat: '100000' });
  const preimage = await world.pay(more.invoice);
  expect(await statusWith({ Authorization: `L402 ${more.token}:${preimage}` }, '/v1/snapshot?table=trade&syms=AAPL,GOOG')).toBe(200);
  expect(await statusWith(headers, '/v1/snapshot?table=trade&syms=AAPL,GOOG')).toBe(200);
});

test('an idempotency key gives the same challenge again, and belongs to one request', async () => {
  const headers = { 'Idempotency-Key': 'one-key-of-a-buyers-own' };
  const first = await challenged(SNAPSHOT, headers);
  expect((await challenged(SNAPSHOT, headers)).invoice).toBe(first.invoice);
  expect(await statusWith(headers, '/v1/snapshot?table=trade&syms=GOOG')).toBe(409);
});

test('a quote, its state for whoever has the token, and waiting for its payment', async () => {
  const created = await world.post('/v1/quotes', { table: 'trade', syms: ['AAPL', 'GOOG'] });
  expect(created.status).toBe(201);
  const quote = (await created.json()) as Record<string, string>;
  expect(quote).toMatchObject({ op: 'quote', table: 'trade', syms: ['AAPL', 'GOOG'], amountMsat: '200000', pricing: { kind: 'flat' } });
  expect(created.headers.get('location')).toBe(`/v1/quotes/${quote['quote']}`);
  const path = created.headers.get('location') as string;
  const headers = { Authorization: `Bearer ${quote['token']}` };
  expect(await (await world.fetch(path, { headers })).json()).toMatchObject({ state: 'open', invoice: quote['invoice'] });
  expect((await world.fetch(path)).status).toBe(401);
  const other = await world.buy(['IBM']);
  expect((await world.fetch(path, { headers: other.headers })).status).toBe(404);
  const waiting = world.fetch(`${path}?wait=10`, { headers });
  await world.pay(quote['invoice'] as string);
  expect(await (await waiting).json()).toMatchObject({ state: 'settled' });
  const again = await world.post('/v1/quotes', { table: 'trade', syms: ['GOOG'] }, headers);
  expect(again.status).toBe(200);
  expect(await again.json()).toMatchObject({ op: 'granted', active: [{ op: 'active', table: 'trade', syms: ['GOOG'] }] });
});
