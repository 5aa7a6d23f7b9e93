import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PacketLengths } from '../../../src/transport/mqtt/packet-limit.ts';
import { answersOf, parseRequestTopic } from '../../../src/transport/mqtt/topics.ts';
import { ask, connectMqtt, mqttDoor, overMqtt, until } from './support/doors.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const closed = (client: MqttClient) =>
  new Promise<void>((resolve) => (client.connected ? client.once('close', () => resolve()) : resolve()));

test('who has no token, another device’s, or a broken one, is refused', async () => {
  const [one, other] = [await world.device('login one'), await world.device('login other')];
  const refused = async (user: string, password: string) =>
    await connectMqtt(world.urls.mqtt, user, password).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  expect(await refused(one.device, '')).toBe(4);
  expect(await refused(one.device, other.token)).toBe(4);
  expect(await refused('', one.token)).toBe(4);
  expect(await refused(one.device, `${one.token.slice(0, -8)}AAAAAAAA`)).toBe(4);
});

test('a device hears its own topics only, and who publishes to another one’s is disconnected; nothing of it reaches anybody', async () => {
  const [one, other] = [await world.device('topics one'), await world.device('topics other')];
  await using victim = await mqttDoor.connect(world, one);
  const spy = await connectMqtt(world.urls.mqtt, other.device, other.token);
  const heard: string[] = [];
  spy.on('message', (topic) => heard.push(topic));
  const filters = [
    '#',
    '+/+/+',
    'devices/#',
    'devices/+/settled',
    `devices/${one.device}/settled`,
    `devices/${one.device}/#`,
    '$SYS/#',
    `devices/${other.device}`,
  ];
  for (const filter of filters) await expect(spy.subscribeAsync(filter), filter).rejects.toThrow();
  const { invoice } = await ask(victim, 'invoice', { item: 'power' });
  await world.pay(String(invoice));
  await until(victim, ({ op }) => op === 'settled', 'its payment');
  expect(heard).toEqual([]);
  for (const topic of [`devices/${one.device}/ack`, `devices/${one.device}/settled`, `devices/${other.device}/settled`, 'elsewhere']) {
    const client = await connectMqtt(world.urls.mqtt, other.device, other.token);
    client.publish(topic, '{}', { qos: 0, retain: true });
    await closed(client);
    client.end(true);
  }
  expect(victim.told.every(({ op }) => ['invoiced', 'settled'].includes(op))).toBe(true);
  await spy.endAsync(true);
});

test('nobody ends another device’s connection by its client id, and a session is a new one each time', async () => {
  const [one, other] = [await world.device('client one'), await world.device('client other')];
  const first = await connectMqtt(world.urls.mqtt, one.device, one.token, { clientId: 'tap', clean: false });
  const thief = await connectMqtt(world.urls.mqtt, other.device, other.token, { clientId: 'tap', clean: false });
  await using mine = await overMqtt(first, one.device);
  expect(await ask(mine, 'hello', {})).toMatchObject({ op: 'welcome', name: 'client one' });
  const again = await connectMqtt(world.urls.mqtt, one.device, one.token, { clientId: 'tap', clean: false });
  await closed(first);
  await using later = await overMqtt(again, one.device);
  expect(await ask(later, 'hello', {})).toMatchObject({ op: 'welcome' });
  expect(thief.connected).toBe(true);
  await thief.endAsync(true);
});

test('over TLS a device that knows the certificate is told of its payment, and one that does not will not connect', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tp-mqtts-'));
  await using secure = await openWorld({ mqtt: { port: 0, tls: { generate: true, dir: folder } }, websocket: false });
  expect(secure.urls.mqtt).toMatch(/^mqtts:/);
  const { device: id, token } = await secure.device('one');
  await expect(connectMqtt(secure.urls.mqtt, id, token)).rejects.toThrow('self-signed');
  const ca = await readFile(join(folder, 'cert.pem'));
  await using device = await overMqtt(await connectMqtt(secure.urls.mqtt, id, token, { ca }), id);
  const { invoice, quote } = await ask(device, 'invoice', { item: 'power' });
  await secure.pay(String(invoice));
  expect(await until(device, ({ op }) => op === 'settled', 'its payment')).toMatchObject({ quote, kind: 'paid' });
  await rm(folder, { recursive: true, force: true });
});

test('what is no JSON is refused, and what is too large ends the connection before it is read', async () => {
  const one = await world.device('payloads');
  const client = await connectMqtt(world.urls.mqtt, one.device, one.token);
  await using device = await overMqtt(client, one.device);
  client.publish(`devices/${one.device}/invoice`, 'water, please');
  await until(device, ({ op, code }) => op === 'error' && code === 'BAD_REQUEST', 'the refusal');
  client.publish(`devices/${one.device}/invoice`, 'x'.repeat(20_000));
  await closed(client);
  const port = Number(new URL(world.urls.mqtt).port);
  const socket = connectSocket(port, '127.0.0.1', () => socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
});

test('lengths of packets are counted in whatever chunks they come', () => {
  const packet = (length: number) => {
    const head = [0x30];
    let left = length;
    do {
      head.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      left >>>= 7;
    } while (left > 0);
    return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 0xff)]);
  };
  fc.assert(
    fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 97 }), (lengths, step) => {
      const bytes = Buffer.concat(lengths.map(packet));
      const limit = 200;
      const counted = new PacketLengths(limit);
      let taken = true;
      for (let at = 0; at < bytes.length && taken; at += step) taken = counted.take(bytes.subarray(at, at + step));
      expect(taken).toBe(lengths.every((length) => length <= limit));
    }),
  );
});

test('topics are read exactly', () => {
  const id = '0a'.repeat(16);
  expect(parseRequestTopic('devices', `devices/${id}/ack`)).toEqual({ device: id, request: 'ack' });
  for (const topic of [
    `devices/${id}/settled`,
    `devices/${id}/ack/more`,
    `devices/${id}`,
    `other/${id}/ack`,
    `devices/${id.slice(2)}/ack`,
    'devices//ack',
  ])
    expect(parseRequestTopic('devices', topic)).toBeUndefined();
  expect(answersOf('a/b', id, `a/b/${id}/settled`)).toEqual(['settled']);
  expect(answersOf('a/b', id, 'a/b/+/settled')).toEqual([]);
  expect(answersOf('a/b', id, `a/b/${id}x/settled`)).toEqual([]);
});
