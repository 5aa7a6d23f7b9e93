import { createServer as createPlainServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import compress from '@fastify/compress';
import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { limitedAs } from '../../core/tickerplant/address.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { RateLimiter } from '../../core/tickerplant/rate-limiter.ts';
import type { ServerCertificate } from '../shared/tls/certificate.ts';
import { HttpError, refusalOf } from './errors.ts';
import { assertMayReadMetrics, type Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { register } from './register.ts';
import type { Route } from './route.ts';
import { deviceRoutes } from './routes/devices.ts';
import { operatorRoutes } from './routes/operators.ts';
import { rowRoutes } from './routes/rows.ts';
import { sellingRoutes } from './routes/selling.ts';
import { serviceRoutes } from './routes/service.ts';
import { streamRoutes } from './routes/streaming.ts';
import type { Services } from './services.ts';

const SECONDS = 1000;
/** Node's own is 16 KiB; a token and a position want room. */
const HEADER_BYTES = 32 * 1024;
/** The head of an honest request comes at once. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the minute that proxies keep a connection, so that they close first. */
const KEEP_ALIVE_MS = 72_000;
/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 1024;

/** The page of the interface loads nothing from anywhere else, and stands in nobody's frame. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** What the server is made of. */
export interface ServerParts {
  readonly services: Services;
  readonly metrics: Metrics;
  /** With it, it speaks TLS. */
  readonly certificate: ServerCertificate | undefined;
  readonly isStopping: () => boolean;
}

/** The server with all its routes; it does not listen yet. */
export async function createServer({ services, metrics, certificate, isStopping }: ServerParts): Promise<FastifyInstance> {
  const { config, logger, clock, allow, originOf } = services;
  const server = fastify({
    logger: false,
    bodyLimit: config.maxBodyBytes,
    requestTimeout: config.requestTimeoutSeconds * SECONDS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // Fields that we don't know are passed over, these too; nothing here reads them.
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    serverFactory: (handler) => listener(config.requestTimeoutSeconds, certificate, handler as RequestListener),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error, _request, reply) => void refuse(reply as FastifyReply, error),
    clientErrorHandler: badRequest,
  });
  const address = (request: FastifyRequest) => originOf(request.raw).address;
  const refuse = (reply: FastifyReply, error: unknown): FastifyReply => {
    const { status, headers, body } = refusalOf(error, logger);
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return reply;
    }
    for (const [name, value] of Object.entries(headers)) reply.header(name, value);
    return reply.status(status).header('Content-Type', 'application/json; charset=utf-8').send(JSON.stringify(body));
  };
  server.setErrorHandler((error, _request, reply) => refuse(reply, error));

  const routes = [
    ...sellingRoutes(services),
    ...rowRoutes(services),
    ...streamRoutes(services),
    ...deviceRoutes(services),
    ...serviceRoutes(services, isStopping),
    ...operatorRoutes(services, isStopping),
  ];
  const limiter = new RateLimiter(clock, config.requestBurstPerAddress, config.requestsPerSecondPerAddress);
  const headers = headersOf(config.tls?.generate === false);
  server.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of headers) reply.header(name, value);
    if (allow?.has(address(request)) === false) throw new TickerplantError('FORBIDDEN', 'this address may not ask here');
    if (isStopping()) throw new TickerplantError('STOPPING', 'the server is going down; come back in a moment');
    // Here, before anybody looks at a body that no method of ours has.
    if (request.is404 || request.method === 'QUERY') throw unknownPath(request, routes);
    if (!limiter.take(limitedAs(address(request))))
      throw new TickerplantError('RATE_LIMITED', 'too many requests from this address; wait a little');
  });
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime / SECONDS);
    // The route's pattern, not the URL: a ticket may stand in that.
    logger.debug({ method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
  });

  await server.register(cors, {
    origin: config.allowedOrigins === undefined ? '*' : [...config.allowedOrigins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID'],
    exposedHeaders: ['WWW-Authenticate', 'Location', 'Retry-After'],
    maxAge: 86_400,
    strictPreflight: false,
  });
  if (config.compression) await server.register(compress, { encodings: ['gzip'], threshold: COMPRESS_FROM_BYTES });

  const document = openApi(routes, '/');
  if (config.docs) {
    await server.register(swagger, { mode: 'static', specification: { document: document as never } });
    await server.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP });
  }
  for (const route of routes) register(server, route, services);
  server.get('/openapi.json', async () => document);
  server.get('/', async () => ({
    name: 'tickerplant',
    openapi: '/openapi.json',
    ...(config.docs && { docs: '/docs' }),
    tables: '/v1/tables',
  }));
  if (config.metrics?.port === undefined) serveOnThisPort(server, metrics, services);
  return server;
}

