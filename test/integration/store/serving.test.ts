import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseStoreConfig } from '../../../src/app/config/parse.ts';
import { openSimulatedNetwork, type SimulatedNetwork } from '../../../src/app/simulated-network.ts';
import { certificateOf } from '../../../src/app/store/certificate-of.ts';
import { askPurchases } from '../../../src/app/store/purchases-control.ts';
import { type ServedStore, type ServeStoreOptions, serveStore } from '../../../src/app/store/serve-store.ts';
import { sat } from '../../../src/core/lightning/amount.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { folder } from '../../../src/store/folder.ts';
import { generatedCertificate } from '../../../src/transport/shared/tls/generate.ts';

const host = '127.0.0.1';
let dir: string;
let network: SimulatedNetwork;
let seller: LightningBackend;
let buyer: LightningBackend;
let files: { readonly cert: string; readonly key: string };
let opened = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-serving-'));
  await mkdir(join(dir, 'cats'));
  await writeFile(join(dir, 'cats/one.txt'), 'one cat\n');
  network = await openSimulatedNetwork();
  [seller, buyer] = [await network.backend('seller'), await network.backend('buyer')];
  files = await generatedCertificate({ dir: join(dir, 'tls'), names: [], now: Date.now(), logger: silentLogger });
});
afterAll(async () => {
  for (const backend of [seller, buyer]) await backend?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

type Served = ServedStore & AsyncDisposable & { readonly path: string; readonly warnings: readonly string[] };

async function serve(options: Partial<ServeStoreOptions> = {}): Promise<Served> {
  opened += 1;
  const path = join(dir, `store-${opened}.db`);
  const items = [folder(join(dir, 'cats'), { price: sat(10) })];
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: unknown, message: string) => void warnings.push(message), child: () => logger };
  const served = await serveStore({ backend: seller, items, path, host, port: 0, logger, ...options });
  return { ...served, path, warnings, [Symbol.asyncDispose]: () => served.stop() };
}

