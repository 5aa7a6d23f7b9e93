import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { listenError } from '../shared/listen-error.ts';
import type { MetricsConfig } from './config.ts';
import type { Operations } from './services.ts';

/** Metrics for Prometheus: totals of the tickerplant, requests of this transport, the process itself. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;

  constructor(operations: Operations, streams: () => number) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
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
    return this.#registry.metrics();
  }
}

const TOTALS = [
  ['published', 'Rows published.'],
  ['delivered', 'Rows handed to subscribers live, each subscriber counted.'],
  ['quotes', 'Quotes made.'],
  ['settled', 'Quotes whose payment took effect.'],
] as const;

/** Whether a request brought the token; true where none is asked for. */
export function mayReadMetrics({ token }: MetricsConfig, request: IncomingMessage): boolean {
  if (token === undefined) return true;
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // Of digests: both have one length, so that the time says nothing.
  return timingSafeEqual(digest(given), digest(token));
}

/** Serves `/metrics` on a port of its own, and nothing else. @throws ListenError. */
export function serveMetrics(metrics: Metrics, config: MetricsConfig & { readonly port: number }): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'Content-Type': type }).end(text);
    if (request.url?.split('?', 1)[0] !== '/metrics') answer(404, 'metrics are at /metrics\n');
    else if (request.method !== 'GET') answer(405, 'GET, please\n');
    else if (!mayReadMetrics(config, request)) answer(401, 'this needs the token of transports.http.metrics\n');
    else {
      metrics.text().then(
        (text) => answer(200, text, metrics.contentType),
        () => answer(500, 'metrics could not be gathered\n'),
      );
    }
  });
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
