import type { z } from 'zod';
import type { NodeIdentity } from '../../core/lightning/backend.ts';
import { isLightningError, LightningError, type LightningErrorCode } from '../../core/lightning/errors.ts';
import { nodeId } from '../../core/lightning/identifiers.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { aborted, anySignal, throwIfAborted, within } from '../shared/abort.ts';
import { networkNamed, requireNetwork } from '../shared/network.ts';
import { parseAnswer } from '../shared/parse.ts';
import type { ClnConfig } from './config.ts';
import { ClnConnection } from './connection.ts';
import { isRefusal, refusal } from './rpc-error.ts';
import { type GetInfo, getInfoSchema, knownVersion } from './schema.ts';
import { socketPath } from './socket-path.ts';

const CALL_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** One call: what it is called in errors, how its answer looks, how long it may take. */
export interface ClnCall<Schema extends z.ZodType> {
  readonly operation: string;
  readonly schema: Schema;
  readonly signal?: AbortSignal | undefined;
  /** 60 s unless given; `'none'` for a call that waits by its nature. */
  readonly timeoutMs?: number | 'none';
  /** It changes nothing: after a lost connection it may simply be made again. */
  readonly readOnly?: boolean;
  /** Let lightningd's refusal through as it is, for a caller that acts on its number. */
  readonly rawRefusal?: boolean;
  /** Numbers of lightningd that mean something else in this call. */
  readonly meaning?: Readonly<Record<number, LightningErrorCode>>;
}

/** What {@link ClnClient} leans on. */
export interface ClnClientDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Calls to lightningd over connections that are made when they are needed: each with a client object of its own, each
 * first asked who it is. There is no dead state: after any loss the next call connects again.
 */
export class ClnClient {
  readonly #config: ClnConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #disposed = new AbortController();
  readonly #dedicated = new Set<ClnConnection>();
  #shared: Promise<ClnConnection> | undefined;
  #identity: NodeIdentity | undefined;
  #version: string | undefined;

  constructor(config: ClnConfig, { clock, logger }: ClnClientDependencies) {
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
  }

  get clock(): Clock {
    return this.#clock;
  }

  get logger(): Logger {
    return this.#logger;
  }

  /** Aborted when the backend is disposed of. */
  get disposed(): AbortSignal {
    return this.#disposed.signal;
  }