async function ask(url: string, { method = 'GET', ca }: { readonly method?: string; readonly ca?: string } = {}) {
  const asked = request(url, { method, agent: false, ...(ca !== undefined && { ca }) });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

interface Purchase {
  readonly id: string;
  readonly link: string;
  readonly invoice: string;
}

async function pay(invoice: string): Promise<void> {
  expect(await buyer.payments.pay({ paymentRequest: invoice, maxFeeMsat: sat(100) })).toMatchObject({ status: 'settled' });
}

test('a purchase over TLS: the link is https, the item comes, and whoever does not know the certificate does not ask', async () => {
  const ca = await readFile(files.cert, 'utf8');
  await using served = await serve({ tls: certificateOf({ host, tlsCert: files.cert, tlsKey: files.key }) });
  expect(new URL(served.url).protocol).toBe('https:');
  const order = await ask(`${served.url}/items/one.txt`, { method: 'POST', ca });
  expect([order.status, order.headers['strict-transport-security']]).toEqual([201, 'max-age=31536000']);
  const { purchase } = JSON.parse(order.body) as { readonly purchase: Purchase };
  expect(purchase.link.startsWith(`${served.url}/p/`)).toBe(true);
  expect((await ask(purchase.link, { ca })).status).toBe(402);
  await pay(purchase.invoice);
  expect(JSON.parse((await ask(`${purchase.link}/status?wait=60`, { ca })).body)).toMatchObject({ state: 'settled' });
  expect(await ask(purchase.link, { ca })).toMatchObject({ status: 200, body: 'one cat\n' });
  await expect(ask(served.url)).rejects.toThrow(/self-signed/);
  await expect(fetch(served.url.replace('https', 'http'))).rejects.toThrow();
  expect(served.warnings).toEqual([]);
}, 60_000);

test('a certificate for development is for this machine; half of one is refused', () => {
  expect(certificateOf({ host })).toBeUndefined();
  expect(certificateOf({ host, tls: 'generate' })).toMatchObject({ generate: true, dir: 'data/tls', names: [] });
  expect(() => certificateOf({ host: '0.0.0.0', tls: 'generate' })).toThrow(/on loopback .*--tls-cert and --tls-key .*--force-public/);
  expect(certificateOf({ host: '192.0.2.7', tls: 'generate', forcePublic: true })).toMatchObject({ names: ['192.0.2.7'] });
  expect(() => certificateOf({ host, tlsCert: 'a' })).toThrow(/--tls-cert: needs --tls-cert and --tls-key/);
  expect(() => certificateOf({ host, tlsKey: 'a' })).toThrow(/--tls-key: needs/);
  expect(() => certificateOf({ host, tlsCert: 'a', tlsKey: 'b', tls: 'generate' })).toThrow(/either/);
});

test('a certificate that can not be used leaves nothing open', async () => {
  const tls = certificateOf({ host, tlsCert: join(dir, 'none.pem'), tlsKey: files.key });
  await expect(serve({ tls })).rejects.toThrow(/none\.pem: there is no such file/);
});

test('who is not on the list is not listened to; behind a proxy it is the proxy’s word that counts', async () => {
  await using closed = await serve({ allow: ['192.0.2.0/24'] });
  await expect(fetch(closed.url)).rejects.toThrow();
  await expect(serve({ allow: ['everybody'] })).rejects.toThrow(/--allow: an address, a network/);
  await using proxied = await serve({ allow: ['203.0.113.0/24'], trustProxy: true, limits: { openQuotesPerAddress: 1 } });
  const from = async (address: string, method = 'GET', path = '') =>
    (await fetch(`${proxied.url}${path}`, { method, headers: { 'X-Forwarded-For': address } })).status;
  expect([await from('203.0.113.9'), await from('198.51.100.1')]).toEqual([200, 403]);
  const order = (address: string) => from(address, 'POST', '/items/one.txt');
  expect([await order('203.0.113.9'), await order('203.0.113.9'), await order('203.0.113.8')]).toEqual([201, 429, 201]);
}, 60_000);

test('that it listens to strangers in plain text is said', async () => {
  await using plain = await serve({ host: '0.0.0.0' });
  expect(plain.warnings).toEqual([expect.stringContaining('links can be read on the way')]);
  await using proxied = await serve({ host: '0.0.0.0', trustProxy: true });
  expect(proxied.warnings).toEqual([expect.stringContaining('though a proxy is in front')]);
  const tls = certificateOf({ host, tlsCert: files.cert, tlsKey: files.key });
  await using secret = await serve({ host: '0.0.0.0', tls });
  expect(secret.warnings).toEqual([]);
}, 60_000);

test('of a config the limits are taken beside the backend, and what else stands there is nobody’s business', async () => {
  const parse = (raw: object) => parseStoreConfig({ name: 'test', raw, locate: () => undefined }, { base: dir, environment: {} });
  const backend = { kind: 'simulated' };
  const found = await parse({ backend, limits: { openQuotes: 5, connectionsPerAddress: 7 }, journal: { nonsense: true } });
  expect(found).toMatchObject({
    backend: { kind: 'simulated' },
    limits: { openQuotes: 5, connectionsPerAddress: 7, openQuotesPerAddress: 256 },
  });
  expect((await parse({ backend, limits: null })).limits.openQuotes).toBe(10_000);
  await expect(parse({ backend, limits: { openQuotes: 0, openQuote: 1 } })).rejects.toThrow(
    /limits\.openQuotes[\s\S]*limits\.openQuote: unknown key/,
  );
});

test('its owner sees what it sells while it sells, and nobody else', async () => {
  await using served = await serve({ limits: {} });
  const { purchase } = (await (await fetch(`${served.url}/items/one.txt`, { method: 'POST' })).json()) as { readonly purchase: Purchase };
  const before = await askPurchases(served.path, { op: 'purchases', limit: 10 });
  expect(before).toMatchObject({
    path: served.path,
    counts: { open: 1, settled: 0 },
    purchases: [{ id: purchase.id, amountMsat: '10000' }],
  });
  expect(JSON.stringify(before)).not.toMatch(/rootKey|linkDigest|lnbc/);
  for (const _ of [1, 2]) await pay(purchase.invoice).catch(() => undefined);
  await (await fetch(`${purchase.link}/status?wait=60`)).text();
  await writeFile(join(dir, 'cats/one.txt'), 'another cat\n');
  expect((await fetch(purchase.link)).status).toBe(410);
  const { refunds } = await askPurchases(served.path, { op: 'refunds' });
  expect(refunds).toMatchObject([{ purchase: purchase.id, msat: '10000', reason: 'undeliverable' }]);
  const id = refunds[0]?.id ?? '';
  expect((await askPurchases(served.path, { op: 'refund-done', id: 'none' })).done).toBe(false);
  expect((await askPurchases(served.path, { op: 'refund-done', id })).done).toBe(true);
  expect(await served.store.refunds()).toEqual([]);
  expect((await stat(`${served.path}-control`)).mode & 0o777).toBe(0o600);
  await served.stop();
  expect((await askPurchases(served.path, { op: 'purchases', limit: 10 })).counts).toMatchObject({ settled: 1 });
}, 60_000);
