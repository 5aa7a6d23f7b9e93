import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenError } from '../shared/listen-error.ts';

/** Longer than this no honest client takes for the head of a request. */
const REQUEST_TIMEOUT_MS = 10_000;

/** An HTTP server for nothing but upgrades; whatever else is asked is told what this is. @throws ListenError. */
export function listen(host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (_request, response) => {
    const text = 'This is the WebSocket port of a tickerplant that is paid over Lightning. Connect with a WebSocket client (ws://…).\n';
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade, close', 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(text);
  });
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError('websocket', host, port, error));
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
