import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { type ServerOptions, type Server as UpgradeServer, WebSocketServer } from 'ws';
import type { DeviceService } from '../../core/devices/service.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { TickerplantService, Transport } from '../../core/tickerplant/service.ts';
import { AddressList, proxiesOf } from '../shared/access/address-list.ts';
import { guardConnections } from '../shared/access/connection-guard.ts';
import type { Operator, Operators } from '../shared/access/operators.ts';
import { type Origin, requestOrigin } from '../shared/access/origin.ts';
import { hostAndPort } from '../shared/listen-error.ts';
import { isoTime } from '../shared/messages.ts';
import { OpenSessions } from '../shared/open-sessions.ts';
import { openCertificate, type ServerCertificate } from '../shared/tls/certificate.ts';
import { Turn } from '../shared/turn.ts';
import { BuyerSocket } from './buyer-socket.ts';
import type { WebsocketConfig } from './config.ts';
import { listen, portOf, upgradeServer } from './listen.ts';
import { Session } from './session.ts';
import { pathOf, publisherOf, refusalOf, refuseUpgrade } from './upgrade.ts';

/** What the transport is handed. */
export interface WebsocketTransportOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Who may publish; nobody unless given. */
  readonly operators?: Operators | undefined;
  /** Connections at a time of one address, those too that have not said anything yet, as far as the server is our own. No limit unless given. */
  readonly connectionsPerAddress?: number | undefined;
  /** A server of the embedder's: its upgrades for `path` are taken, all others left alone; it is neither started nor stopped. */
  readonly server?: Server | undefined;
  /** Devices that share the seller's node; left out, there are none. */
  readonly devices?: DeviceService | undefined;
  /** Instead of the config's path. */
  readonly path?: string | undefined;
}

/**
 * The WebSocket protocol of docs/protocol.md over a tickerplant. Without a server of the embedder's it listens by itself.
 * `start` throws {@link ListenError}; with a server that does not listen yet it resolves with the path alone.
 */
export function websocketTransport(config: WebsocketConfig, options: WebsocketTransportOptions): Transport {
  return new WebsocketTransport(config, options);
}

class WebsocketTransport implements Transport {
  readonly name = 'websocket';
  readonly #config: WebsocketConfig;
  readonly #options: WebsocketTransportOptions;
  readonly #path: string | undefined;
  readonly #sessions = new OpenSessions<Session>();
  readonly #turn = new Turn();
  readonly #webSockets: UpgradeServer<typeof BuyerSocket>;
  /** The same with longer messages. */
  readonly #publishers: UpgradeServer<typeof BuyerSocket>;
  readonly #allow: AddressList | undefined;
  readonly #proxies: AddressList | undefined;
  #certificate: ServerCertificate | undefined;
  #tickerplant: TickerplantService | undefined;
  #server: Server | undefined;
  #heartbeat: Disposable | undefined;
  #stopped: Promise<void> | undefined;
  #connections = 0;

