import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import type { z } from 'zod';
import type { NodeIdentity } from '../../core/lightning/backend.ts';
import { isLightningError, LightningError, type LightningErrorCode } from '../../core/lightning/errors.ts';
import { nodeId } from '../../core/lightning/identifiers.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { aborted, anySignal, throwIfAborted, within } from '../shared/abort.ts';
import { networkNamed, requireNetwork } from '../shared/network.ts';
import { parseAnswer } from '../shared/parse.ts';
import type { EclairConfig } from './config.ts';
import { type Endpoint, readEndpoint } from './endpoint.ts';
import { type HttpAnswer, isRefusal, readAnswer, refusal } from './http-answer.ts';
import { type GetInfo, getInfoSchema, knownVersion } from './schema.ts';
import { transportError } from './transport-error.ts';

/** eclair's own calls end after 30 s with a 500. */
const CALL_TIMEOUT_MS = 45_000;

/** The fields of a request's form; what is undefined is left out. */
export type Form = Readonly<Record<string, string | number | boolean | undefined>>;

/** One call: what it is called in errors, how its answer looks, how long it may take. */
export interface EclairCall<Schema extends z.ZodType> {
  readonly operation: string;
  readonly schema: Schema;
  readonly signal?: AbortSignal | undefined;
  /** 45 s unless given. */
  readonly timeoutMs?: number;
  /** It changes nothing: it is made again at once when its connection is lost. */
  readonly readOnly?: boolean;
  /** Let eclair's refusal through as it is, for a caller that acts on its status. */
  readonly rawRefusal?: boolean;
  /** Statuses that mean something else in this call. */
  readonly meaning?: Readonly<Record<number, LightningErrorCode>>;
}

/** What {@link EclairClient} leans on. */
export interface EclairClientDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Requests to eclair's HTTP API. The node is asked who it is before the first call and after each outage; the password
 * is read anew when it is refused.
 */
export class EclairClient {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #config: EclairConfig;
  readonly #http: AxiosInstance;
  readonly #disposed = new AbortController();
  readonly #agents: readonly (HttpAgent | HttpsAgent)[];
  readonly #keepAlive: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
  readonly #fresh: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
  #endpoint: Promise<Endpoint> | undefined;
  #verified: Promise<NodeIdentity> | undefined;
  #identity: NodeIdentity | undefined;
  #version: string | undefined;
  #clockSkewMs = 0;
  #clockIsKnown = false;