  /** The node's version, as of the last connection; undefined before the first. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Who the node is: learnt with each connection, remembered through outages. */
  async identity(signal?: AbortSignal): Promise<NodeIdentity> {
    if (this.#identity === undefined) await this.#connected('identity', signal);
    if (this.#identity === undefined) throw new LightningError('UNAVAILABLE', 'the node is not known yet', { operation: 'identity' });
    return this.#identity;
  }

  /**
   * Calls on the shared connection.
   * @throws LightningError; RpcError only where `rawRefusal` asks for it.
   */
  async call<Schema extends z.ZodType>(
    method: string,
    params: Readonly<Record<string, unknown>>,
    call: ClnCall<Schema>,
  ): Promise<z.output<Schema>> {
    const signal = anySignal(call.signal, this.#disposed.signal);
    throwIfAborted(signal, call.operation);
    const connection = await this.#connected(call.operation, signal);
    return await this.callOn(connection, method, params, call);
  }

  /** Calls on a connection of one's own, see {@link dedicated}. */
  async callOn<Schema extends z.ZodType>(
    connection: ClnConnection,
    method: string,
    params: Readonly<Record<string, unknown>>,
    call: ClnCall<Schema>,
  ): Promise<z.output<Schema>> {
    const { operation } = call;
    const signal = anySignal(call.signal, this.#disposed.signal);
    const timeoutMs = call.timeoutMs === 'none' ? undefined : (call.timeoutMs ?? CALL_TIMEOUT_MS);
    let answer: unknown;
    try {
      answer = await within(connection.call(method, params), { operation, signal, timeoutMs, clock: this.#clock });
    } catch (error) {
      if (isRefusal(error)) throw call.rawRefusal ? error : refusal(error, operation, call.meaning);
      throw explained(error, operation, call.readOnly === true);
    }
    return parseAnswer(call.schema, answer, operation, `lightningd's ${method}`);
  }

  /** A connection of one's own, for a call that waits: closing it lets lightningd forget the call. */
  async dedicated(operation: string, signal: AbortSignal | undefined): Promise<ClnConnection> {
    const connection = await this.#open(operation, anySignal(signal, this.#disposed.signal));
    this.#dedicated.add(connection);
    return connection;
  }

  /** Ends a connection made by {@link dedicated}. */
  release(connection: ClnConnection): void {
    this.#dedicated.delete(connection);
    connection.close();
  }

  /** Ends all connections; calls in flight are aborted. */
  async dispose(): Promise<void> {
    this.#disposed.abort();
    for (const connection of this.#dedicated) connection.close();
    this.#dedicated.clear();
    const shared = await this.#shared?.catch(() => undefined);
    shared?.close();
  }

  /** The shared connection; whoever comes while it is being made joins in. */
  async #connected(operation: string, signal: AbortSignal | undefined): Promise<ClnConnection> {
    for (;;) {
      const joined = this.#shared ?? this.#openShared(operation);
      const connection = await within(joined, { operation, signal, clock: this.#clock }).catch((error) => {
        throw explained(error, operation, false);
      });
      if (!connection.isLost) return connection;
      if (this.#shared === joined) this.#shared = undefined;
    }
  }

  #openShared(operation: string): Promise<ClnConnection> {
    const opening = this.#open(operation, this.#disposed.signal);
    this.#shared = opening;
    opening.catch(() => {
      if (this.#shared === opening) this.#shared = undefined;
    });
    return opening;
  }

  async #open(operation: string, signal: AbortSignal | undefined): Promise<ClnConnection> {
    throwIfAborted(signal, operation);
    const path = await socketPath(this.#config);
    const onTimeout = () => new LightningError('UNAVAILABLE', `lightningd at ${path} does not answer`, { operation });
    const limits = { operation, signal, timeoutMs: CONNECT_TIMEOUT_MS, clock: this.#clock, onTimeout };
    const opening = ClnConnection.open(path, operation);
    const connection = await within(opening, limits).catch((error) => {
      opening.then((late) => late.close()).catch(() => {});
      throw error;
    });
    try {
      const answer = await within(connection.call('getinfo', {}), limits);
      this.#learn(parseAnswer(getInfoSchema, answer, operation, "lightningd's getinfo"), operation);
    } catch (error) {
      connection.close();
      if (signal?.aborted) throw aborted(operation);
      if (isRefusal(error))
        throw new LightningError('UNAVAILABLE', `lightningd is not ready: ${error.message}`, { operation, cause: error });
      if (isLightningError(error, 'CONNECTION_LOST')) throw new LightningError('UNAVAILABLE', error.message, { operation, cause: error });
      throw error;
    }
    return connection;
  }

  #learn(info: GetInfo, operation: string): void {
    const network = networkNamed(info.network, operation);
    const configured = this.#config.network ?? (this.#config.socket === undefined ? 'mainnet' : undefined);
    requireNetwork(configured, network, operation);
    const identity: NodeIdentity = { network, nodeId: nodeId(info.id) };
    if (this.#identity !== undefined && this.#identity.nodeId !== identity.nodeId) {
      this.#logger.warn({ nodeId: identity.nodeId }, 'another node answers at the socket than before');
    }
    this.#identity = identity;
    if (this.#version !== info.version) {
      if (!knownVersion(info.version))
        this.#logger.warn({ version: info.version }, 'this version of Core Lightning was not tried; going on');
      this.#version = info.version;
    }
  }
}

function explained(error: unknown, operation: string, readOnly: boolean): unknown {
  if (!(error instanceof LightningError)) return error;
  const ambiguous = error.code === 'CONNECTION_LOST' || error.code === 'TIMEOUT';
  if (error.operation === operation && !(ambiguous && readOnly)) return error;
  return new LightningError(error.code, error.message, {
    operation,
    cause: error,
    ...(ambiguous && readOnly ? { retry: 'safe' as const } : {}),
  });
}
