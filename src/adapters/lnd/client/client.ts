import type { z } from 'zod';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import type { LndConnection } from './config.ts';
import { readCredentials } from './credentials.ts';
import { toLightningError } from './errors.ts';
import { type LndService, type LndServices, openServices } from './services.ts';

/** One call: whose it is for error messages, what of lnd's it is, and how its answer reads. */
export interface LndCall<T> {
  /** In the port's words, `invoices.create`. */
  readonly operation: string;
  readonly service: LndService;
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly schema: z.ZodType<T>;
  /** 30 s unless given. Streams have none. */
  readonly timeoutMs?: number;
}

/** The calls of {@link LndClient}, which is all that the services need of it. */
export type LndCaller = Pick<LndClient, 'unary' | 'stream' | 'reconnect'>;

/** Makes sure of the node behind a fresh connection, before the first call of anybody's. Throws what every call is then to throw. */
export type ConnectionCheck = (client: Pick<LndClient, 'unary'>) => Promise<void>;

interface GrpcCall extends AsyncIterable<unknown> {
  cancel(): void;
  on(event: 'error', listener: () => void): void;
}

interface Connected {
  readonly services: LndServices;
  readonly credentials: string;
  readonly since: number;
}

const TIMEOUT_MS = 30_000;
/** gRPC waits ever longer, up to two minutes, before it dials a lost node again; a fresh connection dials at once. */
const REDIAL_AFTER_MS = 10_000;

/**
 * The connection to one lnd, on ln-service's gRPC clients. Calls go to lnd's own methods, not through ln-service's functions,
 * which have neither deadline nor cancelling, page backwards, and lose the settle position when they reconnect.
 * Macaroon and certificate are read again when a connection was refused or lost.
 */
export class LndClient {
  readonly #connection: LndConnection;
  readonly #check: ConnectionCheck;
  readonly #live = new Set<() => void>();
  #connected: Connected | undefined;
  #connecting: Promise<Connected> | undefined;
  #checked: Promise<void> | undefined;
  #stale = false;
  #closed = false;

  constructor(connection: LndConnection, check: ConnectionCheck) {
    this.#connection = connection;
    this.#check = check;
  }

  /** A call with one answer. @throws LightningError */
  async unary<T>(call: LndCall<T>, options: CallOptions = {}): Promise<T> {
    await this.#ensureChecked(call.operation, options);
    return await this.#unaryWithRenewal(call, options);
  }

