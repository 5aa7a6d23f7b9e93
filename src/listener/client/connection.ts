import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../../core/ports/clock.ts';
import { ListenerError } from '../errors.ts';
import { EVENTS_PATH, type FromFollower, type FromListener, type Hello, readFromListener, SILENCE_MS, WINDOW } from '../protocol.ts';

/** How to reach a listener. */
export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const CONNECT_MS = 10_000;
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** More than a listener of ours ever has on its way. */
const MOST_WAITING = WINDOW * 4;

/** One connection to a listener: its messages, one after the other. */
export class ListenerConnection implements Disposable {
  readonly hello: Hello;
  readonly #socket: WebSocket;
  readonly #inbox: Inbox;

  private constructor(socket: WebSocket, inbox: Inbox, hello: Hello) {
    this.#socket = socket;
    this.#inbox = inbox;
    this.hello = hello;
  }

  /** Connects and learns who it is. @throws ListenerError `UNAVAILABLE`, `UNAUTHORIZED`, `PROTOCOL`, `CONNECTION_LOST`. */
  static async open({ url, token, ca, clock, signal }: ConnectOptions): Promise<ListenerConnection> {
    const socket = new WebSocket(new URL(EVENTS_PATH, url), {
      headers: { Authorization: `Bearer ${token}` },
      handshakeTimeout: CONNECT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
      ...(ca === undefined ? {} : { ca }),
    });
    const inbox = new Inbox(socket, clock, signal);
    try {
      const hello = await inbox.next();
      if (hello.type !== 'hello') throw new ListenerError('PROTOCOL', 'the listener did not say who it is');
      return new ListenerConnection(socket, inbox, hello);
    } catch (error) {
      inbox[Symbol.dispose]();
      socket.terminate();
      throw error;
    }
  }

  /** The next message. @throws ListenerError when the connection is gone, or was silent for too long; what had come before comes first. */
  next(): Promise<FromListener> {
    return this.#inbox.next();
  }

  send(message: FromFollower): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  [Symbol.dispose](): void {
    this.#inbox[Symbol.dispose]();
    this.#socket.close();
    // A listener that is gone does not say good-bye.
    if (this.#socket.readyState !== WebSocket.CLOSED) setImmediate(() => this.#socket.terminate());
  }
}

/** What has come and was not taken yet. */
class Inbox implements Disposable {
  readonly #messages: FromListener[] = [];
  readonly #clock: Clock;
  readonly #socket: WebSocket;
  readonly #signal: AbortSignal;
  readonly #abort = (): void => this.#end(new ListenerError('CONNECTION_LOST', 'stopped'));
  #error: ListenerError | undefined;
  #wake: (() => void) | undefined;
  #silence: Disposable | undefined;

  constructor(socket: WebSocket, clock: Clock, signal: AbortSignal) {
    this.#socket = socket;
    this.#clock = clock;
    this.#signal = signal;
    socket.on('message', (data, isBinary) => this.#take(isBinary ? '' : String(data)));
    socket.on('ping', () => this.#heard());
    socket.on('error', (error) =>
      this.#end(new ListenerError('UNAVAILABLE', `the listener can't be reached: ${reasonOf(error)}`, { cause: error })),
    );
    socket.on('unexpected-response', (_request, response) => this.#end(refusalOf(response)));
    socket.on('close', (code, reason) => {
      const why = String(reason) || `code ${code}`;
      this.#end(new ListenerError('CONNECTION_LOST', `the connection to the listener ended (${why})`));
    });
    if (signal.aborted) this.#abort();
    signal.addEventListener('abort', this.#abort, { once: true });
    this.#heard();
  }

  async next(): Promise<FromListener> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#silence?.[Symbol.dispose]();
    this.#signal.removeEventListener('abort', this.#abort);
  }

  #take(text: string): void {
    this.#heard();
    if (this.#error !== undefined) return;
    try {
      if (this.#messages.length >= MOST_WAITING) throw new ListenerError('PROTOCOL', 'the listener sends more than was acknowledged');
      this.#messages.push(readFromListener(text));
    } catch (error) {
      this.#end(error as ListenerError);
    }
    this.#ring();
  }

  #heard(): void {
    this.#silence?.[Symbol.dispose]();
    if (this.#error !== undefined) return;
    this.#silence = this.#clock.setTimer(SILENCE_MS, () => {
      this.#end(new ListenerError('CONNECTION_LOST', `nothing came from the listener for ${SILENCE_MS / 1000} s`));
    });
  }

  #end(error: ListenerError): void {
    this.#error ??= error;
    this.#silence?.[Symbol.dispose]();
    this.#socket.terminate();
    this.#ring();
  }

  #ring(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function refusalOf({ statusCode }: IncomingMessage): ListenerError {
  if (statusCode === 401)
    return new ListenerError('UNAUTHORIZED', "the listener does not take this token: listener.token must be one of its config's servers");
  if (statusCode === 503) return new ListenerError('UNAVAILABLE', 'the listener has not reached its node yet');
  return new ListenerError('PROTOCOL', `what answers there is no listener (HTTP ${statusCode ?? 0}): see listener.url`);
}

function reasonOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}
