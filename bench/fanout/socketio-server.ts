import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { serveOrders } from '../shared/child.ts';
import { publishOnCredit } from '../shared/credit.ts';
import { rowsOfTurn } from '../shared/rows.ts';

/** What is used of socket.io, which is installed for the benchmark alone. */
interface SocketIo {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  emit(event: string, value: unknown): void;
  to(room: string): { emit(event: string, value: unknown): void };
}
interface Socket {
  on(event: 'take', listener: (syms: string | readonly string[]) => void): void;
  join(rooms: string | readonly string[]): void;
  emit(event: string): void;
}

const EVERYTHING = 'everything';
const http = createServer();

/** socket.io over WebSocket: a room for each symbol, and one for those who take all. */
serveOrders<{ readonly path: string; readonly rooms: boolean }>(async ({ path, rooms }) => {
  const { Server } = createRequire(import.meta.url)(path) as { readonly Server: new (server: unknown, options: object) => SocketIo };
  const io = new Server(http, { transports: ['websocket'], pingInterval: 3_600_000, perMessageDeflate: false, serveClient: false });
  io.on('connection', (socket) => {
    socket.on('take', (syms) => {
      socket.join(typeof syms === 'string' ? EVERYTHING : syms);
      socket.emit('ready');
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const control = await publishOnCredit((first, count, stamped) => {
    for (const row of rowsOfTurn(first, count, stamped)) io.to(rooms ? row[1] : EVERYTHING).emit('row', row);
  });
  return { port: (http.address() as AddressInfo).port, control };
});