  /** A call with many answers; breaking off ends it at lnd. @throws LightningError */
  async *stream<T>(call: LndCall<T>, options: CallOptions = {}): AsyncGenerator<T, void, undefined> {
    await this.#ensureChecked(call.operation, options);
    let begun = false;
    for (;;) {
      try {
        for await (const item of this.#streamOnce(call, options)) {
          begun = true;
          yield item;
        }
        return;
      } catch (error) {
        if (begun || !(await this.#renewed(error))) throw error;
        begun = true;
      }
    }
  }

  /** Makes the next call dial anew: for a connection that looks alive and does not answer. */
  reconnect(): void {
    this.#disconnect();
  }

  /** Ends every call in flight and all connections. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#live]) end();
    this.#disconnect();
  }

  async #ensureChecked(operation: string, { signal }: CallOptions): Promise<void> {
    if (this.#checked === undefined) {
      const checked = this.#check({ unary: (call, options = {}) => this.#unaryWithRenewal(call, options) });
      this.#checked = checked;
      checked.catch(() => {
        if (this.#checked === checked) this.#checked = undefined;
      });
    }
    await untilAborted(this.#checked, operation, signal);
  }

  async #unaryWithRenewal<T>(call: LndCall<T>, options: CallOptions): Promise<T> {
    try {
      return await this.#unaryOnce(call, options);
    } catch (error) {
      // Refused before it did anything: with a rotated credential it may go again.
      if (!(await this.#renewed(error))) throw error;
      return await this.#unaryOnce(call, options);
    }
  }

  async #unaryOnce<T>(call: LndCall<T>, { signal }: CallOptions): Promise<T> {
    const method = await this.#method(call, signal);
    const deadline = Date.now() + (call.timeoutMs ?? TIMEOUT_MS);
    const answer = await new Promise<unknown>((resolve, reject) => {
      const abort = (): void => {
        grpcCall.cancel();
        reject(this.#ended(call.operation, signal));
      };
      const finish = (): void => {
        signal?.removeEventListener('abort', abort);
        this.#live.delete(abort);
      };
      const grpcCall = method(call.request, { deadline }, (error: unknown, response: unknown) => {
        finish();
        if (error === null || error === undefined) resolve(response);
        else reject(this.#failed(error, call.operation));
      }) as GrpcCall;
      signal?.addEventListener('abort', abort, { once: true });
      this.#live.add(abort);
    });
    return parse(call, answer);
  }

  async *#streamOnce<T>(call: LndCall<T>, { signal }: CallOptions): AsyncGenerator<T, void, undefined> {
    const method = await this.#method(call, signal);
    const grpcCall = method(call.request) as GrpcCall;
    // Cancelling is reported as an error event, also when nobody iterates any more.
    grpcCall.on('error', () => {});
    const abort = (): void => grpcCall.cancel();
    signal?.addEventListener('abort', abort, { once: true });
    this.#live.add(abort);
    try {
      for await (const item of grpcCall) yield parse(call, item);
    } catch (error) {
      if (signal?.aborted || this.#closed) throw this.#ended(call.operation, signal);
      throw this.#failed(error, call.operation);
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#live.delete(abort);
      grpcCall.cancel();
    }
  }

  async #method(
    { service, method, operation }: LndCall<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<(...args: unknown[]) => unknown> {
    if (this.#closed || signal?.aborted) throw this.#ended(operation, signal);
    const { services } = await untilAborted(this.#connect(operation), operation, signal);
    const client = services[service];
    const call = client?.[method];
    if (typeof call !== 'function') throw new LightningError('INTERNAL', `ln-service has no ${service}.${method}`, { operation });
    return call.bind(client) as (...args: unknown[]) => unknown;
  }

  #connect(operation: string): Promise<Connected> {
    if (this.#connected !== undefined && !this.#stale) return Promise.resolve(this.#connected);
    this.#connecting ??= this.#dial(operation).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #dial(operation: string): Promise<Connected> {
    const { macaroon, cert } = await readCredentials(this.#connection);
    if (this.#closed) throw this.#ended(operation, undefined);
    const credentials = `${macaroon} ${cert}`;
    const now = performance.now();
    const current = this.#connected;
    this.#stale = false;
    if (current !== undefined && current.credentials === credentials && now - current.since < REDIAL_AFTER_MS) return current;
    this.#disconnect();
    this.#connected = { services: openServices({ macaroon, cert }, this.#connection.socket), credentials, since: now };
    return this.#connected;
  }

  #disconnect(): void {
    const connected = this.#connected;
    this.#connected = undefined;
    this.#checked = undefined;
    if (connected === undefined) return;
    for (const client of Object.values(connected.services)) if (typeof client['close'] === 'function') client['close']();
  }

  /** Whether the refusal was met by a credential that has changed since, and is now in use. */
  async #renewed(error: unknown): Promise<boolean> {
    if (!isLightningError(error, 'UNAUTHENTICATED') || this.#closed) return false;
    const before = this.#connected?.credentials;
    this.#stale = true;
    try {
      return (await this.#connect(error.operation)).credentials !== before;
    } catch {
      return false;
    }
  }

  #failed(error: unknown, operation: string): LightningError {
    const failure = toLightningError(error, operation);
    if (failure.code === 'UNAVAILABLE' || failure.code === 'CONNECTION_LOST') {
      this.#stale = true;
      this.#checked = undefined;
    }
    return failure;
  }

  #ended(operation: string, signal: AbortSignal | undefined): LightningError {
    return new LightningError('ABORTED', this.#closed ? 'the backend was closed' : 'aborted by the caller', {
      operation,
      cause: signal?.reason,
    });
  }
}

function parse<T>({ schema, operation, method }: LndCall<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.join('.') || '(all)').join(', ');
  throw new LightningError('PROTOCOL', `lnd's answer to ${method} lacks or has in another form: ${where}`, { operation });
}

function untilAborted<T>(promise: Promise<T>, operation: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new LightningError('ABORTED', 'aborted by the caller', { operation, cause: signal.reason }));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
