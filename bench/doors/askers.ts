import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { chars } from '../../src/kdb/build.ts';
import { encodeMessage } from '../../src/kdb/message.ts';
import { QuoteAsker } from '../shared/quote-asker.ts';
import { kdbLogin } from './connections.ts';
import { PAGE } from './doors.ts';

/** Asks for quotes by a door, one after another on each of so many connections; answers how many a second. */
export interface Asker extends Disposable {
  run(ms: number): Promise<number>;
}

export async function askers(
  urls: Readonly<Record<string, string>>,
  connections: number,
): Promise<Readonly<Record<'websocket' | 'http' | 'kdb', Asker>>> {
  return {
    websocket: await QuoteAsker.connect(urls['websocket'] ?? '', 'websocket', connections),
    http: httpAsker(urls['http'] ?? '', connections),
    kdb: await kdbAsker(Number(new URL(urls['kdb'] ?? '').port), connections),
  };
}

function httpAsker(url: string, connections: number): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const body = JSON.stringify({ table: 'sse', syms: [PAGE[0]] });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const asking = request(new URL('/v1/quotes', url), { method: 'POST', agent, headers }, (response) => {
        response.on('end', () => (response.statusCode === 201 ? resolve() : reject(new Error(`no quote: HTTP ${response.statusCode}`))));
        response.resume();
      });
      asking.on('error', reject);
      asking.end(body);
    });
  return { run: (ms) => walkers(connections, ms, ask), [Symbol.dispose]: () => agent.destroy() };
}

/** A call for another symbol each time, so that each is a new quote. */
async function kdbAsker(port: number, connections: number): Promise<Asker> {
  const sockets: Socket[] = [];
  for (let i = 0; i < connections; i += 1) {
    const socket = createConnection(port, '127.0.0.1').setNoDelay(true);
    socket.write(kdbLogin('x'));
    await once(socket, 'data');
    sockets.push(socket);
  }
  let next = 0;
  const ask = async (index: number): Promise<void> => {
    const socket = sockets[index] as Socket;
    const answer = once(socket, 'data');
    socket.write(encodeMessage('sync', chars(`.u.sub[\`kdb;\`${PAGE[next++ % PAGE.length]}]`)));
    await answer;
  };
  return {
    run: (ms) => walkers(connections, ms, ask),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function walkers(count: number, ms: number, ask: (index: number) => Promise<void>): Promise<number> {
  const begin = performance.now();
  let asked = 0;
  const walk = async (index: number): Promise<void> => {
    while (performance.now() - begin < ms) {
      await ask(index);
      asked += 1;
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => walk(index)));
  return (asked / (performance.now() - begin)) * 1_000;
}
