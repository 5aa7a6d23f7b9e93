import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client, type PublishPacket, type Subscription } from 'aedes';
import type { DeviceConnection, DeviceHolder, DeviceService } from '../../core/devices/service.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { isThisMachine, limitedAs } from '../../core/tickerplant/address.ts';
import { RateLimiter } from '../../core/tickerplant/rate-limiter.ts';
import type { Transport } from '../../core/tickerplant/service.ts';
import { AddressList } from '../shared/access/address-list.ts';
import { type GuardedConnections, guardConnections } from '../shared/access/connection-guard.ts';
import { settledMessage } from '../shared/device-messages.ts';
import { hostAndPort, listenError } from '../shared/listen-error.ts';
import type { ServerMessage } from '../shared/messages.ts';
import { openCertificate, type ServerCertificate } from '../shared/tls/certificate.ts';
import { answer, toRefusal } from './answer.ts';
import type { OwnBrokerConfig } from './config.ts';
import { LimitedConnection } from './packet-limit.ts';
import { ANSWERS, answersOf, parseRequestTopic, topicOf } from './topics.ts';

/** What a broker leans on. */
export interface BrokerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly devices: DeviceService;
  /** Connections at a time of one address, whatever they have said. */
  readonly connectionsPerAddress: number;
}

/** Logins that may fail for one address at once, and per second from then on. */
const FAILED_LOGINS = 20;
const FAILED_LOGINS_PER_SECOND = 1;
const KEPT_MS = 30_000;
const MOST_KEPT = 10_000;
const CLIENT_ID_LENGTH = 128;
/** Answers that wait for one connection's socket; more, and telling waits. */
const MOST_WAITING = 128;
const KEEP_ALIVE_MS = 60_000;
/** CONNACK's return codes (MQTT 3.1.1, 3.2.2.3). */
const REFUSED = { identifier: 2, unavailable: 3, login: 4, notAuthorized: 5 } as const;

/** A device that is logged in. */
interface Present {
  readonly holder: DeviceHolder;
  readonly connection: DeviceConnection;
  /** Which of its topics it hears. */
  readonly filters: Set<string>;
  waiting: number;
}

/**
 * An MQTT 3.1.1 broker for devices alone: a device logs in with its id and token, publishes requests to its own topics, and is sent what
 * is its own. Nothing goes from one device to another, nothing is retained, and no session outlives its connection: what a
 * device has missed, it is told again.
 */
