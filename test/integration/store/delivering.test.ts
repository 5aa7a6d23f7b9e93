import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { truncate } from 'node:fs/promises';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openShop, type Shop } from './support/shop.ts';

const MIB = 1024 * 1024;
const opened: Shop[] = [];
afterEach(async () => {
  for (const shop of opened.splice(0)) await shop[Symbol.asyncDispose]();
});
async function open(...args: Parameters<typeof openShop>): Promise<Shop> {
  const shop = await openShop(...args);
  opened.push(shop);
  return shop;
}

/** Begins a download and stops reading after its head. */
async function begin(link: string): Promise<{ readonly request: ClientRequest; readonly response: IncomingMessage }> {
  const request = get(link);
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  response.pause();
  return { request, response };
}

const closed = (response: IncomingMessage) => new Promise((resolve) => response.once('close', resolve));

async function delivered(shop: Shop, link: string): Promise<number> {
  return ((await (await shop.get(`${link}/status`)).json()) as { readonly delivered: number }).delivered;
}

test('a large file arrives whole; broken off it does not count, and can be gone on with', async () => {
  const shop = await open({ deliveries: 1 });
  const bytes = randomBytes(24 * MIB);
  await shop.put('film.bin', bytes);
  const { link } = await shop.buy('film.bin');
  const broken = await begin(link);
  broken.request.destroy();
  await expect.poll(async () => (await shop.store.purchases())[0]?.brokenOffBytes ?? 0).toBeGreaterThan(0);
  expect(await delivered(shop, link)).toBe(0);
  const head = await fetch(link, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), head.headers.get('content-disposition')]).toEqual([
    200,
    String(bytes.length),
    expect.stringMatching(/^attachment; filename="film.bin"/),
  ]);
  expect(await delivered(shop, link), 'HEAD counts nothing').toBe(0);
  const etag = head.headers.get('etag') as string;
  const beyond = await shop.get(link, { Range: `bytes=${bytes.length}-` });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`]);
  const rest = await shop.get(link, { Range: `bytes=${20 * MIB}-`, 'If-Range': etag });
  expect([rest.status, rest.headers.get('content-range')]).toEqual([206, `bytes ${20 * MIB}-${bytes.length - 1}/${bytes.length}`]);
  expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(20 * MIB))).toBe(true);
  expect((await shop.get(link)).status).toBe(410);
});

test('a range within, or of something else, is answered with the whole', async () => {
  const shop = await open({ deliveries: 3 });
  await shop.put('one.txt', 'one cat\n');
  const { link } = await shop.buy('one.txt');
  for (const headers of [{ Range: 'bytes=0-2' }, { Range: 'bytes=4-', 'If-Range': '"another"' }, { Range: 'lines=2-' }]) {
    const whole = await shop.get(link, headers as unknown as Record<string, string>);
    expect([whole.status, await whole.text()]).toEqual([200, 'one cat\n']);
  }
});

test('two at once are one: the newer download takes the place of the older where only one is left', async () => {
  const shop = await open({ deliveries: 1 });
  const bytes = randomBytes(24 * MIB);
  await shop.put('film.bin', bytes);
  const { link } = await shop.buy('film.bin');
  const older = await begin(link);
  const ended = closed(older.response);
  const newer = await shop.get(link);
  expect(Buffer.from(await newer.arrayBuffer()).equals(bytes)).toBe(true);
  older.response.resume();
  await ended;
  expect(older.response.complete).toBe(false);
  expect(await delivered(shop, link)).toBe(1);
  expect((await shop.get(link)).status).toBe(410);
});

test('many who come at the same moment have no more than was bought', async () => {
  const shop = await open({ deliveries: 3 });
  await shop.put('one.txt', 'one cat\n');
  const { link } = await shop.buy('one.txt');
  const answers = await Promise.allSettled(Array.from({ length: 12 }, async () => (await shop.get(link)).text()));
  const whole = answers.filter((answer) => answer.status === 'fulfilled' && answer.value === 'one cat\n');
  expect(whole.length).toBeLessThanOrEqual(3);
  expect(await delivered(shop, link)).toBe(whole.length);
});

test('a file that becomes shorter while it is sent breaks the delivery off, and does not count', async () => {
  const shop = await open({ deliveries: 1 });
  await shop.put('film.bin', randomBytes(24 * MIB));
  const { link } = await shop.buy('film.bin');
  const { response } = await begin(link);
  await truncate(join(shop.dir, 'film.bin'), MIB);
  const ended = closed(response);
  response.resume();
  await ended;
  expect(response.complete).toBe(false);
  expect(await delivered(shop, link)).toBe(0);
});

test('an empty file is delivered too', async () => {
  const shop = await open({ deliveries: 1 });
  await shop.put('nothing.txt', '');
  const { link } = await shop.buy('nothing.txt');
  const empty = await shop.get(link);
  expect([empty.status, await empty.text()]).toEqual([200, '']);
  expect(await delivered(shop, link)).toBe(1);
});
