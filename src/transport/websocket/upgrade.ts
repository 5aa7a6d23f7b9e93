import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebsocketConfig } from './config.ts';

const STATUS: Readonly<Record<Refusal['status'], string>> = { 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };

/** Why a connection is not taken. */
export interface Refusal {
  readonly status: 403 | 404 | 503;
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

/** Answers an upgrade that is not taken, and ends its socket. */
export function refuseUpgrade(socket: Duplex, { status, text }: Refusal): void {
  socket.on('error', () => socket.destroy());
  const head = [
    `HTTP/1.1 ${status} ${STATUS[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text) + 1}`,
    ...(status === 503 ? ['Retry-After: 10'] : []),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}\n`);
}

/** Whose request it is, for rate limits: the socket's address, or what our own proxy says. */
export function addressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = request.headers['x-forwarded-for'];
  const last = trustProxy
    ? String(forwarded ?? '')
        .split(',')
        .at(-1)
        ?.trim()
    : undefined;
  const address = last || request.socket.remoteAddress || 'unknown';
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