export class OwnBroker implements Transport {
  readonly name = 'mqtt';
  readonly #config: OwnBrokerConfig;
  readonly #options: BrokerOptions;
  readonly #broker: Aedes;
  readonly #failures: RateLimiter;
  /** Addresses whose logins failed too often just now. */
  readonly #kept = new Set<string>();
  readonly #present = new Map<Client, Present>();
  readonly #atWork = new Set<Promise<void>>();
  #server: Server | undefined;
  #certificate: ServerCertificate | undefined;
  #guarded: GuardedConnections | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: OwnBrokerConfig, options: BrokerOptions) {
    this.#config = config;
    this.#options = options;
    this.#failures = new RateLimiter(options.clock, FAILED_LOGINS, FAILED_LOGINS_PER_SECOND);
    this.#broker = new Aedes({
      concurrency: 16,
      connectTimeout: config.loginTimeoutSeconds * 1000,
      maxClientsIdLength: CLIENT_ID_LENGTH + 40,
      maxInflightInbound: 16,
      maxTopicLevels: 16,
      preConnect: (_client, packet, done) => {
        const { clientId, username } = packet;
        if (this.#stopped !== undefined || clientId.length > CLIENT_ID_LENGTH) return done(new Error('refused'), false);
        // Named after the device: nobody ends another one's connection by taking its client id.
        packet.clientId = `${String(username ?? '').slice(0, 36)}/${clientId === '' ? Math.random().toString(36).slice(2) : clientId}`;
        packet.clean = true;
        delete packet.will;
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#login(client, username, password).then(
          () => done(null, true),
          (error: AuthenticateError) => done(error, false),
        );
      },
      authorizeSubscribe: (client, subscription, done) => done(null, this.#maySubscribe(client, subscription) ? subscription : null),
      authorizePublish: (client, packet, done) => {
        if (client === null) return done(new Error('not of a device'));
        this.#receive(client, packet).then(
          () => done(null),
          (error: Error) => done(error),
        );
      },
      // What devices publish goes to nobody.
      authorizeForward: (_client, packet: AedesPublishPacket) =>
        ANSWERS.some((name) => packet.topic.endsWith(`/${name}`)) ? packet : null,
    });
    this.#broker.on('subscribe', (subscriptions, client) => this.#subscribed(client, subscriptions));
    this.#broker.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#present.get(client)?.filters.delete(filter);
    });
    this.#broker.on('clientDisconnect', (client) => this.#gone(client));
    this.#broker.on('clientError', (client, error) => {
      options.logger.debug({ err: error }, 'a device connection broke');
      this.#gone(client);
    });
    this.#broker.on('connectionError', (_client, error) => options.logger.debug({ err: error }, 'a connection broke before it logged in'));
  }

  async start(): Promise<string> {
    if (this.#server !== undefined) throw new Error('the MQTT transport was started before; make a new one');
    const { host, port, tls, maxConnections } = this.#config;
    const server = await this.#createServer();
    await this.#broker.listen();
    server.maxConnections = maxConnections;
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      this.#certificate?.[Symbol.dispose]();
      await new Promise<void>((resolve) => this.#broker.close(resolve));
      throw listenError('mqtt', host, port, error as NodeJS.ErrnoException);
    }
    server.on('error', (error) => this.#options.logger.warn({ err: error }, 'mqtt: a connection could not be taken'));
    return `${tls === undefined ? 'mqtt' : 'mqtts'}://${hostAndPort(host, (server.address() as AddressInfo).port)}`;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const deadline = new Promise<void>((resolve) => this.#options.clock.setTimer(deadlineMs, resolve));
    await Promise.race([Promise.all(this.#atWork), deadline]);
    for (const client of [...this.#present.keys()]) this.#gone(client);
    this.#certificate?.[Symbol.dispose]();
    await new Promise<void>((resolve) => this.#broker.close(resolve));
    // Nobody is left but who has not logged in.
    this.#guarded?.terminate();
    await closed;
  }

  async #createServer(): Promise<Server> {
    const { tls, allow, maxPacketBytes } = this.#config;
    const { clock, logger, connectionsPerAddress } = this.#options;
    const take = (socket: Socket) => {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      const connection = new LimitedConnection(socket, maxPacketBytes);
      connection.on('error', () => undefined);
      this.#broker.handle(connection);
    };
    const certificate = tls === undefined ? undefined : await openCertificate(tls, { clock, logger });
    this.#certificate = certificate;
    const server = certificate === undefined ? createServer(take) : createTlsServer(certificate.options, take);
    if (server instanceof TlsServer) certificate?.follow(server);
    server.on('tlsClientError', (error) => logger.debug({ err: error }, 'a TLS handshake failed'));
    this.#guarded = guardConnections(server, {
      allow: allow === undefined ? undefined : new AddressList(allow),
      connectionsPerAddress,
      logger,
    });
    return server;
  }

  async #login(client: Client, username: string | undefined, password: Buffer | undefined): Promise<void> {
    const { devices, logger } = this.#options;
    const { address } = client.conn as LimitedConnection;
    if (this.#kept.has(limitedAs(address))) throw refusal(REFUSED.unavailable, 'too many logins of this address have failed');
    let holder: DeviceHolder;
    try {
      holder = await devices.authenticate(password?.toString('utf8') ?? '');
      if (holder.device !== username) throw refusal(REFUSED.login, "the user name is the device's id");
      const present: Present = { holder, connection: this.#connect(client, holder), filters: new Set(), waiting: 0 };
      // The same client a second time ends the first, which must not take this one with it.
      this.#present.set(client, present);
    } catch (error) {
      this.#failed(address);
      if (error instanceof Error && 'returnCode' in error) throw error;
      const { code, message } = toRefusal(error, logger);
      throw refusal(code === 'INTERNAL' ? REFUSED.unavailable : REFUSED.login, message);
    }
    logger.debug({ device: holder.device, connections: this.#present.size }, 'a device is connected');
  }

  /** Whoever fails too often is not looked at for a while; whoever does not may log in as often as they like. */
  #failed(address: string): void {
    const limited = limitedAs(address);
    if (isThisMachine(address) || this.#failures.take(limited) || this.#kept.size >= MOST_KEPT) return;
    this.#kept.add(limited);
    this.#options.clock.setTimer(KEPT_MS, () => this.#kept.delete(limited));
  }

  #connect(client: Client, holder: DeviceHolder): DeviceConnection {
    const present = () => this.#present.get(client);
    return this.#options.devices.connect(holder, {
      settled: (settlement) => this.#send(client, 'settled', settledMessage(settlement)),
      ended: ({ code }) => {
        this.#options.logger.debug({ device: holder.device, code }, 'a device connection is ended');
        this.#present.delete(client);
        client.close();
      },
      get isFull() {
        return (present()?.waiting ?? 0) >= MOST_WAITING;
      },
    });
  }

  #maySubscribe(client: Client, { topic }: Subscription): boolean {
    const present = this.#present.get(client);
    if (present === undefined || answersOf(this.#config.prefix, present.holder.device, topic).length === 0) return false;
    present.filters.add(topic);
    return true;
  }

  /** From now on it hears of its payments: those that it has missed first. */
  #subscribed(client: Client, subscriptions: readonly Subscription[]): void {
    const present = this.#present.get(client);
    if (present === undefined) return;
    const { prefix } = this.#config;
    const hears = subscriptions.some(
      ({ topic }) => present.filters.has(topic) && answersOf(prefix, present.holder.device, topic).includes('settled'),
    );
    if (hears) present.connection.tell();
  }

  /** Answers a request before the broker confirms its packet, so that a device can't ask faster than it is answered. */
  async #receive(client: Client, packet: PublishPacket): Promise<void> {
    const present = this.#present.get(client);
    const topic = parseRequestTopic(this.#config.prefix, packet.topic);
    if (present === undefined || topic === undefined || topic.device !== present.holder.device)
      throw new Error('a device publishes to its own topics only: hello, invoice and ack');
    packet.retain = false;
    const { devices, logger } = this.#options;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const work = answer(topic.request, payload, devices, async () => present.holder, logger).then(({ name, message, tell }) => {
      this.#send(client, name, message);
      if (tell) present.connection.tell();
    });
    this.#atWork.add(work);
    await work.finally(() => this.#atWork.delete(work));
  }

  #send(client: Client, name: (typeof ANSWERS)[number], message: ServerMessage): void {
    const present = this.#present.get(client);
    const { prefix } = this.#config;
    if (present === undefined || client.closed) return;
    const { device } = present.holder;
    if (![...present.filters].some((filter) => answersOf(prefix, device, filter).includes(name))) return;
    present.waiting += 1;
    const packet = {
      cmd: 'publish',
      topic: topicOf(prefix, device, name),
      payload: JSON.stringify(message),
      qos: 1,
      dup: false,
      retain: false,
    } as const;
    client.publish(packet, () => {
      present.waiting -= 1;
    });
  }

  #gone(client: Client): void {
    this.#present.get(client)?.connection.close();
    this.#present.delete(client);
  }
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode }) as AuthenticateError;
}
