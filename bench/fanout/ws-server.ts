import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { serveOrders } from '../shared/child.ts';
import { publishOnCredit } from '../shared/credit.ts';
import { rowsOfTurn } from '../shared/rows.ts';

/** What people write first with `ws`: for each row, look at each client and send it the text. */
const wanted = new WeakMap<WebSocket, ReadonlySet<string> | undefined>();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const syms = JSON.parse(String(data)) as string | readonly string[];
    wanted.set(socket, typeof syms === 'string' ? undefined : new Set(syms));
    socket.send('ready');
  });
});

serveOrders(async () => {
  if (server.address() === null) await new Promise((resolve) => server.once('listening', resolve));
  const control = await publishOnCredit((first, rows, stamped) => {
    for (const row of rowsOfTurn(first, rows, stamped)) {
      const text = JSON.stringify(row);
      for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN && wanted.get(client)?.has(row[1]) !== false) client.send(text);
      }
    }
  });
  return { port: (server.address() as AddressInfo).port, control };
});
