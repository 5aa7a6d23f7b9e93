import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  ConfigError,
  type CreateTickerplantOptions,
  createTickerplant,
  type EmbeddedTickerplant,
  type Feed,
  ListenError,
} from '../../../src/index.ts';
import { Buyer } from './buyer.ts';
import { OwnBackend } from './own-backend.ts';

let folder: string;
let backend: OwnBackend;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-embed-'));
  backend = new OwnBackend();
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function create(options: Partial<CreateTickerplantOptions> = {}): Promise<EmbeddedTickerplant> {
  const tickerplant = await createTickerplant({
    backend,
    ledger: { path: join(folder, 'ledger.db') },
    journal: { dir: join(folder, 'journal') },
    websocket: { port: 0 },
    ...options,
  });
  open.push(tickerplant);
  return tickerplant;
}

async function connect(url: string | undefined): Promise<Buyer> {
  const buyer = await Buyer.connect(url as string);
  open.push(buyer);
  return buyer;
}

async function listening(handler: Parameters<typeof createServer>[1] = (_, response) => response.end('mine')): Promise<Server> {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  });
  return server;
}

const row = (sym: string, price: number) => ['2026-11-20T14:30:00.000Z', sym, price, 100];

test("with a backend of the caller's own: quote, payment, rows, and nothing for who has not paid", async () => {
  const tickerplant = await create();
  tickerplant.declareSymbols('trade', ['AAPL', 'GOOG']);
  const payer = await connect(tickerplant.url);
  const other = await connect(tickerplant.url);
  payer.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  other.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  const quote = await payer.next({ op: 'quote' });
  await other.next({ op: 'quote' });
  expect(quote).toMatchObject({ id: '1', amountMsat: '100000', syms: ['AAPL'] });
  tickerplant.publish('trade', [row('AAPL', 1)]);
  backend.pay(quote['invoice'] as string);
  await payer.next({ op: 'active' });
  tickerplant.publish('trade', [row('AAPL', 2), row('GOOG', 3)]);
  tickerplant.publish('trade', [row('AAPL', 4)]);
  expect(await payer.next({ op: 'upd', seq: 3 })).toMatchObject({ table: 'trade', sym: 'AAPL', rows: [row('AAPL', 4)] });
  expect(payer.rows()).toEqual([row('AAPL', 2), row('AAPL', 4)]);
  expect(other.rows()).toEqual([]);
  expect(tickerplant.counters).toMatchObject({ published: 4, quotes: 2, settled: 1, delivered: 2 });
});

test("beside the caller's own routes on the same port", async () => {
  const server = await listening();
  const { port } = server.address() as AddressInfo;
  const tickerplant = await create({ server, path: '/ticks' });
  expect(tickerplant.url).toBe(`ws://127.0.0.1:${port}/ticks`);
  const buyer = await connect(tickerplant.url);
  buyer.send({ op: 'ping', id: '9' });
  await buyer.next({ op: 'pong', id: '9' });
  expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe('mine');
  await tickerplant.stop();
  expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe('mine');
});

test("a feed of the caller's own is published and left open", async () => {
  let disposed = false;
  const feed: Feed = {
    symbols: async () => ['AAPL'],
    async *batches() {
      yield { table: 'trade', rows: [row('AAPL', 1), row('AAPL', 2)] };
    },
    counts: { rows: 2, badRows: 0 },
    async [Symbol.asyncDispose]() {
      disposed = true;
    },
  };
  const tickerplant = await create({ feed, feedStart: 'manual' });
  expect(tickerplant.service.symbols('trade')).toEqual(['AAPL']);
  expect(tickerplant.counters.published).toBe(0);
  expect(await tickerplant.runFeed()).toEqual({ rows: 2, badRows: 0 });
  expect(tickerplant.counters.published).toBe(2);
  await tickerplant.stop();
  expect(disposed).toBe(false);
});

test('what was paid is there after a restart on the same files', async () => {
  const first = await create({
    tables: { trade: { columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' }, symbols: ['AAPL'] } },
  });
  const buyer = await connect(first.url);
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: '*' });
  const quote = await buyer.next({ op: 'quote' });
  backend.pay(quote['invoice'] as string);
  await buyer.next({ op: 'active' });
  await first.stop();
  const second = await create();
  const again = await connect(second.url);
  again.send({ op: 'resume', id: '2', token: quote['token'], after: {} });
  await again.next({ op: 'resumed', id: '2' });
  second.publish('trade', [row('AAPL', 7)]);
  expect((await again.next({ op: 'upd' }))['rows']).toEqual([row('AAPL', 7)]);
});

test('in memory nothing is left behind', async () => {
  // A place of its own: other tests put folders where everybody does.
  vi.stubEnv('TMPDIR', folder);
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith('tickerplant-'));
  const tickerplant = await create({ ledger: 'memory', journal: 'memory' });
  tickerplant.publish('trade', [row('AAPL', 1)]);
  await tickerplant.stop();
  expect((await readdir(tmpdir())).filter((name) => name.startsWith('tickerplant-') && !before.includes(name))).toEqual([]);
  expect(existsSync(join(folder, 'ledger.db'))).toBe(false);
});

test('a node that is away is no error: quotes are refused for now, and are there when it is', async () => {
  backend.away = true;
  const tickerplant = await create();
  tickerplant.declareSymbols('trade', ['AAPL']);
  const buyer = await connect(tickerplant.url);
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] });
  expect(await buyer.next({ op: 'error', id: '1' })).toMatchObject({ code: 'NODE_UNAVAILABLE', retry: 'later' });
  backend.away = false;
  buyer.send({ op: 'sub', id: '2', table: 'trade', syms: ['AAPL'] });
  await buyer.next({ op: 'quote', id: '2' });
});

test('options are checked like a config, and the error names the path', async () => {
  await expect(create({ tables: { trade: { columns: { sym: 'symbol' } } } as never })).rejects.toThrow(
    /createTickerplant: tables\.trade\.columns\.sym: .*'timesym/,
  );
  await expect(create({ backend: { kind: 'lmd' } })).rejects.toBeInstanceOf(ConfigError);
  await expect(create({ limits: { symbolsPerRequest: 0 } })).rejects.toThrow(/limits\.symbolsPerRequest/);
});

test('a port in use, a ledger and a journal in use are named, and nothing stays open', async () => {
  const server = await listening();
  const { port } = server.address() as AddressInfo;
  await expect(create({ websocket: { port } })).rejects.toThrow(
    expect.objectContaining({ name: ListenError.name, code: 'ADDRESS_IN_USE' }),
  );
  const first = await create();
  await expect(create({ journal: { dir: join(folder, 'other') } })).rejects.toThrow(
    expect.objectContaining({ name: 'LedgerError', code: 'LOCKED' }),
  );
  await expect(create({ ledger: { path: join(folder, 'other.db') } })).rejects.toThrow(
    expect.objectContaining({ name: 'JournalError', code: 'LOCKED' }),
  );
  await first.stop();
  await create();
});

test('stopping tells the buyers and ends, twice too', async () => {
  const tickerplant = await create();
  const buyer = await connect(tickerplant.url);
  buyer.send({ op: 'ping', id: '1' });
  await buyer.next({ op: 'pong' });
  await Promise.all([tickerplant.stop(), tickerplant.stop()]);
  expect(() => tickerplant.publish('trade', [row('AAPL', 1)])).toThrow(expect.objectContaining({ code: 'STOPPING' }));
});
