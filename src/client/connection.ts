import { WebSocket } from 'ws';
import type { Clock } from '../core/ports/clock.ts';
import { MessageError, readMessage, type ServerMessage } from './messages.ts';

/** Why Node does not believe a certificate (its errors of X.509, and of the name). */
const DISTRUSTED =
  /^(?:CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)/;

/** How to connect. */
export interface ConnectionOptions {
  readonly url: string;
  /** Certificates in PEM that the server's is believed by, instead of those that the machine trusts. */
  readonly ca?: string | Uint8Array | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** After so long without a message the server is asked for a sign of life; after three times that it is given up. */
  readonly heartbeatMs: number;
}

/** Why a connection is no more. `permanent`: coming back would not help (an HTTP answer that says so). */
export interface Closed {
  readonly detail: string;
  readonly permanent: boolean;
  /** What came was not the protocol's. */
  readonly protocol: boolean;
}

/** What {@link Connection.receive} answers. */
export type Received =
  | { readonly kind: 'message'; readonly message: ServerMessage }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'woken' }
  | { readonly kind: 'closed'; readonly closed: Closed };

/** Messages that may wait for the reader before the socket is no longer read. */
const HIGH_WATER = 512;
const MISSED_BEFORE_LOST = 3;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * One WebSocket to a tickerplant. Messages wait here for {@link receive}, and a reader that is slow stops the socket, so
 * memory is bounded. Heartbeats and pings are dealt with here and not handed on. Closing is final.
 */
export class Connection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #queue: ServerMessage[] = [];
  #head = 0;
  #closed: Closed | undefined;
  #wake: (() => void) | undefined;
  #woken = false;
  #silent = 0;
  #watchdog: Disposable | undefined;
  readonly #onAbort = (): void => this.close('stopped');

  private constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (data, isBinary) => this.#onMessage(isBinary ? undefined : String(data)));
    socket.on('ping', () => {
      this.#silent = 0;
    });
    socket.on('error', (error) => this.#end({ detail: error.message, permanent: false, protocol: false }));
    socket.on('close', (code, reason) => {
      this.#end({
        detail: `the server closed the connection (${code}${reason.length > 0 ? ` ${reason}` : ''})`,
        permanent: false,
        protocol: false,
      });
    });
    options.signal.addEventListener('abort', this.#onAbort);
    this.#watch();
  }

  /** Connects; a refusal is a value. @throws nothing. */
  static open(options: ConnectionOptions): Promise<Connection | Closed> {
    return new Promise((resolve) => {
      const fail = (detail: string, permanent = false): void => resolve({ detail, permanent, protocol: false });
      let socket: WebSocket;
      try {
        socket = new WebSocket(options.url, {
          perMessageDeflate: false,
          handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
          maxPayload: MAX_MESSAGE_BYTES,
          minVersion: 'TLSv1.2',
          ...(options.ca !== undefined && { ca: Buffer.from(options.ca) }),
        });
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error), true);
        return;
      }
      const abort = (): void => socket.terminate();
      options.signal.addEventListener('abort', abort);
      const settle = (): void => options.signal.removeEventListener('abort', abort);
      socket.once('unexpected-response', (_request, response) => {
        const status = response.statusCode ?? 0;
        settle();
        response.destroy();
        socket.on('error', () => {});
        socket.terminate();
        const passing = status >= 500 || status === 408 || status === 429;
        fail(`HTTP ${status}: there is no tickerplant's WebSocket at this address`, !passing);
      });
      const refused = (error: Error): void => {
        settle();
        const distrust = distrustOf(error);
        if (distrust !== undefined) {
          fail(distrust, true);
          return;
        }
        fail(error.message === '' && error instanceof AggregateError ? String(error.errors[0]?.message) : error.message);
      };
      socket.once('error', refused);
      socket.once('open', () => {
        settle();
        socket.removeListener('error', refused);
        resolve(new Connection(socket, options));
      });
    });
  }

  /** Sends a message; on a connection that is gone it is dropped, and {@link receive} tells. */
  send(message: Readonly<Record<string, unknown>>): void {
    if (this.#closed === undefined && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** The next message; or that the time is over (milliseconds since 1970, `undefined` for never), that it was woken, or that the connection is over. */
  async receive(until: number | undefined): Promise<Received> {
    for (;;) {
      const message = this.#take();
      if (message !== undefined) return { kind: 'message', message };
      if (this.#closed !== undefined) return { kind: 'closed', closed: this.#closed };
      if (this.#woken) {
        this.#woken = false;
        return { kind: 'woken' };
      }
      const left = until === undefined ? undefined : until - this.#options.clock.now();
      if (left !== undefined && left <= 0) return { kind: 'timeout' };
      await this.#sleep(left);
    }
  }

  /** Lets {@link receive} return, once, where no message is there: something else is to be looked at. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Ends it at once; what has arrived and was not received is dropped. */
  close(detail = 'closed by us'): void {
    this.#queue.length = 0;
    this.#head = 0;
    this.#end({ detail, permanent: false, protocol: false });
  }

  #take(): ServerMessage | undefined {
    const message = this.#queue[this.#head];
    if (message === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
      if (this.#socket.isPaused) {
        this.#silent = 0;
        this.#socket.resume();
      }
    }
    return message;
  }

  async #sleep(leftMs: number | undefined): Promise<void> {
    let timer: Disposable | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (leftMs !== undefined) timer = this.#options.clock.setTimer(leftMs, resolve);
    });
    this.#wake = undefined;
    timer?.[Symbol.dispose]();
  }

  #onMessage(text: string | undefined): void {
    if (this.#closed !== undefined) return;
    this.#silent = 0;
    let message: ServerMessage;
    try {
      if (text === undefined) throw new MessageError('a binary message');
      message = readMessage(text);
    } catch (error) {
      this.#end({ detail: `not a message of the protocol: ${(error as Error).message}`, permanent: false, protocol: true });
      return;
    }
    if (message.op === 'ping') {
      this.send(message.id === undefined ? { op: 'pong' } : { op: 'pong', id: message.id });
      return;
    }
    if (message.op === 'heartbeat' || message.op === 'pong' || message.op === 'unknown') return;
    this.#queue.push(message);
    if (this.#queue.length - this.#head >= HIGH_WATER && !this.#socket.isPaused) this.#socket.pause();
    this.#wake?.();
  }

  #watch(): void {
    this.#watchdog = this.#options.clock.setTimer(this.#options.heartbeatMs, () => {
      if (this.#closed !== undefined) return;
      // A paused socket hears nothing, and that is our own doing.
      if (!this.#socket.isPaused) this.#silent += 1;
      if (this.#silent > MISSED_BEFORE_LOST) {
        this.#end({ detail: `no sign of life for ${MISSED_BEFORE_LOST} heartbeats`, permanent: false, protocol: false });
        return;
      }
      if (this.#silent > 0) this.send({ op: 'ping', id: `heartbeat-${this.#silent}` });
      this.#watch();
    });
  }

  #end(closed: Closed): void {
    if (this.#closed !== undefined) return;
    this.#closed = closed;
    this.#watchdog?.[Symbol.dispose]();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#socket.terminate();
    this.#wake?.();
  }
}

/** What to say of a certificate that is not believed; undefined: it is something else. Coming back would not help. */
function distrustOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !DISTRUSTED.test(code)) return undefined;
  return `the server's certificate is not to be believed (${code}: ${error.message}); where it is the server's own, give its file as ca (--ca)`;
}
