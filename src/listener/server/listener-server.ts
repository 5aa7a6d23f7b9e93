import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { AddressList } from '../../transport/shared/access/address-list.ts';
import { type GuardedConnections, guardConnections } from '../../transport/shared/access/connection-guard.ts';
import { hostAndPort, ListenError, listenError } from '../../transport/shared/listen-error.ts';
import { openCertificate, type ServerCertificate } from '../../transport/shared/tls/certificate.ts';
import type { ListenerConfig } from '../config.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { EVENTS_PATH, HEARTBEAT_MS } from '../protocol.ts';
import type { Tokens } from '../tokens.ts';
import { ListenerSession } from './session.ts';

/** What {@link ListenerServer} leans on. */
export interface ListenerServerDependencies {
  readonly config: ListenerConfig['listen'];
  readonly outbox: Outbox;
  /** Those of the servers. */
  readonly tokens: Tokens;
  /** Those who may ask how it stands; undefined: nobody. */
  readonly statusTokens: Tokens | undefined;
  readonly status: () => object;
  readonly node: () => { readonly isCaughtUp: boolean; readonly reason: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Longer than this no honest client takes for the head of a request. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 64 * 1024;
const SUPERSEDED_CLOSE = 4001;
const GOING_AWAY_CLOSE = 1001;
/** A good-bye that is not answered is not waited for. */
const GOODBYE_MS = 1_000;

/** Takes the servers that follow: WebSockets with a bearer token, over TLS where there is a certificate. */
export class ListenerServer implements AsyncDisposable {
  readonly #dependencies: ListenerServerDependencies;
  readonly #webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  readonly #sessions = new Map<string, { readonly socket: WebSocket; readonly session: ListenerSession }>();
  readonly #unanswered = new WeakMap<WebSocket, number>();
  #server: Server | undefined;
  #heartbeat: Disposable | undefined;
  #certificate: ServerCertificate | undefined;
  #connections: GuardedConnections | undefined;

  constructor(dependencies: ListenerServerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Servers that are connected. */
  get connected(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  /** Listens; answers its URL. @throws ListenError, TlsError. */
  async start(): Promise<string> {
    const { config, logger } = this.#dependencies;
    const { allow, connectionsPerAddress } = config;
    const server = await this.#createServer();
    this.#connections = guardConnections(server, { allow: allow && new AddressList(allow), connectionsPerAddress, logger });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        this.#certificate?.[Symbol.dispose]();
        const { code, message } = listenError('listen', config.host, config.port, error);
        reject(new ListenError(code, message.replaceAll('transports.listen', 'listen'), { cause: error }));
      };
      server.once('error', failed);
      server.listen(config.port, config.host, () => {
        server.removeListener('error', failed);
        resolve();
      });
    });
    this.#server = server;
    this.#beat();
    const { port } = server.address() as AddressInfo;
    return `${config.tls === undefined ? 'ws' : 'wss'}://${hostAndPort(config.host, port)}`;
  }

  /** The node was lost or is caught up again: the servers are told. */
  changed(): void {
    for (const { session } of this.#sessions.values()) session.pump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    this.#certificate?.[Symbol.dispose]();
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#webSockets.clients) socket.close(GOING_AWAY_CLOSE, 'the listener stops');
    const timer = this.#dependencies.clock.setTimer(GOODBYE_MS, () => {
      this.#connections?.terminate();
    });
    server.closeIdleConnections();
    await closed;
    timer[Symbol.dispose]();
  }

  async #createServer(): Promise<Server> {
    const { config, clock, logger } = this.#dependencies;
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    if (config.tls === undefined) return createServer(limits, answer);
    const certificate = await openCertificate(config.tls, { clock, logger });
    this.#certificate = certificate;
    const server = createTlsServer({ ...limits, ...certificate.options }, answer);
    certificate.follow(server);
    return server;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request);
    const json = (status: number, body: object) => {
      response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (path === '/healthz') {
      const { isCaughtUp } = this.#dependencies.node();
      json(isCaughtUp ? 200 : 503, { ok: isCaughtUp });
    } else if (path === '/v1/status' && this.#dependencies.statusTokens !== undefined) {
      if (this.#dependencies.statusTokens.owner(request.headers.authorization) === undefined) json(401, { error: 'a token is needed' });
      else json(200, this.#dependencies.status());
    } else if (path === EVENTS_PATH) {
      response.setHeader('Upgrade', 'websocket');
      json(426, { error: 'this is for WebSockets' });
    } else json(404, { error: 'there is nothing here' });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { tokens, outbox, logger } = this.#dependencies;
    socket.on('error', () => socket.destroy());
    if (pathOf(request) !== EVENTS_PATH) return refuse(socket, '404 Not Found');
    const name = tokens.owner(request.headers.authorization);
    if (name === undefined) {
      logger.warn({ address: request.socket.remoteAddress }, 'a follower without a token of ours');
      return refuse(socket, '401 Unauthorized');
    }
    if (outbox.node === undefined) return refuse(socket, '503 Service Unavailable');
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#open(name, webSocket));
  }

  #open(name: string, socket: WebSocket): void {
    const { outbox, node, logger } = this.#dependencies;
    socket.on('error', (error) => logger.debug({ err: error, server: name }, 'a connection failed'));
    socket.on('pong', () => this.#unanswered.set(socket, 0));
    const session: ListenerSession = new ListenerSession({
      name,
      socket,
      outbox,
      node,
      logger: logger.child({ server: name }),
      onFollow: () => {
        const before = this.#sessions.get(name)?.socket;
        // The newest wins: the older one is most likely half open.
        if (before !== socket) before?.close(SUPERSEDED_CLOSE, 'a newer connection of this server took its place');
        this.#sessions.set(name, { socket, session });
      },
    });
    socket.once('close', (code) => {
      if (this.#sessions.get(name)?.socket !== socket) return;
      this.#sessions.delete(name);
      logger.info({ server: name, code }, 'a server went away');
    });
  }

  #beat(): void {
    this.#heartbeat = this.#dependencies.clock.setTimer(HEARTBEAT_MS, () => {
      for (const socket of this.#webSockets.clients) {
        const unanswered = this.#unanswered.get(socket) ?? 0;
        if (unanswered >= 2) socket.terminate();
        else {
          this.#unanswered.set(socket, unanswered + 1);
          socket.ping();
        }
      }
      this.#beat();
    });
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function refuse(socket: Duplex, status: string): void {
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
