import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { bearerOf } from '../shared/access/bearer.ts';
import type { Operator, Operators } from '../shared/access/operators.ts';
import type { Origin } from '../shared/access/origin.ts';
import type { WebsocketConfig } from './config.ts';

const STATUS: Readonly<Record<Refusal['status'], string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
};

/** Why a connection is not taken. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 503;
  readonly text: string;
}

/** The path that a request is for, without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** Whether an upgrade may go ahead; undefined: it may. */
export function refusalOf(
  request: IncomingMessage,
  config: Pick<WebsocketConfig, 'allowedOrigins' | 'maxConnections'>,
  connections: number,
): Refusal | undefined {
  const { origin } = request.headers;
  // Only browsers send an origin, and only they can be misused by a page; whoever can write headers can write this one too.
  if (config.allowedOrigins !== undefined && origin !== undefined && !config.allowedOrigins.includes(origin)) {
    return { status: 403, text: 'pages of this origin may not connect' };
  }
  if (config.maxConnections !== undefined && connections >= config.maxConnections) {
    return { status: 503, text: 'too many connections; try again later' };
  }
  return undefined;
}

/** Who publishes on this connection; undefined: a buyer, who shows nothing here. */
export function publisherOf(request: IncomingMessage, operators: Operators | undefined, origin: Origin): Operator | Refusal | undefined {
  if (request.headers.authorization === undefined) return undefined;
  const token = bearerOf(request);
  if (token === undefined) return { status: 401, text: 'Authorization: Bearer, and the token of a publisher; buyers need no such header' };
  try {
    return operators?.identify(token, 'publisher', origin) ?? { status: 403, text: 'nobody publishes here' };
  } catch (error) {
    if (!(error instanceof TickerplantError)) throw error;
    return { status: error.code === 'FORBIDDEN' ? 403 : 401, text: error.message };
  }
}

/** Answers an upgrade that is not taken, and ends its socket. */
export function refuseUpgrade(socket: Duplex, { status, text }: Refusal): void {
  socket.on('error', () => socket.destroy());
  const head = [
    `HTTP/1.1 ${status} ${STATUS[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text) + 1}`,
    ...(status === 503 ? ['Retry-After: 10'] : []),
    ...(status === 401 ? ['WWW-Authenticate: Bearer error="invalid_token"'] : []),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}\n`);
}
