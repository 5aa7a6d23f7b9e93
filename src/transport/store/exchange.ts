import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request and its response, as the store's routes see them. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Where the store is mounted: `/cats`, or nothing. */
  readonly base: string;
  /** The path below that, decoded segment by segment, and the query. */
  readonly segments: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  /** Who asks, for limits. */
  readonly address: string;
  /** A browser, which is shown pages; anybody else is told in JSON. */
  readonly isBrowser: boolean;
}

/** No purchase's page or item is to be kept, passed on, or shown in somebody's frame. */
const PRIVATE: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex, nofollow',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Sends a whole answer. */
export function send(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>>,
  body: string,
): void {
  response.statusCode = status;
  setHeaders(response, { ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Sends JSON. */
export function sendJson(
  exchange: Pick<Exchange, 'request' | 'response'>,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  send(exchange, status, { 'Content-Type': 'application/json; charset=utf-8', ...headers }, `${JSON.stringify(body)}\n`);
}

/** Sets what every answer has, and its own. */
export function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string | readonly string[]>>): void {
  for (const [name, value] of Object.entries({ ...PRIVATE, ...headers })) response.setHeader(name, value);
}