  constructor(config: WebsocketConfig, options: WebsocketTransportOptions) {
    this.#config = config;
    this.#options = options;
    this.#path = options.path ?? config.path ?? (options.server === undefined ? undefined : '/');
    // `closeTimeout` is an option of ws 8.18 and later that its types do not know yet.
    const serverOptions: ServerOptions<typeof BuyerSocket> & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      WebSocket: BuyerSocket,
      maxPayload: config.maxMessageBytes,
      perMessageDeflate: config.compression,
      closeTimeout: config.closeTimeoutSeconds * 1000,
    };
    this.#webSockets = new WebSocketServer(serverOptions);
    this.#publishers = new WebSocketServer({ ...serverOptions, maxPayload: Math.max(config.maxMessageBytes, config.maxPublishBytes) });
    this.#allow = config.allow === undefined ? undefined : new AddressList(config.allow);
    this.#proxies = proxiesOf(config.trustProxy);
  }

  async start(tickerplant: TickerplantService): Promise<string> {
    if (this.#tickerplant !== undefined) throw new Error('the WebSocket transport was started before; make a new one');
    const { host } = this.#config;
    const server = this.#options.server ?? (await this.#listen());
    this.#tickerplant = tickerplant;
    this.#server = server;
    server.on('upgrade', this.#upgrade);
    this.#scheduleHeartbeat();
    const path = this.#path ?? '';
    const bound = portOf(server);
    if (bound === undefined) return path;
    const scheme = server instanceof TlsServer ? 'wss' : 'ws';
    return `${scheme}://${hostAndPort(this.#options.server === undefined ? host : boundHost(server, host), bound)}${path}`;
  }

  async #listen(): Promise<Server> {
    const { host, port, tls } = this.#config;
    const { clock, logger, connectionsPerAddress = Number.POSITIVE_INFINITY } = this.#options;
    this.#certificate = tls === undefined ? undefined : await openCertificate(tls, { clock, logger });
    const server = upgradeServer(this.#certificate);
    guardConnections(server, { allow: this.#allow, proxies: this.#proxies, connectionsPerAddress, logger });
    try {
      await listen(server, host, port);
    } catch (error) {
      this.#certificate?.[Symbol.dispose]();
      throw error;
    }
    return server;
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const own = this.#options.server === undefined;
    const serverClosed = own ? new Promise<void>((resolve) => server.close(() => resolve())) : undefined;
    this.#heartbeat?.[Symbol.dispose]();
    this.#certificate?.[Symbol.dispose]();
    await this.#sessions.end(this.#options.clock, deadlineMs);
    server.removeListener('upgrade', this.#upgrade);
    if (own) server.closeAllConnections();
    await serverClosed;
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { config, server } = { config: this.#config, server: this.#server };
    if (this.#path !== undefined && pathOf(request) !== this.#path) {
      // On an embedder's server it is somebody else's; where nobody else listens, it would hang for ever.
      if (server?.listenerCount('upgrade') === 1) refuseUpgrade(socket, { status: 404, text: 'no WebSocket here' });
      return;
    }
    const refusal =
      this.#stopped === undefined
        ? refusalOf(request, config, this.#sessions.size)
        : ({ status: 503, text: 'the server is going down' } as const);
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal);
      return;
    }
    const origin = requestOrigin(request, this.#proxies);
    if (this.#allow?.has(origin.address) === false) {
      refuseUpgrade(socket, { status: 403, text: 'this address may not connect' });
      return;
    }
    const publisher = publisherOf(request, this.#options.operators, origin);
    if (publisher !== undefined && 'status' in publisher) {
      this.#options.logger.info({ address: origin.address }, `a publisher was refused: ${publisher.text}`);
      refuseUpgrade(socket, publisher);
      return;
    }
    const taking = publisher === undefined ? this.#webSockets : this.#publishers;
    taking.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, socket, origin, publisher));
  };

  #open(webSocket: BuyerSocket, socket: Duplex, { address }: Origin, publisher: Operator | undefined): void {
    if (this.#tickerplant === undefined) return;
    const logger = this.#options.logger.child({ connection: ++this.#connections });
    const session: Session = new Session({
      webSocket,
      socket,
      address,
      publisher,
      tickerplant: this.#tickerplant,
      config: this.#config,
      turn: this.#turn,
      devices: this.#options.devices,
      logger,
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    logger.debug({ connections: this.#sessions.size, ...(publisher !== undefined && { publisher: publisher.name }) }, 'connection opened');
  }

  #scheduleHeartbeat(): void {
    const { clock } = this.#options;
    this.#heartbeat = clock.setTimer(this.#config.heartbeatSeconds * 1000, () => {
      const time = isoTime(clock.now());
      for (const session of this.#sessions) session.beat(time);
      this.#scheduleHeartbeat();
    });
  }
}

function boundHost(server: Server, otherwise: string): string {
  const address = server.address();
  return address === null || typeof address === 'string' ? otherwise : address.address;
}
