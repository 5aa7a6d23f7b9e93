import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authenticatedLndGrpc } from 'ln-service';
import type { NodeConfig } from '../../../../regtest/network.ts';

/** How a call failed, as gRPC tells it. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
}

type Answer = Record<string, unknown>;
type Callback = (error: Refusal | null, answer: Answer) => void;
interface GrpcStream extends AsyncIterable<Answer> {
  cancel(): void;
  on(event: 'error', listener: () => void): void;
}

/** lnd's own methods by ln-service's clients, without our adapter: what is on the wire as it is. */
export class RawClient implements Disposable {
  readonly #services: Record<string, Record<string, unknown>>;

  constructor(config: NodeConfig, options: { readonly macaroon?: string; readonly cert?: string } = {}) {
    const dir = String(config['lndDir']);
    const cert = options.cert ?? readFileSync(join(dir, 'tls.cert')).toString('base64');
    const name = String(config['macaroon'] ?? 'admin.macaroon');
    const macaroon = options.macaroon ?? readFileSync(join(dir, 'data/chain/bitcoin/regtest', name)).toString('hex');
    this.#services = authenticatedLndGrpc({ cert, macaroon, socket: String(config['host']) }).lnd;
  }

  /** One answer. @throws Refusal */
  async call(service: 'default' | 'invoices' | 'router', method: string, request: Answer = {}): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const done: Callback = (error, answer) => (error === null ? resolve(answer) : reject(error));
      this.#method(service, method)(request, { deadline: Date.now() + 10_000 }, done);
    });
  }

  /** How a call is refused. @throws Error where it is not. */
  async refusal(service: 'default' | 'invoices' | 'router', method: string, request: Answer = {}): Promise<Refusal> {
    try {
      await this.call(service, method, request);
    } catch (error) {
      const { code, details } = error as Refusal;
      return { code, details };
    }
    throw new Error(`${method} was not refused`);
  }

  /** Many answers, until the loop is left. */
  async *stream(service: 'default' | 'invoices' | 'router', method: string, request: Answer = {}): AsyncGenerator<Answer, void, undefined> {
    const stream = this.#method(service, method)(request) as GrpcStream;
    stream.on('error', () => {});
    try {
      yield* stream;
    } finally {
      stream.cancel();
    }
  }

  /** Every answer of a stream that ends. @throws Refusal */
  async all(service: 'default' | 'invoices' | 'router', method: string, request: Answer = {}): Promise<Answer[]> {
    const answers: Answer[] = [];
    for await (const answer of this.stream(service, method, request)) answers.push(answer);
    return answers;
  }

  /** How a stream is refused. @throws Error where it is not. */
  async streamRefusal(service: 'default' | 'invoices' | 'router', method: string, request: Answer = {}): Promise<Refusal> {
    try {
      await this.all(service, method, request);
    } catch (error) {
      const { code, details } = error as Refusal;
      return { code, details };
    }
    throw new Error(`${method} was not refused`);
  }

  [Symbol.dispose](): void {
    for (const client of Object.values(this.#services)) (client['close'] as (() => void) | undefined)?.call(client);
  }

  #method(service: string, method: string): (...args: unknown[]) => unknown {
    const client = this.#services[service];
    const call = client?.[method];
    if (typeof call !== 'function') throw new Error(`no ${service}.${method}`);
    return call.bind(client) as (...args: unknown[]) => unknown;
  }
}
