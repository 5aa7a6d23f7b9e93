import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SeededRandom } from '../../../src/adapters/simulated/seeded-random.ts';
import { systemClock } from '../../../src/app/system.ts';
import type { Clock } from '../../../src/core/ports/clock.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { WebhookConfig } from '../../../src/listener/config.ts';
import { invoiceEvent } from '../../../src/listener/event.ts';
import type { Outbox } from '../../../src/listener/outbox/outbox.ts';
import { Webhook } from '../../../src/listener/webhooks/webhook.ts';
import { TestFolder } from '../storage/support/folders.ts';
import { hashOf, outboxAt, settled } from './support/parts.ts';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Verify = (secret: string, headers: IncomingMessage['headers'], body: string, now: number) => boolean;
/** As the documentation's example has it; found at run time, since examples are no part of the types. */
const { verify } = (await import(new URL('../../../examples/listener/receive.mjs', import.meta.url).href)) as { readonly verify: Verify };
const SECRET = 'a secret of some length';
/** A busy machine takes longer than a second for a post. */
const WAIT = { timeout: 15_000, interval: 10 } as const;
let folder: TestFolder;
let outbox: Outbox;
let server: Server;
let received: Received[];
let answers: ((response: ServerResponse) => void)[];
let stop: AbortController;
let running: Promise<void> | undefined;

/** Real time, but pauses are short. */
const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal) };

beforeEach(async () => {
  folder = new TestFolder();
  outbox = outboxAt(folder.join('outbox.db'), clock);
  received = [];
  answers = [];
  stop = new AbortController();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += String(data);
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      (answers.shift() ?? ((each) => each.writeHead(204).end()))(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  stop.abort();
  await running;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  outbox[Symbol.dispose]();
  folder[Symbol.dispose]();
});

function start(changes: Partial<WebhookConfig> = {}): Webhook {
  const config: WebhookConfig = {
    name: 'books',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret: SECRET,
    events: ['settled'],
    timeoutSeconds: 5,
    giveUpHours: 1,
    allowPlain: false,
    ...changes,
  };
  outbox.consumers.name([{ name: 'books', kind: 'webhook' }]);
  const webhook = new Webhook(config, { outbox, clock, random: new SeededRandom('webhook'), logger: silentLogger });
  running = webhook.run(stop.signal);
  return webhook;
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end();
const position = () => outbox.consumers.get('books', 'webhook')?.position.offset;
const hashes = () => received.map(({ body }) => (JSON.parse(body) as { invoice: { paymentHash: string } }).invoice.paymentHash);

test('an event is posted with a signature that its receiver can check, and an idempotency key', async () => {
  start();
  const [event] = outbox.append([settled('a')], {});
  await vi.waitFor(() => expect(position()).toBe(1), WAIT);
  const [{ headers, body } = { headers: {}, body: '' }] = received;
  const id = String(headers['webhook-id']);
  const mac = createHmac('sha256', SECRET)
    .update(`${id}.${String(headers['webhook-timestamp'])}.${body}`)
    .digest('base64');
  expect(headers).toMatchObject({ 'webhook-id': event?.id, 'idempotency-key': event?.id, 'webhook-signature': `v1,${mac}` });
  expect(JSON.parse(body)).toMatchObject({
    id: event?.id,
    kind: 'settled',
    network: 'regtest',
    invoice: { paymentHash: hashOf('a'), receivedMsat: '1001' },
  });
  expect(body).not.toContain('mark');
});

test("the documentation's receiver takes what we post, and nothing that was changed, is old, or of somebody else", async () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  start({ secret });
  outbox.append([settled('a')], {});
  await vi.waitFor(() => expect(position()).toBe(1), WAIT);
  const [{ headers, body } = { headers: {}, body: '' }] = received;
  const now = Number(headers['webhook-timestamp']);
  expect(verify(secret, headers, body, now)).toBe(true);
  expect(verify(secret, headers, body.replace('1001', '9001'), now)).toBe(false);
  expect(verify(secret, { ...headers, 'webhook-id': 'another' }, body, now)).toBe(false);
  expect(verify(secret, headers, body, now + 301)).toBe(false);
  expect(verify('whsec_c29tZXRoaW5nIGVsc2UgYWx0b2dldGhlcg==', headers, body, now)).toBe(false);
  expect(verify(secret, {}, body, now)).toBe(false);
});

test('what is not taken is posted again until it is, in order, with the same key, and what is not wanted is passed over', async () => {
  answers = [
    status(500),
    (response) => void response.destroy(),
    status(404),
    status(302, { location: 'http://127.0.0.1:1/' }),
    status(429),
  ];
  start();
  const invoice = { paymentHash: hashOf('made'), createdAt: 1, expiresAt: 2, paymentRequest: 'lnbcrt…' } as Parameters<
    typeof invoiceEvent
  >[1];
  outbox.append([settled('a'), invoiceEvent('created', invoice), settled('b'), settled('c')], {});
  await vi.waitFor(() => expect(position()).toBe(4), WAIT);
  expect(hashes()).toEqual([...Array(6).fill(hashOf('a')), hashOf('b'), hashOf('c')]);
  expect(new Set(received.slice(0, 6).map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

test('an event that is never taken is set aside and reported, and the next one has its turn', async () => {
  answers = [status(410)];
  start();
  const [event] = outbox.append([settled('a'), settled('b')], {});
  await vi.waitFor(() => expect(position()).toBe(2), WAIT);
  const [letter] = outbox.consumers.deadLetters(10);
  expect(letter).toMatchObject({ webhook: 'books', offset: 1, reason: 'HTTP 410' });
  expect(JSON.parse(letter?.event ?? '')).toMatchObject({ id: event?.id });
  expect(hashes()).toEqual([hashOf('a'), hashOf('b')]);
});

test('after so many hours it is given up, with the reason', async () => {
  answers = Array.from({ length: 1000 }, () => status(503));
  const webhook = start({ giveUpHours: 0.05 / 3600 });
  outbox.append([settled('a')], {});
  await vi.waitFor(() => expect(outbox.consumers.deadLetters(1)).toMatchObject([{ reason: 'HTTP 503' }]), WAIT);
  expect(webhook.state.lastError).toBe('HTTP 503');
});

test('what was posted and not noted when the process died is posted again; what was noted is not', async () => {
  start();
  outbox.append([settled('a'), settled('b')], {});
  await vi.waitFor(() => expect(position()).toBe(2), WAIT);
  stop.abort();
  await running;
  outbox.database.exec('UPDATE consumers SET offset = 1, mark = (SELECT mark FROM events WHERE offset = 1)');
  outbox.database.exec('PRAGMA wal_checkpoint');
  outbox[Symbol.dispose]();
  outbox = outboxAt(folder.join('outbox.db'), clock);
  stop = new AbortController();
  start();
  await vi.waitFor(() => expect(position()).toBe(2), WAIT);
  expect(hashes()).toEqual([hashOf('a'), hashOf('b'), hashOf('b')]);
});

test('what ran over the bound before it was taken is reported as a dead end', async () => {
  outbox.consumers.name([{ name: 'books', kind: 'webhook' }]);
  outbox.append(
    Array.from({ length: 20 }, (_, index) => settled(`e${index}`)),
    {},
  );
  outbox.prune(5);
  start();
  await vi.waitFor(() => expect(position()).toBe(20), WAIT);
  expect(outbox.consumers.deadLetters(5)).toMatchObject([{ offset: 15, reason: expect.stringContaining('15 events') }]);
  expect(received).toHaveLength(5);
});