function serveOnThisPort(server: FastifyInstance, metrics: Metrics, services: Services): void {
  server.get('/metrics', async (request, reply) => {
    // Whoever looks for what is not there learns nothing of who might read it.
    if (services.config.metrics === undefined && !services.operators.isUsed) throw new HttpError('NOT_FOUND', 'there are no metrics here');
    assertMayReadMetrics(services.config.metrics, request.raw, services);
    return reply
      .header('Content-Type', metrics.contentType)
      .header('Cache-Control', 'no-store')
      .send(await metrics.text());
  });
}

/** A server that gives up whoever dawdles over a request, with TLS where there is a certificate. */
function listener(requestTimeoutSeconds: number, certificate: ServerCertificate | undefined, handler: RequestListener): Server {
  const timeout = requestTimeoutSeconds * SECONDS;
  const options: ServerOptions = {
    maxHeaderSize: HEADER_BYTES,
    requestTimeout: timeout,
    headersTimeout: Math.min(timeout, HEADERS_TIMEOUT_MS),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node looks for those that are late so often; 30 s unless told otherwise.
    connectionsCheckingInterval: Math.min(timeout, SECONDS),
  };
  if (certificate === undefined) return createPlainServer(options, handler);
  const server = createTlsServer({ ...options, ...certificate.options }, handler);
  certificate.follow(server);
  return server;
}

/** On every answer. The page of the interface brings a policy of its own. */
function headersOf(isEncrypted: boolean): readonly (readonly [string, string])[] {
  return [
    ['X-Content-Type-Options', 'nosniff'],
    ['Referrer-Policy', 'no-referrer'],
    ['X-Frame-Options', 'DENY'],
    ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
    // RFC 6797. Not with a certificate for development: browsers would never speak plain HTTP to localhost again.
    ...(isEncrypted ? [['Strict-Transport-Security', 'max-age=31536000'] as const] : []),
  ];
}

/** Of a path that there is with other methods: which. */
function unknownPath(request: FastifyRequest, routes: readonly Route[]): HttpError {
  const path = request.url.split('?', 1)[0] ?? '/';
  const methods = routes.filter((each) => new RegExp(`^${each.path.replace(/:\w+/g, '[^/]+')}/?$`).test(path)).map(({ method }) => method);
  if (methods.length === 0) return new HttpError('NOT_FOUND', 'there is nothing here; see /openapi.json');
  const allow = [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ');
  return new HttpError('METHOD_NOT_ALLOWED', `this takes ${allow}`, { Allow: allow });
}

/** What can't be read as HTTP is refused as everything else: in JSON. */
function badRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const isTimeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, code, message] = isTooLarge
    ? ['431 Request Header Fields Too Large', 'TOO_LARGE', 'the head of the request is too large']
    : isTimeout
      ? ['408 Request Timeout', 'BAD_REQUEST', 'the request did not arrive in time']
      : ['400 Bad Request', 'BAD_REQUEST', 'this is not HTTP that can be read'];
  const body = JSON.stringify({ code, message, retry: 'never' });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
