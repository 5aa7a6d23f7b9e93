import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Client } from './support/client.ts';
import { type Running, run } from './support/run.ts';
import { TinyTickerplant } from './support/tiny-tickerplant.ts';

const row = (sym: string, price: number) => ['2026-11-20T14:30:00.123Z', sym, price] as const;

async function buyerOf(server: Running, syms: readonly string[]): Promise<Client> {
  const buyer = await server.client();
  const quote = await buyer.ask({ op: 'sub', id: '1', table: 'trade', syms });
  server.plant.settle(String(quote['quote']));
  await buyer.take('active');
  return buyer;
}

test('buyers of different symbols get as many rows in one turn, and each only its own', async () => {
  const symbols = ['A', 'B', 'C', 'D'];
  await using server = await run({ plant: new TinyTickerplant({ trade: symbols }) });
  const wishes = [
    ['A', 'B'],
    ['A', 'B'],
    ['A', 'C'],
    ['C', 'B'],
    ['D', 'C'],
    ['A', 'B'],
  ];
  const buyers = await Promise.all(wishes.map((syms) => buyerOf(server, syms)));
  const turns = 20;
  for (let turn = 1; turn <= turns; turn++) {
    for (const sym of symbols) server.plant.publish('trade', [row(sym, turn)]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const [i, buyer] of buyers.entries()) {
    const syms = wishes[i] ?? [];
    await expect.poll(() => buyer.messages.length).toBe(turns * syms.length);
    expect(new Set(buyer.messages.map((message) => message['sym']))).toEqual(new Set(syms));
    for (const sym of syms) {
      const seqs = buyer.messages.filter((message) => message['sym'] === sym).map((message) => message['seq']);
      expect(seqs).toEqual(Array.from({ length: turns }, (_, n) => n + 1));
    }
    await buyer[Symbol.asyncDispose]();
  }
});

test('whatever is published in one turn goes to a connection in one write', async () => {
  const http = createServer();
  const sockets: Socket[] = [];
  http.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  await using server = await run({ server: http });
  expect(server.url).toBe(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`);
  await using buyer = await buyerOf(server, ['AAPL', 'GOOG']);
  const [socket] = sockets;
  let writes = 0;
  const write = socket?.write.bind(socket);
  if (socket !== undefined && write !== undefined) {
    socket.write = ((...args: Parameters<typeof write>) => {
      writes++;
      return write(...args);
    }) as typeof socket.write;
  }
  for (let i = 1; i <= 50; i++) {
    server.plant.publish('trade', [row('AAPL', i), row('GOOG', i)]);
    await Promise.resolve();
  }
  await expect.poll(() => buyer.messages.length).toBe(100);
  expect(writes).toBe(1);
  http.close();
});
