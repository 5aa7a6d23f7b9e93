import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Longer than this no honest client takes for the head of a request. */
const REQUEST_TIMEOUT_MS = 10_000;

/** `ADDRESS_IN_USE` by another program · `ADDRESS_UNAVAILABLE` not an address of this machine · `NOT_PERMITTED` · `OTHER`. */
export type ListenErrorCode = 'ADDRESS_IN_USE' | 'ADDRESS_UNAVAILABLE' | 'NOT_PERMITTED' | 'OTHER';

/** The transport could not listen; the message names the address and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const LISTEN_ERRORS: Readonly<Record<string, readonly [ListenErrorCode, string]>> = {
  EADDRINUSE: ['ADDRESS_IN_USE', 'another program listens there; stop it, or set transports.websocket.port to a free port (0 takes any)'],
  EADDRNOTAVAIL: ['ADDRESS_UNAVAILABLE', 'that is not an address of this machine; set transports.websocket.host'],
  ENOTFOUND: ['ADDRESS_UNAVAILABLE', 'that name is not known; set transports.websocket.host'],
  EACCES: ['NOT_PERMITTED', 'not allowed; set transports.websocket.port to one above 1023'],
};

/** Host and port as they stand in a URL. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An HTTP server for nothing but upgrades; whatever else is asked is told what this is. @throws ListenError. */
export function listen(host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (_request, response) => {
    const text = 'This is the WebSocket port of a tickerplant that is paid over Lightning. Connect with a WebSocket client (ws://…).\n';
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade, close', 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(text);
  });
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const [code, fix] = LISTEN_ERRORS[error.code ?? ''] ?? (['OTHER', error.code ?? 'unknown reason'] as const);
      reject(new ListenError(code, `websocket: can't listen on ${hostAndPort(host, port)}: ${fix}`, { cause: error }));
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.removeListener('error', failed);
      resolve(server);
    });
  });
}

/** The port that a listening server has; undefined where it does not listen on one. */
export function portOf(server: Server): number | undefined {
  const address: AddressInfo | string | null = server.address();
  return address === null || typeof address === 'string' ? undefined : address.port;
}
