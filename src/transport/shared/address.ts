import type { IncomingMessage } from 'node:http';

/** Whose request it is, for rate limits: the socket's address, or what our own proxy says. */
export function addressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? String(request.headers['x-forwarded-for'] ?? '').split(',') : [];
  const address = forwarded.at(-1)?.trim() || request.socket.remoteAddress || 'unknown';
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
