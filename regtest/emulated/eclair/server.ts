import { timingSafeEqual } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeConfig } from '../../network.ts';
import type { EmulatedNodeFactory, EmulatedNodeOptions, EmulatedNodeServer } from '../node-server.ts';
import { auditEndpoints, receivedEvent, relayedEvent } from './audit-endpoints.ts';
import { channelEndpoints } from './channel-endpoints.ts';
import { ChannelStates } from './channel-state.ts';
import { EclairContext, type Endpoints } from './context.ts';
import { Events } from './events.ts';
import { Form } from './form.ts';
import { invoiceEndpoints } from './invoice-endpoints.ts';
import { nodeEndpoints } from './node-endpoints.ts';
import { Outgoing } from './outgoing.ts';
import { payEndpoints } from './pay-endpoints.ts';
import { peerEndpoints } from './peer-endpoints.ts';
import { ApiRefusal } from './refusal.ts';
import { walletEndpoints } from './wallet-endpoints.ts';

const HOST = '127.0.0.1';
const CONF = 'eclair.conf';
const JSON_TYPE = 'application/json';
const NO_CREDENTIALS = 'The resource requires authentication, which was not supplied with the request';
const WRONG_CREDENTIALS = 'The supplied authentication is invalid';

/** A simulated node behind eclair's HTTP API and its `/ws`, with its `eclair.conf` in its folder. */
export const emulatedEclair: EmulatedNodeFactory = async (options) => {
  const fresh = Buffer.from(options.random.bytes(16)).toString('hex');
  const conf = await readFile(join(options.dir, CONF), 'utf8').catch(() => '');
  // One that was made by a process before this one is kept.
  return new EclairServer(options, /api\.password = "(.+)"/.exec(conf)?.[1] ?? fresh);
};

class EclairServer implements EmulatedNodeServer {
  readonly invoiceOnlyConfig: undefined;
  readonly #options: EmulatedNodeOptions;
  readonly #events = new Events();
  readonly #endpoints: Endpoints;
  readonly #password: string;
  #port: number;
  #server: Server | undefined;

  constructor(options: EmulatedNodeOptions, password: string) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.#password = password;
    this.#endpoints = endpointsOf(new EclairContext(options, this.#events));
  }

  get config(): NodeConfig {
    return { kind: 'eclair', url: `http://${HOST}:${this.#port}`, password: this.#password, network: 'regtest' };
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => void this.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => this.#upgrade(sockets, request, socket, head));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, HOST, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    const conf = `eclair.chain = regtest\neclair.api.enabled = true\neclair.api.port = ${this.#port}\neclair.api.password = "${this.#password}"\n`;
    await writeFile(join(this.#options.dir, CONF), conf, { mode: 0o600 });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#events.dropAll();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  #upgrade(sockets: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const refusal = this.#refused(request);
    const path = new URL(request.url ?? '/', 'http://eclair').pathname;
    if (refusal !== undefined || path !== '/ws') {
      const status = refusal === undefined ? '404 Not Found' : '401 Unauthorized';
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => this.#events.add(client));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    request.on('error', () => {});
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'Content-Type': JSON_TYPE });
      response.end(JSON.stringify(body, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)));
    };
    try {
      const refusal = this.#refused(request);
      if (refusal !== undefined) throw new ApiRefusal(401, refusal);
      const name = new URL(request.url ?? '/', 'http://eclair').pathname.slice(1);
      const endpoint = Object.hasOwn(this.#endpoints, name) ? this.#endpoints[name] : undefined;
      if (endpoint === undefined) throw new ApiRefusal(404, 'The requested resource could not be found.');
      if (request.method !== 'POST') throw new ApiRefusal(405, 'HTTP method not allowed, supported methods: POST');
      const form = new Form(await bodyOf(request));
      send(200, await endpoint(form, { signal: gone.signal }));
    } catch (error) {
      if (error instanceof ApiRefusal) send(error.status, { error: error.message });
      else if (isLightningError(error, 'CONNECTION_LOST') || isLightningError(error, 'UNAVAILABLE')) {
        // The simulated node is gone, or was told to lose its answer: so is eclair.
        request.socket.destroy();
      } else {
        this.#options.logger.error({ err: error, url: request.url }, 'the emulated eclair failed at a request');
        send(500, { error: error instanceof Error ? error.message : String(error) });
      }
    }
  }

  /** Why the credentials of a request are refused; undefined where they are not. The user's name does not matter. */
  #refused(request: IncomingMessage): string | undefined {
    const [, encoded] = /^Basic (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (encoded === undefined) return NO_CREDENTIALS;
    const decoded = Buffer.from(encoded, 'base64').toString();
    const given = Buffer.from(decoded.slice(decoded.indexOf(':') + 1));
    const wanted = Buffer.from(this.#password);
    return given.length === wanted.length && timingSafeEqual(given, wanted) ? undefined : WRONG_CREDENTIALS;
  }
}

function endpointsOf(context: EclairContext): Endpoints {
  const outgoing = new Outgoing(context);
  const states = new ChannelStates(context);
  context.network.subscribe((event) => {
    if (!('node' in event) || event.node !== context.name) return;
    if (event.kind === 'settlement') {
      const [record] = context.network.invoices.settledAfter(context.name, event.number - 1, 1);
      if (record !== undefined) context.events.push(receivedEvent(context, record));
    } else if (event.kind === 'forward') {
      const [forward] = context.network.forwards(context.name, event.number - 1, 1);
      if (forward !== undefined) context.events.push(relayedEvent(context, forward));
    }
  });
  return {
    ...nodeEndpoints(context),
    ...invoiceEndpoints(context),
    ...payEndpoints(context, outgoing),
    ...peerEndpoints(context),
    ...channelEndpoints(context, states),
    ...walletEndpoints(context),
    ...auditEndpoints(context, outgoing),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) text += piece as string;
  return text;
}
