import type { IncomingMessage } from 'node:http';

/** The token of `Authorization: Bearer …` (RFC 6750, 2.1); undefined where there is no such header. */
export function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer[ \t]+(\S+)[ \t]*$/i.exec(request.headers.authorization ?? '')?.[1];
}
