import { connect, type Socket } from 'node:net';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import type { NodeCall, NodeCalls, NodeStream, NodeStreams, SimulatedNode } from '../gateway/calls.ts';
import type { ControlCall, ControlCalls, SimnetControl } from '../gateway/control-calls.ts';
import { EventQueue } from '../gateway/event-queue.ts';
import { decode, encode } from '../network/codec.ts';
import { failure } from '../network/failures.ts';
import { LineReader } from './lines.ts';
import { fromWireError, type Response } from './messages.ts';

interface Waiting {
  readonly onResponse: (response: Response) => void;
  readonly onLost: (error: LightningError) => void;
}

/**
 * A connection to a network's socket, made when it is first needed and made anew at the next need after it was lost. What
 * was in flight then ends with `CONNECTION_LOST`; where nobody serves the socket a call fails with `UNAVAILABLE`.
 */
export class SimnetConnection implements AsyncDisposable {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<Socket> | undefined;
  #open: Socket | undefined;
  #lastId = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** One request, one answer. */
  async request(operation: string, body: Readonly<Record<string, unknown>>, { signal }: CallOptions = {}): Promise<unknown> {
    if (isAborted(signal)) throw aborted(operation);
    const socket = await this.#connected(operation);
    return await new Promise((resolve, reject) => {
      const id = this.#nextId();
      const end = (settle: () => void) => {
        this.#waiting.delete(id);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const abort = () => {
        this.#write(socket, { cancel: id });
        end(() => reject(aborted(operation)));
      };
      this.#waiting.set(id, {
        onResponse: (response) =>
          end(() =>
            'error' in response ? reject(fromWireError(response.error)) : resolve('result' in response ? response.result : undefined),
          ),
        onLost: (error) => end(() => reject(error)),
      });
      signal?.addEventListener('abort', abort, { once: true });
      if (isAborted(signal)) abort();
      else this.#write(socket, { id, ...body });
    });
  }

  /** One request, many events. */
  async *follow(operation: string, body: Readonly<Record<string, unknown>>, { signal }: CallOptions = {}): AsyncIterable<unknown> {
    if (isAborted(signal)) return;
    const socket = await this.#connected(operation);
    const id = this.#nextId();
    const events = new EventQueue<unknown>();
    const abort = () => events.end();
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.set(id, {
      onResponse: (response) => {
        if ('event' in response) events.push(response.event);
        else events.end('error' in response ? fromWireError(response.error) : undefined);
      },
      onLost: (error) => events.end(error),
    });
    try {
      if (isAborted(signal)) return;
      this.#write(socket, { id, ...body });
      for await (const event of events.drain()) {
        if (isAborted(signal)) return;
        yield event;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#waiting.delete(id);
      this.#write(socket, { cancel: id });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const socket = await this.#socket?.catch(() => undefined);
    socket?.destroy();
    this.#lost(failure('ABORTED', 'close', 'the connection was closed by its owner'));
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #write(socket: Socket, message: Readonly<Record<string, unknown>>): void {
    if (socket.writable) socket.write(`${encode(message)}\n`);
  }

  async #connected(operation: string): Promise<Socket> {
    if (this.#closed) throw failure('ABORTED', operation, 'the connection was closed by its owner');
    this.#socket ??= this.#connect();
    const connecting = this.#socket;
    try {
      const socket = await connecting;
      if (!socket.destroyed) return socket;
    } catch (cause) {
      if (this.#socket === connecting) this.#socket = undefined;
      const message = `the simulated network does not answer on ${this.#path}`;
      throw new LightningError('UNAVAILABLE', message, { operation, cause });
    }
    throw failure('UNAVAILABLE', operation, `the simulated network closed the connection on ${this.#path}`);
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#path);
      const lines = new LineReader((line) => this.#receive(line));
      socket.on('error', reject);
      socket.once('connect', () => {
        this.#open = socket;
        resolve(socket);
      });
      socket.on('data', (chunk) => {
        try {
          lines.push(chunk);
        } catch {
          socket.destroy();
        }
      });
      socket.once('close', () => {
        if (this.#open !== socket) return;
        this.#open = undefined;
        this.#socket = undefined;
        this.#lost(failure('CONNECTION_LOST', 'socket', 'the connection to the simulated network was lost'));
      });
    });
  }

  #receive(line: string): void {
    let response: Response;
    try {
      response = decode(line) as Response;
    } catch {
      this.#open?.destroy();
      return;
    }
    if (typeof response === 'object' && response !== null && response.id !== null) this.#waiting.get(response.id)?.onResponse(response);
  }

  #lost(error: LightningError): void {
    for (const waiting of [...this.#waiting.values()]) waiting.onLost(error);
    this.#waiting.clear();
  }
}

/** A node of a network behind a socket. */
export class SocketNode implements SimulatedNode {
  readonly name: string;
  readonly #connection: SimnetConnection;

  constructor(connection: SimnetConnection, name: string) {
    this.#connection = connection;
    this.name = name;
  }

  async call<M extends NodeCall>(method: M, params: NodeCalls[M]['params'], options: CallOptions = {}): Promise<NodeCalls[M]['result']> {
    return (await this.#connection.request(method, { node: this.name, call: method, params }, options)) as NodeCalls[M]['result'];
  }

  follow<S extends NodeStream>(
    stream: S,
    params: NodeStreams[S]['params'],
    options: CallOptions = {},
  ): AsyncIterable<NodeStreams[S]['event']> {
    return this.#connection.follow(stream, { node: this.name, follow: stream, params }, options) as AsyncIterable<NodeStreams[S]['event']>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}

/** Drives a network behind a socket; connects when it is first used. */
export function connectSimnet(socket: string): SimnetControl {
  const connection = new SimnetConnection(socket);
  return {
    call: async <M extends ControlCall>(method: M, params: ControlCalls[M]['params'], options: CallOptions = {}) =>
      (await connection.request(method, { control: method, params }, options)) as ControlCalls[M]['result'],
    [Symbol.asyncDispose]: async () => await connection[Symbol.asyncDispose](),
  };
}

/** A function of its own, since it changes between two looks. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function aborted(operation: string): LightningError {
  return failure('ABORTED', operation, 'given up by the caller');
}
