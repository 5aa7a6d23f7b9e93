import { LightningClient } from 'clightning-client';
import { LightningError } from '../../core/lightning/errors.ts';
import { AnswerReader } from './framing.ts';
import { RpcError } from './rpc-error.ts';
import { connectError, requireSocket } from './socket-path.ts';

/**
 * The client package without its reconnecting: its own leaves calls hanging for ever. A connection that ends stays ended.
 */
class OneConnection extends LightningClient {
  override reconnect(): void {}
}

/**
 * One connection to lightningd's socket, with one client object of its own. When the socket ends, whichever way, every
 * call in flight is rejected with `CONNECTION_LOST`, and each later one too.
 */
export class ClnConnection {
  readonly path: string;
  readonly #client: OneConnection;
  readonly #pending = new Set<(error: LightningError) => void>();
  #lost: LightningError | undefined;

  private constructor(path: string, client: OneConnection) {
    this.path = path;
    this.#client = client;
  }

  /** @throws LightningError `UNAVAILABLE`, `UNAUTHENTICATED`, `INVALID_ARGUMENT`, with the path named. */
  static async open(path: string, operation: string): Promise<ClnConnection> {
    await requireSocket(path, operation);
    const client = new OneConnection(path);
    const connection = new ClnConnection(path, client);
    connection.#supervise();
    await new Promise<void>((resolve, reject) => {
      client.client.once('connect', resolve);
      client.client.once('error', (error) => reject(connectError(error, path, operation)));
      client.client.once('close', () => reject(connectError(new Error('closed'), path, operation)));
    });
    return connection;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Makes one call.
   * @throws RpcError lightningd's refusal; LightningError `CONNECTION_LOST`, `PROTOCOL`.
   */
  call(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      this.#client
        .call(method, params)
        .then(resolve, (error: { code?: unknown; message?: unknown; data?: unknown }) => {
          reject(new RpcError(Number(error.code ?? -1), String(error.message ?? 'an error without a message'), error.data));
        })
        .finally(() => this.#pending.delete(reject));
    });
  }

  /** Ends the connection; what is in flight is rejected. */
  close(): void {
    this.#lose(new LightningError('CONNECTION_LOST', `the connection to ${this.path} was closed`, { operation: 'connection' }));
  }

  #supervise(): void {
    const { client: socket, rl } = this.#client;
    // The package's own listeners print to the console and reconnect; they are the ones that call its reconnect.
    for (const event of ['end', 'error'] as const) {
      for (const listener of socket.listeners(event)) {
        if (String(listener).includes('reconnect')) socket.removeListener(event, listener as () => void);
      }
    }
    // Its readline throws on what is not JSON, out of an event handler, and cuts lines at U+2028: read here instead.
    rl.on('error', () => {});
    rl.removeAllListeners('line');
    rl.close();
    this.#client.on('error', () => {});
    const reader = new AnswerReader();
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => this.#read(reader, piece));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#ended(error.code));
    socket.on('end', () => this.#ended(undefined));
    socket.on('close', () => this.#ended(undefined));
    socket.resume();
  }

  #read(reader: AnswerReader, piece: string): void {
    try {
      for (const answer of reader.push(piece)) this.#client.emit(`res:${answer.id}`, answer);
    } catch (error) {
      this.#lose(
        new LightningError('PROTOCOL', `what answers at ${this.path} is not lightningd: ${(error as Error).message}`, {
          operation: 'connection',
        }),
      );
    }
  }

  #ended(code: string | undefined): void {
    const why = code === undefined ? 'lightningd closed it' : code;
    this.#lose(
      new LightningError('CONNECTION_LOST', `the connection to ${this.path} ended before the answer (${why})`, { operation: 'connection' }),
    );
  }

  #lose(error: LightningError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const reject of pending) reject(error);
    this.#client.client.destroy();
  }
}
