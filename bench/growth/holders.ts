import { WebSocket } from 'ws';
import { MATCHING, tokenOf } from './fill.ts';

/** Most subscriptions that go on over one connection; those that match have one each. */
const EACH = 1_000;
const AT_ONCE = 200;

/** Goes on with all subscriptions of a server, over the WebSocket; resolves when all are live. */
export async function resumeAll(port: number, subscriptions: number): Promise<Disposable> {
  const sockets: WebSocket[] = [];
  for (let index = 0; index < Math.min(MATCHING, subscriptions); index += 1) sockets.push(await resume(port, index, index + 1));
  for (let from = MATCHING; from < subscriptions; from += EACH)
    sockets.push(await resume(port, from, Math.min(from + EACH, subscriptions)));
  return {
    [Symbol.dispose]() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

function resume(port: number, from: number, to: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    let asked = from;
    let resumed = from;
    const ask = (): void => {
      while (asked < to && asked - resumed < AT_ONCE) {
        socket.send(JSON.stringify({ op: 'resume', id: asked, token: tokenOf(asked) }));
        asked += 1;
      }
    };
    socket.once('open', ask);
    socket.once('error', reject);
    socket.on('message', (data) => {
      if (resumed === to) return;
      const text = String(data);
      if (text.startsWith('{"op":"error"')) reject(new Error(`not resumed: ${text}`));
      if (!text.startsWith('{"op":"resumed"')) return;
      resumed += 1;
      if (resumed === to) resolve(socket);
      else ask();
    });
  });
}
