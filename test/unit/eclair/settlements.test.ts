import { afterEach, beforeEach, expect, test } from 'vitest';
import { EclairBackend } from '../../../src/adapters/eclair/backend.ts';
import { eclairConfigSchema } from '../../../src/adapters/eclair/config.ts';
import type { SettlementCursor, SettlementEvent, StreamStatus } from '../../../src/core/lightning/settlement.ts';
import { eclairRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, hurriedClock, memorySettlementLog, until } from '../shared/adapter-dependencies.ts';
import { ApiServer, recorded } from './api-server.ts';

const START = 1_795_000_000;

/** A node with invoices that are open, paid, expired or purged, and a WebSocket that may say nothing of it. */
class Invoices {
  now = START + 1000;
  readonly #invoices = new Map<string, { readonly madeAt: number; readonly expiry: number; paidAt: number | undefined }>();

  make(name: number, madeAt: number = this.now, expiry = 3600): void {
    this.#invoices.set(hashOf(name), { madeAt, expiry, paidAt: undefined });
  }

  pay(name: number): void {
    const invoice = this.#invoices.get(hashOf(name));
    if (invoice === undefined) throw new Error('no such invoice');
    invoice.paidAt = this.now++;
  }

  purge(name: number): void {
    this.#invoices.delete(hashOf(name));
  }

