import { WebSocket } from 'ws';
import { LightningError } from '../../core/lightning/errors.ts';
import { aborted } from '../shared/abort.ts';
import { plainCause } from '../shared/redact.ts';
import type { EclairClient } from './client.ts';

const OPEN_TIMEOUT_MS = 10_000;
/** Below akka's idle time-out of a minute. */
const PING_MS = 20_000;
const LARGEST_MESSAGE = 4 * 1024 * 1024;

/**
 * eclair's `/ws`: a hint, never the truth. It is a shared queue of ten that drops the newest, and nothing is played
 * back. Kept alive by pings, and given up when a ping is not answered.
 */
export class EclairEvents {
  readonly #socket: WebSocket;
  #lost = false;
  #onLost: () => void = () => {};

  private constructor(socket: WebSocket, client: EclairClient, onMessage: (message: unknown) => void) {
    this.#socket = socket;
    let answered = true;
    let timer: Disposable | undefined;
    const beat = () => {
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      socket.ping();
      timer = client.clock.setTimer(PING_MS, beat);
    };
    timer = client.clock.setTimer(PING_MS, beat);
    socket.on('pong', () => {
      answered = true;
    });
    socket.on('message', (data) => {
      answered = true;
      const message = parse(String(data));
      if (message !== undefined) onMessage(message);
    });
    socket.on('close', () => {
      timer?.[Symbol.dispose]();
      this.#lost = true;
      this.#onLost();
    });
  }

  /** @throws LightningError `UNAVAILABLE` when it can't be opened, `UNAUTHENTICATED`, `ABORTED`. */
  static async open(
    client: EclairClient,
    operation: string,
    signal: AbortSignal,
    onMessage: (message: unknown) => void,
  ): Promise<EclairEvents> {
    const endpoint = await client.endpoint(operation);
    const url = `${endpoint.url.replace(/^http/, 'ws')}/ws`;
    const socket = new WebSocket(url, {
      headers: { Authorization: endpoint.authorization },
      handshakeTimeout: OPEN_TIMEOUT_MS,
      maxPayload: LARGEST_MESSAGE,
      followRedirects: false,
      perMessageDeflate: false,
    });
    // One stays on for good: an error without a listener would end the process.
    socket.on('error', () => {});
    const stop = () => socket.terminate();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
        socket.once('unexpected-response', (_request, response) => {
          response.resume();
          reject(Object.assign(new Error(`status ${response.statusCode}`), { status: response.statusCode }));
          socket.terminate();
        });
        socket.once('close', () => reject(new Error('closed')));
      });
    } catch (error) {
      if (signal.aborted) throw aborted(operation);
      if ((error as { status?: number }).status === 401) {
        throw new LightningError('UNAUTHENTICATED', `${endpoint.url} does not take the password`, { operation });
      }
      const cause = plainCause(error, [endpoint.password, endpoint.authorization]);
      throw new LightningError('UNAVAILABLE', `${url}: the WebSocket can't be opened (${cause.message})`, { operation, cause });
    } finally {
      signal.removeEventListener('abort', stop);
    }
    return new EclairEvents(socket, client, onMessage);
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** Told once when the socket is gone. */
  onLost(callback: () => void): void {
    this.#onLost = callback;
    if (this.#lost) callback();
  }

  close(): void {
    this.#socket.terminate();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
