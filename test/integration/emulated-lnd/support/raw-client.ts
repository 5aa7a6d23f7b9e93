import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChannelCredentials, type Client, credentials, Metadata, makeClientConstructor } from '@grpc/grpc-js';
import { lndServices } from '../../../../regtest/emulated/lnd/protocol.ts';
import type { NodeConfig } from '../../../../regtest/network.ts';

/** How a call failed, as gRPC tells it. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
}

type Answer = Record<string, unknown>;
type Service = 'default' | 'invoices' | 'router' | 'state';
type Callback = (error: Refusal | null, answer: Answer) => void;
interface GrpcStream extends AsyncIterable<Answer> {
  cancel(): void;
  on(event: 'error', listener: () => void): void;
}

const NAMES: Readonly<Record<Service, string>> = {
  default: 'lnrpc.Lightning',
  invoices: 'invoicesrpc.Invoices',
  router: 'routerrpc.Router',
  state: 'lnrpc.State',
};
const DEADLINE_MS = 10_000;

/** lnd's own methods, without our adapter and without ln-service: what is on the wire as it is. */
export class RawClient implements Disposable {
  readonly #socket: string;
  readonly #credentials: ChannelCredentials;
  readonly #clients = new Map<Service, Client>();

  /** With no macaroon at all where it is the empty text. */
  constructor(config: NodeConfig, options: { readonly macaroon?: string; readonly cert?: string } = {}) {
    const dir = String(config['lndDir']);
    const cert = options.cert ?? readFileSync(join(dir, 'tls.cert'), 'utf8');
    const name = String(config['macaroon'] ?? 'admin.macaroon');
    const macaroon = options.macaroon ?? readFileSync(join(dir, 'data/chain/bitcoin/regtest', name)).toString('hex');
    const metadata = new Metadata();
    if (macaroon !== '') metadata.add('macaroon', macaroon);
    const withMacaroon = credentials.createFromMetadataGenerator((_options, callback) => callback(null, metadata));
    this.#credentials = credentials.combineChannelCredentials(credentials.createSsl(Buffer.from(cert)), withMacaroon);
    this.#socket = String(config['host']);
  }

  /** One answer. @throws Refusal */
  async call(service: Service, method: string, request: Answer = {}): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const done: Callback = (error, answer) => (error === null ? resolve(answer) : reject(error));
      this.#method(service, method)(request, { deadline: Date.now() + DEADLINE_MS }, done);
    });
  }

  /** How a call is refused. @throws Error where it is not. */
  async refusal(service: Service, method: string, request: Answer = {}): Promise<Refusal> {
    return await refusalOf(this.call(service, method, request));
  }

  /** Many answers, until the loop is left. */
  async *stream(service: Service, method: string, request: Answer = {}): AsyncGenerator<Answer, void, undefined> {
    const stream = this.#method(service, method)(request) as GrpcStream;
    stream.on('error', () => {});
    try {
      yield* stream;
    } finally {
      stream.cancel();
    }
  }

  /** Every answer of a stream that ends. @throws Refusal */
  async all(service: Service, method: string, request: Answer = {}): Promise<Answer[]> {
    const answers: Answer[] = [];
    for await (const answer of this.stream(service, method, request)) answers.push(answer);
    return answers;
  }

  /** How a stream is refused. @throws Error where it is not. */
  async streamRefusal(service: Service, method: string, request: Answer = {}): Promise<Refusal> {
    return await refusalOf(this.all(service, method, request));
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.close();
  }

  #method(service: Service, method: string): (...args: unknown[]) => unknown {
    const client = this.#clients.get(service) ?? this.#connect(service);
    const call = (client as unknown as Record<string, unknown>)[method];
    if (typeof call !== 'function') throw new Error(`no ${service}.${method}`);
    return call.bind(client) as (...args: unknown[]) => unknown;
  }

  #connect(service: Service): Client {
    const definition = lndServices()[NAMES[service]];
    if (definition === undefined) throw new Error(`no ${service}`);
    const client = new (makeClientConstructor(definition, service))(this.#socket, this.#credentials);
    this.#clients.set(service, client);
    return client;
  }
}

async function refusalOf(made: Promise<unknown>): Promise<Refusal> {
  const error = await made.then(
    () => undefined,
    (reason: unknown) => reason as Refusal,
  );
  if (error === undefined) throw new Error('it was not refused');
  return { code: error.code, details: error.details };
}
