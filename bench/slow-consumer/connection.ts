import { WebSocket } from 'ws';
import { TABLE } from './messages.ts';

/** How a connection takes part. */
export interface ConnectionOptions {
  readonly url: string;
  readonly syms: readonly string[];
  readonly pay: (invoice: string) => void;
  readonly onRow: (sent: number) => void;
}

/** A buyer's socket that reads as fast as it can; resolves when it is paid for. */
export function connect({ url, syms, pay, onRow }: ConnectionOptions): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.once('open', () => socket.send(JSON.stringify({ op: 'sub', id: 1, table: TABLE, syms })));
    socket.once('error', reject);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as {
        readonly op: string;
        readonly invoice: string;
        readonly code?: string;
        readonly rows: readonly (readonly [string, string, number, string])[];
      };
      if (message.op === 'upd') for (const [, , sent] of message.rows) onRow(sent);
      else if (message.op === 'quote') pay(message.invoice);
      else if (message.op === 'active') resolve(socket);
      else if (message.op === 'error') reject(new Error(`the server refused: ${message.code}`));
    });
  });
}