  constructor(config: EclairConfig, { clock, logger }: EclairClientDependencies) {
    this.#config = config;
    this.clock = clock;
    this.logger = logger;
    this.#keepAlive = { httpAgent: new HttpAgent({ keepAlive: true }), httpsAgent: new HttpsAgent({ keepAlive: true }) };
    // A kept connection may have died unseen; what changes something goes over one that was just made, so that a
    // refused connection is certain to have changed nothing.
    this.#fresh = { httpAgent: new HttpAgent(), httpsAgent: new HttpsAgent() };
    this.#agents = [...Object.values(this.#keepAlive), ...Object.values(this.#fresh)];
    this.#http = axios.create({
      method: 'POST',
      responseType: 'text',
      transformResponse: (body: unknown) => body,
      validateStatus: () => true,
      maxRedirects: 0,
      maxContentLength: Number.POSITIVE_INFINITY,
      proxy: false,
    });
  }

  /** Aborted when the backend is disposed of. */
  get disposed(): AbortSignal {
    return this.#disposed.signal;
  }

  /** The node's time in milliseconds since 1970, from the `Date` of its last answer. */
  nodeNow(): number {
    return this.clock.now() + this.#clockSkewMs;
  }

  /** Whether {@link nodeNow} is the node's own time and not just ours. */
  get nodeClockIsKnown(): boolean {
    return this.#clockIsKnown;
  }

  /** Who the node is; remembered through outages. */
  async identity(signal?: AbortSignal): Promise<NodeIdentity> {
    return this.#identity ?? (await this.#verify('identity', anySignal(signal, this.disposed)));
  }

  /** Who the node is, asked again where it was lost since. */
  reached(operation: string, signal: AbortSignal | undefined): Promise<NodeIdentity> {
    return this.#verify(operation, anySignal(signal, this.disposed));
  }

  /** The place and credential of the moment, for the WebSocket. */
  endpoint(operation: string): Promise<Endpoint> {
    if (this.#endpoint === undefined) {
      const reading = readEndpoint(this.#config, operation);
      this.#endpoint = reading;
      reading.catch(() => {
        if (this.#endpoint === reading) this.#endpoint = undefined;
      });
    }
    return this.#endpoint;
  }

  /** Forgets place, credential and who the node was: they are looked at again with the next call. */
  forget(): void {
    this.#endpoint = undefined;
    this.#verified = undefined;
  }

  /**
   * Makes one call.
   * @throws LightningError; ApiError only where `rawRefusal` asks for it.
   */
  async call<Schema extends z.ZodType>(path: string, form: Form, call: EclairCall<Schema>): Promise<z.output<Schema>> {
    const { operation } = call;
    const signal = anySignal(call.signal, this.disposed);
    throwIfAborted(signal, operation);
    if (path !== '/getinfo') await this.#verify(operation, signal);
    const value = await this.#answered(path, form, call, signal);
    return parseAnswer(call.schema, value, operation, `eclair's ${path}`);
  }

  /** Ends everything; calls in flight are aborted. */
  dispose(): void {
    this.#disposed.abort();
    for (const agent of this.#agents) agent.destroy();
  }

  async #verify(operation: string, signal: AbortSignal | undefined): Promise<NodeIdentity> {
    if (this.#verified === undefined) {
      const verifying = this.#whoIsIt(operation);
      this.#verified = verifying;
      verifying.catch(() => {
        if (this.#verified === verifying) this.#verified = undefined;
      });
    }
    return await within(this.#verified, { operation, signal, clock: this.clock });
  }

  async #whoIsIt(operation: string): Promise<NodeIdentity> {
    const call = { operation, schema: getInfoSchema, readOnly: true } as const;
    const info = parseAnswer(getInfoSchema, await this.#answered('/getinfo', {}, call, this.disposed), operation, "eclair's /getinfo");
    return this.#learn(info, operation);
  }

  #learn(info: GetInfo, operation: string): NodeIdentity {
    const network = networkNamed(info.network, operation);
    requireNetwork(this.#config.network, network, operation);
    const identity: NodeIdentity = { network, nodeId: nodeId(info.nodeId) };
    if (this.#identity !== undefined && this.#identity.nodeId !== identity.nodeId) {
      this.logger.warn({ nodeId: identity.nodeId }, 'another node answers at this place than before');
    }
    this.#identity = identity;
    if (this.#version !== info.version) {
      if (!knownVersion(info.version)) this.logger.warn({ version: info.version }, 'this version of eclair was not tried; going on');
      this.#version = info.version;
    }
    return identity;
  }

  /** The JSON of the answer, after the one retry that a rotated password or a stale connection is worth. */
  async #answered(path: string, form: Form, call: EclairCall<z.ZodType>, signal: AbortSignal | undefined): Promise<unknown> {
    const { operation, readOnly = false } = call;
    for (let tries = 1; ; tries++) {
      const endpoint = await within(this.endpoint(operation), { operation, signal, clock: this.clock });
      const place = endpoint.url;
      try {
        const answer = await this.#send(path, form, call, endpoint, signal);
        return readAnswer(answer, place, operation, [endpoint.password]);
      } catch (error) {
        if (isRefusal(error, 401) && tries === 1) {
          this.#endpoint = undefined;
          const again = await this.endpoint(operation);
          if (again.authorization !== endpoint.authorization) continue;
        }
        if (isRefusal(error)) {
          if (call.rawRefusal && error.status !== 401 && error.status !== 403) throw error;
          throw refusal(error, operation, { readOnly, place, ...(call.meaning === undefined ? {} : { overrides: call.meaning }) });
        }
        if (isLightningError(error, 'CONNECTION_LOST') && readOnly && tries === 1) continue;
        if (isLightningError(error, 'CONNECTION_LOST') || isLightningError(error, 'UNAVAILABLE')) this.forget();
        throw error;
      }
    }
  }

  async #send(
    path: string,
    form: Form,
    call: EclairCall<z.ZodType>,
    endpoint: Endpoint,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const { operation, readOnly = false, timeoutMs = CALL_TIMEOUT_MS } = call;
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(form)) if (value !== undefined) body.set(name, String(value));
    const stop = new AbortController();
    const request = this.#http.request<string>({
      url: endpoint.url + path,
      data: body.toString(),
      headers: { Authorization: endpoint.authorization, 'Content-Type': 'application/x-www-form-urlencoded' },
      signal: stop.signal,
      ...(readOnly ? this.#keepAlive : this.#fresh),
    });
    const onTimeout = () =>
      new LightningError('TIMEOUT', `${endpoint.url} gave no answer within ${Math.ceil(timeoutMs / 1000)} s`, {
        operation,
        ...(readOnly ? { retry: 'safe' as const } : {}),
      });
    try {
      const response = await within(request, { operation, signal, timeoutMs, clock: this.clock, onTimeout });
      const date = Date.parse(String(response.headers['date'] ?? ''));
      if (!Number.isNaN(date)) {
        this.#clockSkewMs = date - this.clock.now();
        this.#clockIsKnown = true;
      }
      return {
        status: response.status,
        contentType: String(response.headers['content-type'] ?? ''),
        body: String(response.data),
      };
    } catch (error) {
      stop.abort();
      if (signal?.aborted) throw aborted(operation);
      if (error instanceof LightningError) throw error;
      throw transportError(error, endpoint.url, operation, readOnly, [endpoint.password, endpoint.authorization]);
    }
  }
}
