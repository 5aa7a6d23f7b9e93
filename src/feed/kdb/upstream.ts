import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Framing } from '../../kdb/framing.ts';
import { encodeMessage, readMessage } from '../../kdb/message.ts';
import type { K } from '../../kdb/types.ts';

const CAPABILITY = 3;
const KEEP_ALIVE_MS = 30_000;

/** Where a tickerplant is, and how it is logged in to. */
export interface UpstreamOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly caFile?: string | undefined;
  readonly user: string;
  readonly password: string;
  readonly maxMessageBytes: number;
  /** Takes what comes unasked. */
  readonly onMessage: (value: K) => void;
}

/** The tickerplant is not there, refuses us, or has gone. It may be tried again. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

/** What was answered with an error, `'x`. */
export class UpstreamRefusal extends Error {
  override readonly name = 'UpstreamRefusal';
}

/** A connection to a kdb+ process: asks one thing after the other, takes what comes unasked. */
export class Upstream {
  readonly #socket: Socket;
  readonly #options: UpstreamOptions;
  readonly #framing: Framing;
  readonly #asked: { readonly resolve: (value: K) => void; readonly reject: (error: Error) => void }[] = [];
  /** Resolves with the reason when the connection is over. */
  readonly ended: Promise<UpstreamError>;
  #over: UpstreamError | undefined;

  private constructor(socket: Socket, options: UpstreamOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#framing = new Framing(options.maxMessageBytes);
    this.ended = new Promise((resolve) => {
      let cause: Error | undefined;
      socket.on('error', (error) => {
        cause = error;
      });
      socket.on('close', () => {
        this.#over = new UpstreamError(cause === undefined ? 'closed the connection' : cause.message, { cause });
        for (const { reject } of this.#asked.splice(0)) reject(this.#over);
        resolve(this.#over);
      });
    });
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
  }

  /** Connects and logs in. @throws UpstreamError; the signal's reason. */
  static async open(options: UpstreamOptions, signal: AbortSignal): Promise<Upstream> {
    const { user, password } = options;
    signal.throwIfAborted();
    const socket = await socketTo(options);
    if (signal.aborted) socket.destroy();
    signal.throwIfAborted();
    const onAbort = () => socket.destroy(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        // They stay: what comes when it is resolved changes nothing, and an error is never without a listener.
        socket.once('error', (error) => reject(new UpstreamError(error.message, { cause: error })));
        socket.once('close', () => reject(new UpstreamError('does not take this user and password')));
        socket.once('data', (answer: Uint8Array) => {
          socket.pause();
          socket.unshift(answer.subarray(1));
          resolve();
        });
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        socket.write(Buffer.concat([Buffer.from(`${user}:${password}`), Buffer.from([CAPABILITY, 0])]));
      });
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    const upstream = new Upstream(socket, options);
    socket.resume();
    return upstream;
  }

  /** Calls a function and waits for what it answers. @throws UpstreamRefusal, UpstreamError. */
  ask(call: K): Promise<K> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#socket.write(encodeMessage('sync', call));
    });
  }

  /** Lets it wait: it is faster than what it says can be taken. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    const { maxMessageBytes, onMessage } = this.#options;
    try {
      this.#framing.push(chunk);
      for (let bytes = this.#framing.next(); bytes !== undefined; bytes = this.#framing.next()) {
        const { kind, value } = readMessage(bytes, { inflatedBytes: maxMessageBytes, decode: { depth: 8, values: 50_000_000 } });
        if (kind !== 'response') onMessage(value);
        else if (value.kind === 'error') this.#asked.shift()?.reject(new UpstreamRefusal(`'${value.message}`));
        else this.#asked.shift()?.resolve(value);
      }
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }
}

/** A socket that is connecting. @throws UpstreamError where the certificates can't be read. */
async function socketTo({ host, port, tls, caFile }: UpstreamOptions): Promise<Socket> {
  if (!tls) return connect({ host, port });
  // Each time anew: they may have been renewed.
  const ca =
    caFile === undefined
      ? undefined
      : await readFile(caFile).catch((error: Error) => {
          throw new UpstreamError(`the certificates ${caFile} can't be read`, { cause: error });
        });
  return connectTls({
    host,
    port,
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(isIP(host) === 0 && { servername: host }),
  });
}
