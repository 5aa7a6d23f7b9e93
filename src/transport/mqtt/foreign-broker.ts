import { readFile } from 'node:fs/promises';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { DeviceConnection, DeviceHolder } from '../../core/devices/service.ts';
import { ANYTHING } from '../../core/devices/terms.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { Transport } from '../../core/tickerplant/service.ts';
import { settledMessage } from '../shared/device-messages.ts';
import type { ServerMessage } from '../shared/messages.ts';
import { answer } from './answer.ts';
import type { ForeignBrokerConfig } from './config.ts';
import type { BrokerOptions } from './own-broker.ts';
import { type ANSWERS, parseRequestTopic, REQUESTS, topicOf } from './topics.ts';

const RECONNECT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 15_000;
/** How long the server's start waits for a broker that it may well be started together with. */
const FIRST_SUBSCRIPTION_MS = 5_000;
/** After the broker took the connection, but not the subscription. */
const SUBSCRIBE_AGAIN_MS = 10_000;
/** Longer than any request is. */
const MAX_PAYLOAD_BYTES = 16 * 1024;
/** Messages that wait for the broker to confirm them; more, and telling waits. */
const MOST_WAITING = 1_000;
/** Requests that are answered side by side; more, and the broker is not read. */
const MOST_AT_WORK = 256;

/**
 * A client of a broker that the seller has already. That broker decides who may connect and who hears what; who is who the token in each
 * message says. Whether a device is there can't be seen from here: each is told what is open, more and more seldom, and at once when it says `hello`.
 */
export class ForeignBroker implements Transport {
  readonly name = 'mqtt';
  readonly #config: ForeignBrokerConfig;
  readonly #options: BrokerOptions;
  readonly #connections = new Map<string, DeviceConnection>();
  readonly #atWork = new Set<Promise<void>>();
  #client: MqttClient | undefined;
  #listening: Disposable | undefined;
  #again: Disposable | undefined;
  #waiting = 0;
  #stopped: Promise<void> | undefined;

  constructor(config: ForeignBrokerConfig, options: BrokerOptions) {
    this.#config = config;
    this.#options = options;
  }

