import { WebSocket } from 'ws';

/** One subscription to be bought. */
export interface Wanted {
  readonly table: string;
  readonly syms: readonly string[] | '*';
}

interface ServerSaid {
  readonly op: string;
  readonly token: string;
  readonly invoice: string;
  readonly code?: string;
  readonly message?: string;
}

const AT_ONCE = 16;

/** Buys subscriptions over the WebSocket as any buyer does, each on a connection of its own that ends then; answers their tokens. */
export async function buyTokens(url: string, wanted: readonly Wanted[], pay: (invoice: string) => Promise<void>): Promise<string[]> {
  const tokens = new Array<string>(wanted.length);
  let next = 0;
  const walk = async (): Promise<void> => {
    for (let index = next++; index < wanted.length; index = next++) tokens[index] = await buyOne(url, wanted[index] as Wanted, pay);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, walk));
  return tokens;
}

function buyOne(url: string, { table, syms }: Wanted, pay: (invoice: string) => Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    let token = '';
    socket.once('open', () => socket.send(JSON.stringify({ op: 'sub', id: 1, table, syms, snapshot: false })));
    socket.once('error', reject);
    socket.once('close', () => (token === '' ? reject(new Error('the server closed a buyer’s connection')) : resolve(token)));
    socket.on('message', (data) => {
      const said = JSON.parse(String(data)) as ServerSaid;
      if (said.op === 'quote') {
        token = said.token;
        pay(said.invoice).catch(reject);
      } else if (said.op === 'active') socket.close();
      else if (said.op === 'error') reject(new Error(`the server refused: ${said.code}: ${said.message}`));
    });
  });
}
