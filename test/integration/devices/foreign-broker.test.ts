import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { generatedCertificate } from '../../../src/transport/shared/tls/generate.ts';
import { ask, connectMqtt, type Device, overMqtt, settled, until } from './support/doors.ts';
import { openWorld, type World } from './support/world.ts';

/** Beginning again waits for the broker, seconds. */
const TIMEOUT_MS = 90_000;

let folder: string;
let identity: { readonly cert: Buffer; readonly key: Buffer };
let broker: Broker;
let world: World;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-foreign-broker-'));
  const files = await generatedCertificate({ dir: folder, names: [], now: Date.now(), logger: silentLogger });
  identity = { cert: await readFile(files.cert), key: await readFile(files.key) };
  broker = new Broker();
  await broker.start();
  const mqtt = { broker: broker.url, username: 'tickerplant', password: broker.password, tls: { ca: files.cert } };
  world = await openWorld({ mqtt, websocket: false });
}, TIMEOUT_MS);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await broker?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A broker that knows nothing of devices, over TLS; the server has a password there. */
class Broker {
  port = 0;
  password = 'of the server';
  #broker: Aedes | undefined;
  #server: Server | undefined;
  readonly #sockets = new Set<TLSSocket>();

  get url(): string {
    return `mqtts://127.0.0.1:${this.port}`;
  }

  /** On the same port as before. */
  async start(): Promise<void> {
    const broker = await Aedes.createBroker({
      authenticate: (_client, user, password, done) => done(null, user !== 'tickerplant' || String(password) === this.password),
    });
    this.#broker = broker;
    const server = createServer(identity, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      broker.handle(socket);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  /** As one that is killed. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await new Promise<void>((resolve) => this.#broker?.close(resolve));
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  async device(id: string, token: string): Promise<Device> {
    return await overMqtt(await connectMqtt(this.url, id, 'whatever', { ca: identity.cert }), id, token);
  }
}

test(
  'over somebody else’s broker each message has its token, and who has another one’s is not answered',
  async () => {
    const [one, other] = [await world.device('one'), await world.device('other')];
    await using device = await broker.device(one.device, one.token);
    await using thief = await broker.device(one.device, other.token);
    expect(await ask(device, 'hello', {}), 'the server hears devices as soon as it is up').toMatchObject({ op: 'welcome', name: 'one' });
    for (const token of [other.token, undefined, 'AgE']) thief.send('invoice', { item: 'power', id: 'theft', token });
    const { invoice, quote } = await ask(device, 'invoice', { item: 'power' });
    await world.pay(String(invoice));
    const told = await until(device, ({ op }) => op === 'settled', 'its payment');
    expect(told).toMatchObject({ quote, kind: 'paid' });
    const settlements = [told['settlement']];
    thief.send('ack', { settlements, id: 'theft' });
    expect(await ask(device, 'ack', { settlements })).toMatchObject({ op: 'acked', settlements });
    expect(thief.told.filter(({ id }) => id === 'theft')).toEqual([]);
    expect(new Set(settled(device).map((each) => each['quote']))).toEqual(new Set([quote]));
    expect(await world.counters('one')).toMatchObject({ invoices: 1, settled: 1, acknowledged: 1 });
  },
  TIMEOUT_MS,
);

test(
  'what is paid while the broker is away is told when it is back, and devices are heard again',
  async () => {
    const { device: id, token } = await world.device('without a broker');
    const before = await broker.device(id, token);
    const { invoice, quote } = await ask(before, 'invoice', { item: 'power' });
    before.cut();
    await broker.stop();
    await world.pay(String(invoice));
    await expect.poll(() => world.counters('without a broker'), { timeout: 20_000 }).toMatchObject({ settled: 1 });
    await broker.start();
    await using device = await broker.device(id, token);
    // Where the server is back already it answers; where it is not, it tells when it comes.
    device.send('hello', {});
    const told = await until(device, ({ op }) => op === 'settled', 'what was paid meanwhile');
    expect(told).toMatchObject({ quote, kind: 'paid' });
    expect(await ask(device, 'ack', { settlements: [told['settlement']] })).toMatchObject({ op: 'acked' });
    expect(await world.counters('without a broker')).toMatchObject({ settled: 1, acknowledged: 1 });
  },
  TIMEOUT_MS,
);

test(
  'a broker that refuses the server holds up nothing else, is asked again until it lets it in, and what was paid meanwhile is told then',
  async () => {
    const { device: id, token } = await world.device('refused');
    await using device = await broker.device(id, token);
    const { invoice, quote } = await ask(device, 'invoice', { item: 'power' });
    await world.stop();
    await world.pay(String(invoice));
    const { password } = broker;
    broker.password = 'another one';
    await world.start();
    await expect.poll(() => world.counters('refused'), { timeout: 20_000 }).toMatchObject({ settled: 1 });
    expect(settled(device)).toEqual([]);
    broker.password = password;
    await until(device, (each) => each.op === 'settled' && each['quote'] === quote, 'what was paid while the server was away');
    expect(await ask(device, 'hello', {})).toMatchObject({ op: 'welcome' });
  },
  TIMEOUT_MS,
);
