import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isThisMachine } from '../../core/tickerplant/address.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { bearerOf } from '../shared/access/bearer.ts';
import { listenError } from '../shared/listen-error.ts';
import type { ServerCertificate } from '../shared/tls/certificate.ts';
import type { MetricsConfig } from './config.ts';
import type { Operations, Services } from './services.ts';

/** Metrics for Prometheus: totals of the tickerplant, requests of this transport, the process itself. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;

  #hasProcess = false;

  constructor(operations: Operations, streams: () => number) {
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: 'tickerplant_http_request_seconds',
      help: 'Time from the head of a request to the end of its answer; streams are not among them.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    });
    for (const [name, help] of TOTALS) {
      new Counter({
        name: `tickerplant_${name}_total`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(operations.counters()[name]);
        },
      });
    }
    gauge('tickerplant_sessions', 'Subscriptions that are live, on any transport.', registers, () => operations.counters().sessions);
    gauge('tickerplant_http_streams', 'Event streams that are open.', registers, streams);
    new Gauge({
      name: 'tickerplant_ready',
      help: 'Whether a part can do its work now.',
      labelNames: ['part'],
      registers,
      async collect() {
        for (const [part, isReady] of Object.entries(await operations.readiness())) this.set({ part }, isReady ? 1 : 0);
      },
    });
  }

  /** `route`: its pattern, never the URL: that may hold what is nobody's business, and has no end of forms. */
  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    // At the first look: those of the process cost a little, and where nobody looks there is no need.
    if (!this.#hasProcess) collectDefaultMetrics({ register: this.#registry });
    this.#hasProcess = true;
    return this.#registry.metrics();
  }
}

const TOTALS = [
  ['published', 'Rows published.'],
  ['delivered', 'Rows handed to subscribers live, each subscriber counted.'],
  ['quotes', 'Quotes made.'],
  ['settled', 'Quotes whose payment took effect.'],
] as const;

/** What is asked of who reads metrics. */
export type MetricsRules = Pick<Services, 'operators' | 'originOf'>;

/**
 * Lets through whoever may read metrics: with the token of the config, or one of an operator's. On a port of their own that has no token (it is
 * this machine's then, by the config's schema) everybody here may. @throws TickerplantError `BAD_TOKEN`, `TOKEN_EXPIRED`, `FORBIDDEN`.
 */
export function assertMayReadMetrics(
  config: MetricsConfig | undefined,
  request: IncomingMessage,
  { operators, originOf }: MetricsRules,
): void {
  const given = bearerOf(request);
  const origin = originOf(request);
  if (given === undefined) {
    if (config?.port !== undefined && config.token === undefined) return;
    throw new TickerplantError('BAD_TOKEN', 'metrics need a token: Authorization: Bearer …');
  }
  // Of digests: both have one length, so that the time says nothing.
  if (config?.token !== undefined && timingSafeEqual(digest(given), digest(config.token))) {
    operators.assertOrigin('metrics', origin);
    return;
  }
  operators.identify(given, 'metrics', origin);
}

/**
 * Serves `/metrics` on a port of its own, and nothing else; beyond this machine with the certificate of the transport, where there is one.
 * @throws ListenError.
 */
export function serveMetrics(
  metrics: Metrics,
  config: MetricsConfig & { readonly port: number },
  rules: MetricsRules,
  certificate: ServerCertificate | undefined,
): Promise<Server> {
  const listener: RequestListener = (request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' }).end(text);
    if (request.url?.split('?', 1)[0] !== '/metrics') answer(404, 'metrics are at /metrics\n');
    else if (request.method !== 'GET') answer(405, 'GET, please\n');
    else {
      try {
        assertMayReadMetrics(config, request, rules);
      } catch (error) {
        answer(error instanceof TickerplantError && error.code === 'FORBIDDEN' ? 403 : 401, `${(error as Error).message}\n`);
        return;
      }
      metrics.text().then(
        (text) => answer(200, text, metrics.contentType),
        () => answer(500, 'metrics could not be gathered\n'),
      );
    }
  };
  const timing: ServerOptions = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 1_000 };
  const isLocal = isThisMachine(config.host) || config.host === 'localhost';
  let server: Server;
  if (certificate === undefined || isLocal) server = createServer(timing, listener);
  else {
    const encrypted = createTlsServer({ ...timing, ...certificate.options }, listener);
    certificate.follow(encrypted);
    server = encrypted;
  }
  const { host, port } = config;
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError('http.metrics', host, port, error));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.removeListener('error', failed);
      resolve(server);
    });
  });
}

function gauge(name: string, help: string, registers: Registry[], value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