  serve(server: ApiServer): void {
    const headers = () => ({ Date: new Date(this.now * 1000).toUTCString() });
    const within = (form: Readonly<Record<string, string>>, madeAt: number) => madeAt > Number(form['from']) && madeAt < Number(form['to']);
    const sorted = () => [...this.#invoices].sort(([, one], [, other]) => one.madeAt - other.madeAt);
    server.on('/getinfo', () => ({ ...recorded('getinfo'), headers: headers() }));
    server.on('/listpendinginvoices', (form) => ({
      headers: headers(),
      body: sorted()
        .filter(([, one]) => one.paidAt === undefined && one.madeAt + one.expiry > this.now && within(form, one.madeAt))
        .map(([hash]) => this.#invoice(hash)),
    }));
    server.on('/listreceivedpayments', (form) => {
      const paid = sorted().filter(([, one]) => one.paidAt !== undefined && within(form, one.madeAt));
      return {
        headers: headers(),
        body: paid.slice(Number(form['skip']), Number(form['skip']) + Number(form['count'])).map(([hash]) => this.#received(hash)),
      };
    });
    server.on('/getreceivedinfo', ({ paymentHash }) => {
      if (!this.#invoices.has(paymentHash ?? '')) return recorded('getreceivedinfo unknown');
      return { headers: headers(), body: this.#received(paymentHash ?? '') };
    });
  }

  #invoice(hash: string): object {
    const { madeAt, expiry } = this.#invoices.get(hash) ?? { madeAt: 0, expiry: 0 };
    return { ...(named(eclairRecordings(), 'createinvoice').body as object), paymentHash: hash, timestamp: madeAt, expiry };
  }

  #received(hash: string): object {
    const { madeAt, expiry, paidAt } = this.#invoices.get(hash) ?? { madeAt: 0, expiry: 0, paidAt: undefined };
    const base = named(eclairRecordings(), 'getreceivedinfo received').body as object;
    const at = (seconds: number) => ({ iso: new Date(seconds * 1000).toISOString(), unix: seconds });
    const status =
      paidAt !== undefined
        ? { type: 'received', amount: 200_500, receivedAt: at(paidAt) }
        : { type: madeAt + expiry > this.now ? 'pending' : 'expired' };
    return { ...base, invoice: this.#invoice(hash), createdAt: at(madeAt), status };
  }
}

function hashOf(name: number): string {
  return String(name).padStart(64, '0');
}

let server: ApiServer;
let node: Invoices;
let log: ReturnType<typeof memorySettlementLog>;
let eclair: EclairBackend;
const streams: Collected[] = [];

beforeEach(async () => {
  server = await ApiServer.started();
  node = new Invoices();
  node.serve(server);
  log = memorySettlementLog();
  eclair = made(1);
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.stop.abort();
  await eclair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** A backend whose clock runs so many times faster. */
function made(factor: number): EclairBackend {
  const config = eclairConfigSchema.parse({ kind: 'eclair', url: server.url, password: server.password });
  return new EclairBackend(config, dependencies({ settlementLog: log, clock: hurriedClock(factor) }));
}

class Collected {
  readonly events: SettlementEvent[] = [];
  readonly statuses: StreamStatus[] = [];
  readonly stop = new AbortController();
  readonly done: Promise<void>;

  constructor(after?: SettlementCursor) {
    streams.push(this);
    const options = { signal: this.stop.signal, onStatus: (status: StreamStatus) => void this.statuses.push(status) };
    this.done = this.#run(eclair.invoices.settlements(after === undefined ? options : { ...options, after }));
  }

  get names(): (number | '|')[] {
    return this.events.map((event) => (event.kind === 'caught-up' ? '|' : Number(event.settlement.paymentHash)));
  }

  get caughtUp(): number {
    return this.names.filter((name) => name === '|').length;
  }

  async #run(events: AsyncIterable<SettlementEvent>): Promise<void> {
    for await (const event of events) this.events.push(event);
  }
}

function hint(name: number): void {
  server.emit({ ...(named(eclairRecordings(), 'websocket payment-received').websocket ?? {}), paymentHash: hashOf(name) });
}

test('the backlog, then live ones by the hint of the WebSocket, in the order of first observation', async () => {
  for (const name of [1, 2, 3, 4]) node.make(name);
  node.pay(2);
  node.pay(1);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  expect(stream.names).toEqual([2, 1, '|']);
  expect(stream.events.map((event) => event.cursor)).toEqual(['eclair:1', 'eclair:2', 'eclair:2']);
  node.pay(4);
  hint(4);
  await until('the live one', () => stream.names.includes(4));
  server.emit('not JSON');
  server.emit({ type: 'channel-ready' });
  hint(3);
  node.pay(3);
  hint(3);
  await until('the last one', () => stream.names.includes(3));
  expect(stream.names).toEqual([2, 1, '|', 4, 3]);
  stream.stop.abort();
  await stream.done;
  const resumed = new Collected('eclair:2' as SettlementCursor);
  await until('caught up', () => resumed.caughtUp === 1);
  expect(resumed.names).toEqual([4, 3, '|']);
});

test('what the WebSocket never said is found by looking', async () => {
  await eclair[Symbol.asyncDispose]();
  eclair = made(300);
  node.make(1);
  node.make(2);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  node.pay(2);
  await until('it is found', () => stream.names.includes(2));
  node.make(3);
  node.pay(3);
  await until('one made and paid between two looks', () => stream.names.includes(3));
  expect(stream.names).toEqual(['|', 2, 3]);
});

test('a node without a WebSocket is followed by its record alone', async () => {
  server.hasWebSocket = false;
  await eclair[Symbol.asyncDispose]();
  eclair = made(100);
  node.make(1);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  node.pay(1);
  await until('it is found', () => stream.names.includes(1));
  server.hasWebSocket = true;
  await until('the WebSocket is used once it is there', () => server.listeners === 1);
});

test('settled while the node or we are away: by a long-lived invoice of long ago too, none missed and none twice', async () => {
  node.make(1, START, 10_000_000);
  node.make(2);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  await server.stop();
  node.pay(2);
  await until('it is seen as lost', () => stream.statuses.at(-1)?.state === 'lost');
  await server.start();
  await until('caught up again', () => stream.caughtUp === 2);
  expect(stream.names).toEqual(['|', 2, '|']);
  const last = stream.events.at(-1)?.cursor;
  stream.stop.abort();
  await stream.done;
  await eclair[Symbol.asyncDispose]();
  node.now += 500_000;
  node.pay(1);
  node.make(3);
  node.pay(3);
  eclair = made(1);
  const resumed = new Collected(last);
  await until('caught up', () => resumed.caughtUp === 1);
  expect(resumed.names).toEqual([1, 3, '|']);
  const from = Number(server.called('/listreceivedpayments').at(-1)?.['from']);
  expect(from).toBeLessThan(START);
  expect(from).toBeGreaterThan(0);
});

test('the checkpoint moves up with the oldest open invoice, so that a look does not go back for ever', async () => {
  node.make(1, START - 1_000_000, 2_000_000);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  node.pay(1);
  hint(1);
  await until('it is told', () => stream.names.includes(1));
  server.dropListeners();
  await until('caught up again', () => stream.caughtUp === 2);
  server.dropListeners();
  await until('and again', () => stream.caughtUp === 3);
  const from = server.called('/listreceivedpayments').map((form) => Number(form['from']));
  expect(from[0]).toBe(0);
  expect(from.at(-1)).toBeGreaterThan(START - 3 * 3600);
});

test('one that is paid right at its expiry by parts that had come before is still seen', async () => {
  await eclair[Symbol.asyncDispose]();
  eclair = made(100);
  node.make(1, node.now, 10);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  node.now += 20;
  const looks = () => server.called('/listpendinginvoices').length;
  const before = looks();
  await until('it was seen to be open no more', () => looks() > before + 1);
  node.pay(1);
  await until('it is told', () => stream.names.includes(1));
});

test('an expired invoice that is purged is forgotten', async () => {
  await eclair[Symbol.asyncDispose]();
  eclair = made(100);
  node.make(1);
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1);
  node.purge(1);
  const looks = () => server.called('/listpendinginvoices').length;
  const before = looks();
  await until('two more looks', () => looks() > before + 1);
  expect(server.called('/getreceivedinfo').filter((form) => form['paymentHash'] === hashOf(1))).toHaveLength(1);
  expect(stream.names).toEqual(['|']);
});

test('thousands in the backlog come in pages, each once', async () => {
  for (let name = 1; name <= 1234; name++) {
    node.make(name, START + name);
    node.pay(name);
  }
  const stream = new Collected();
  await until('caught up', () => stream.caughtUp === 1, 15_000);
  expect(stream.names).toEqual([...Array.from({ length: 1234 }, (_, index) => index + 1), '|']);
});

test('two who follow both see all, in the same order', async () => {
  for (const name of [1, 2, 3]) node.make(name);
  const one = new Collected();
  const other = new Collected();
  await until('both are caught up', () => one.caughtUp === 1 && other.caughtUp === 1);
  for (const name of [3, 1, 2]) {
    node.pay(name);
    hint(name);
  }
  await until('both have all', () => one.names.length === 4 && other.names.length === 4);
  expect(one.names).toEqual(other.names);
});

test('the head is after everything that was settled before', async () => {
  node.make(1);
  node.pay(1);
  expect(await eclair.invoices.settlementsHead()).toBe('eclair:1');
  const stream = new Collected('eclair:1' as SettlementCursor);
  await until('caught up', () => stream.caughtUp === 1);
  expect(stream.names).toEqual(['|']);
});

test('a cursor ahead of the log, which was lost, tells all again rather than nothing', async () => {
  node.make(1);
  node.pay(1);
  const stream = new Collected('eclair:99' as SettlementCursor);
  await until('caught up', () => stream.caughtUp === 1);
  expect(stream.names).toEqual([1, '|']);
});

test('a cursor of another adapter is refused', async () => {
  const events = eclair.invoices.settlements({ after: 'cln:3' as SettlementCursor })[Symbol.asyncIterator]();
  await expect(events.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('breaking off while it waits ends the stream at once and lets go of the WebSocket', async () => {
  const events = eclair.invoices.settlements()[Symbol.asyncIterator]();
  expect(await events.next()).toMatchObject({ value: { kind: 'caught-up' } });
  const waiting = events.next();
  await events.return?.();
  expect(await waiting).toMatchObject({ done: true });
  await until('it is closed', () => server.listeners === 0);
});
