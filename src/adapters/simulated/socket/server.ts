import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../../core/ports/logger.ts';
import type { NodeCall, NodeStream } from '../gateway/calls.ts';
import type { ControlCall } from '../gateway/control-calls.ts';
import { type NetworkGateway, ReplyLostError, toLightningError } from '../gateway/gateway.ts';
import { decode, encode } from '../network/codec.ts';
import { failure } from '../network/failures.ts';
import { LineReader } from './lines.ts';
import { type Request, type Response, requestSchema, toWireError } from './messages.ts';
import { listenOn } from './socket-file.ts';

/** A client that does not read what it is sent is let go when so many bytes wait for it. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Serves a network on a Unix socket. Whoever may open the file (mode 0600) may do everything. */
export class SimnetServer implements AsyncDisposable {
  readonly #gateway: NetworkGateway;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #stopCutOff: () => void;

  /** Listens; the answer is ready to be connected to. @throws LightningError `CONFLICT` naming the path, when somebody serves it. */
  static async listen(gateway: NetworkGateway, path: string, logger: Logger): Promise<SimnetServer> {
    const server = new SimnetServer(gateway, logger);
    await listenOn(server.#server, path);
    return server;
  }

  private constructor(gateway: NetworkGateway, logger: Logger) {
    this.#gateway = gateway;
    this.#logger = logger;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#stopCutOff = gateway.onCutOff((node) => {
      // After the turn, so that who asked for it is answered.
      if (node === undefined) setImmediate(() => this.#dropAll());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopCutOff();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#dropAll();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#gateway.faults.takeConnection()) {
      socket.destroy();
      return;
    }
    const connection = new Connection(this.#gateway, socket, this.#logger);
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }

  #dropAll(): void {
    for (const connection of this.#connections) connection.end();
  }
}

/** One client. */
class Connection {
  readonly #gateway: NetworkGateway;
  readonly #socket: Socket;
  readonly #logger: Logger;
  readonly #running = new Map<number, AbortController>();

  constructor(gateway: NetworkGateway, socket: Socket, logger: Logger) {
    this.#gateway = gateway;
    this.#socket = socket;
    this.#logger = logger;
    const lines = new LineReader((line) => this.#receive(line));
    const read = (chunk: Uint8Array) => {
      try {
        lines.push(chunk);
      } catch (error) {
        socket.off('data', read);
        this.#fail(null, failure('INVALID_ARGUMENT', 'read', error instanceof Error ? error.message : 'unreadable'));
        socket.destroySoon();
      }
    };
    socket.on('data', read);
    socket.on('error', (error) => this.#logger.debug({ err: error }, 'a connection to the simulated network broke'));
    socket.once('close', () => {
      for (const controller of this.#running.values()) controller.abort();
    });
  }

  end(): void {
    this.#socket.destroySoon();
  }

  #receive(line: string): void {
    let request: Request;
    let id: number | null = null;
    try {
      const message = decode(line);
      id = idOf(message);
      const parsed = requestSchema.safeParse(message);
      if (!parsed.success) throw failure('INVALID_ARGUMENT', 'read', 'not a request: see the protocol');
      request = parsed.data;
    } catch (error) {
      this.#fail(id, error instanceof SyntaxError ? failure('INVALID_ARGUMENT', 'read', 'not JSON') : error);
      return;
    }
    if ('cancel' in request) this.#running.get(request.cancel)?.abort();
    else void this.#run(request);
  }

  async #run(request: Exclude<Request, { readonly cancel: number }>): Promise<void> {
    const { id } = request;
    if (this.#running.has(id)) return this.#fail(id, failure('INVALID_ARGUMENT', 'read', 'a request with this id is running'));
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      if ('control' in request) this.#send({ id, result: this.#gateway.control(request.control as ControlCall, request.params ?? {}) });
      else if ('call' in request) {
        this.#send({
          id,
          result: await this.#gateway.call(request.node, request.call as NodeCall, request.params ?? {}, controller.signal),
        });
      } else {
        for await (const event of this.#gateway.follow(
          request.node,
          request.follow as NodeStream,
          request.params ?? {},
          controller.signal,
        )) {
          if (!this.#send({ id, event })) await drained(this.#socket);
        }
        this.#send({ id, end: true });
      }
    } catch (error) {
      if (error instanceof ReplyLostError) this.#socket.destroy();
      else this.#fail(id, error);
    } finally {
      this.#running.delete(id);
    }
  }

  #fail(id: number | null, error: unknown): void {
    const told = toLightningError(error, 'call');
    if (told.code === 'INTERNAL') this.#logger.error({ err: error }, 'the simulated network failed at a request');
    this.#send({ id, error: toWireError(told) });
  }

  /** False where the client has not read what it was sent before. */
  #send(response: Response): boolean {
    if (!this.#socket.writable) return true;
    if (this.#socket.writableLength > MAX_WAITING_BYTES) {
      this.#logger.warn({}, 'a client of the simulated network does not read: it is let go');
      this.#socket.destroy();
      return true;
    }
    return this.#socket.write(`${encode(response)}\n`);
  }
}

async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

function idOf(message: unknown): number | null {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined;
  return typeof id === 'number' ? id : null;
}
