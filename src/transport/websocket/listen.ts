import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { listenError } from '../shared/listen-error.ts';
import type { ServerCertificate } from '../shared/tls/certificate.ts';

/** Longer than this no honest client takes for the head of a request. Node looks after it so often. */
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;
const HEAD_BYTES = 16 * 1024;

const OPTIONS: ServerOptions = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
  maxHeaderSize: HEAD_BYTES,
};

const explain: RequestListener = (_request, response) => {
  const text = 'This is the WebSocket port of a tickerplant that is paid over Lightning. Connect with a WebSocket client (ws://…).\n';
  response.writeHead(426, {
    Upgrade: 'websocket',
    Connection: 'Upgrade, close',
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
};

/** An HTTP server for nothing but upgrades, with TLS where there is a certificate; whatever else is asked is told what this is. */
export function upgradeServer(certificate: ServerCertificate | undefined): Server {
  if (certificate === undefined) return createServer(OPTIONS, explain);
  const server = createTlsServer({ ...OPTIONS, ...certificate.options }, explain);
  certificate.follow(server);
  return server;
}

/** @throws ListenError. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError('websocket', host, port, error));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.removeListener('error', failed);
      resolve();
    });
  });
}

/** The port that a listening server has; undefined where it does not listen on one. */
export function portOf(server: Server): number | undefined {
  const address: AddressInfo | string | null = server.address();
  return address === null || typeof address === 'string' ? undefined : address.port;
}