  async start(): Promise<string> {
    if (this.#client !== undefined) throw new Error('the MQTT transport was started before; make a new one');
    const { broker } = this.#config;
    const { devices, logger } = this.#options;
    const client = connect(broker, await this.#clientOptions());
    this.#client = client;
    this.#watch(client, broker);
    const { promise: heard, resolve: onHeard } = Promise.withResolvers<void>();
    client.on('connect', () => {
      logger.info({ broker }, 'mqtt: connected to the broker');
      void this.#greet(client, onHeard);
    });
    client.handleMessage = (packet, done) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      if (packet.retain || this.#stopped !== undefined) return done();
      const answered = this.#receive(packet.topic, payload);
      // Nothing more of the broker's is read before `done`: one device must not keep the others waiting, but all together may.
      if (this.#atWork.size < MOST_AT_WORK) done();
      else void answered.then(() => done());
    };
    this.#listening = devices.onSettled(({ device }) => this.#tell({ device, name: '', terms: ANYTHING }, false));
    await this.#first(heard, broker);
    return broker;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    this.#again?.[Symbol.dispose]();
    const deadline = new Promise<void>((resolve) => this.#options.clock.setTimer(deadlineMs, resolve));
    await Promise.race([Promise.all(this.#atWork), deadline]);
    for (const connection of this.#connections.values()) connection.close();
    // What could not be said is told again; without a connection there is nothing to wait for.
    const ended = this.#client?.endAsync(!this.#client.connected);
    await Promise.race([ended, deadline]);
    this.#client?.end(true);
  }

  async #clientOptions(): Promise<IClientOptions> {
    const { username, password, clientId, tls } = this.#config;
    return {
      protocolVersion: 4,
      // What a device has asked while we were away it asks again.
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      resubscribe: false,
      // A broker that is just starting, or whose passwords are just being changed, refuses; that is no reason to stay away for good.
      reconnectOnConnackError: true,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(clientId !== undefined && { clientId }),
      ...(tls?.ca !== undefined && { ca: await readFile(tls.ca) }),
    };
  }

  /** Tells the log when the broker is lost, and each reason why it stays away once. */
  #watch(client: MqttClient, broker: string): void {
    const { logger } = this.#options;
    let isLost = false;
    let lastReason: string | undefined;
    client.on('connect', () => {
      isLost = false;
      lastReason = undefined;
    });
    client.on('error', (error) => {
      const level = error.message === lastReason ? 'debug' : 'warn';
      lastReason = error.message;
      logger[level]({ err: error, broker }, 'mqtt: the broker refuses, or can not be reached; trying again');
    });
    client.on('close', () => {
      if (!isLost && this.#stopped === undefined) logger.warn({ broker }, 'mqtt: the broker is away; trying again');
      isLost = true;
    });
  }

  /** Who is told that the server is up can ask at once. The other doors do not wait for a broker that is away, though. */
  async #first(heard: Promise<void>, broker: string): Promise<void> {
    const { clock, logger } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = clock.setTimer(FIRST_SUBSCRIPTION_MS, () => resolve('late'));
    if ((await Promise.race([heard, late])) === 'late')
      logger.warn({ broker }, 'mqtt: the broker does not let the server hear its devices yet; going on without it, and trying again');
    timer[Symbol.dispose]();
  }

  /** On each connection: hears devices, and tells those that have something open. */
  async #greet(client: MqttClient, onHeard: () => void): Promise<void> {
    const { devices, logger, clock } = this.#options;
    this.#again?.[Symbol.dispose]();
    try {
      await client.subscribeAsync(
        REQUESTS.map((request) => topicOf(this.#config.prefix, '+', request)),
        { qos: 1 },
      );
      onHeard();
      for (const holder of await devices.toTell()) this.#tell(holder, true);
    } catch (error) {
      // A new connection greets by itself.
      if (this.#stopped !== undefined || !client.connected) return;
      logger.warn({ err: error }, 'mqtt: devices of the broker can not be heard, or not be told; trying again');
      this.#again = clock.setTimer(SUBSCRIBE_AGAIN_MS, () => {
        if (client.connected) void this.#greet(client, onHeard);
      });
    }
  }

  async #receive(topic: string, payload: Uint8Array): Promise<void> {
    const read = parseRequestTopic(this.#config.prefix, topic);
    if (read === undefined) return;
    const { devices, logger } = this.#options;
    let known: DeviceHolder | undefined;
    const authorize = async (token: string | undefined): Promise<DeviceHolder> => {
      if (token === undefined) throw new TickerplantError('BAD_TOKEN', 'token: is missing; over this broker each message has it');
      const holder = await devices.authenticate(token);
      if (holder.device !== read.device) throw new TickerplantError('BAD_TOKEN', "the token is of another device than the topic's");
      known = holder;
      return holder;
    };
    const work = (async () => {
      if (payload.length > MAX_PAYLOAD_BYTES) return;
      const { name, message, tell } = await answer(read.request, payload, devices, authorize, logger);
      // Whoever has no token is answered nothing: the answer would go to the device that has.
      if (known === undefined) {
        logger.debug({ topic, code: message['code'] }, 'mqtt: a message without a good token');
        return;
      }
      this.#send(read.device, name, message);
      this.#tell(known, tell);
    })();
    this.#atWork.add(work);
    await work
      .catch((error) => logger.error({ err: error }, 'mqtt: a message could not be answered'))
      .finally(() => this.#atWork.delete(work));
  }

  /** Begins to tell a device, where that has not begun; `anew`: everything that is open, now. */
  #tell(holder: DeviceHolder, anew: boolean): void {
    const { device } = holder;
    const known = this.#connections.get(device);
    if (known !== undefined) {
      if (anew) known.tell();
      return;
    }
    const isFull = () => this.#client?.connected !== true || this.#waiting >= MOST_WAITING;
    try {
      // The broker says who may be there; a payment that has come is told though the token has ended meanwhile.
      const connection = this.#options.devices.connect(
        { ...holder, terms: ANYTHING },
        {
          settled: (settlement) => this.#send(device, 'settled', settledMessage(settlement)),
          ended: () => this.#connections.delete(device),
          get isFull() {
            return isFull();
          },
        },
      );
      this.#connections.set(device, connection);
      connection.tell();
    } catch (error) {
      if (!(error instanceof TickerplantError)) throw error;
    }
  }

  #send(device: string, name: (typeof ANSWERS)[number], message: ServerMessage): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#waiting += 1;
    client.publish(topicOf(this.#config.prefix, device, name), JSON.stringify(message), { qos: 1 }, (error) => {
      this.#waiting -= 1;
      if (error !== null && error !== undefined)
        this.#options.logger.debug({ err: error, device }, 'mqtt: not published; it is told again');
    });
  }
}
