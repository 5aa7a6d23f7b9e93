import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { serveOrders } from '../shared/child.ts';

/** A server that does nothing but hold connections: what `ws` itself costs. */
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', () => {});
  socket.on('error', () => {});
});

serveOrders<{ readonly kind: 'start' | 'memory' }>(async ({ kind }) => {
  if (kind === 'memory') {
    for (let i = 0; i < 3; i += 1) globalThis.gc?.();
    return process.memoryUsage.rss();
  }
  if (server.address() === null) await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
});
