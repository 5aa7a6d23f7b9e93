import { WebSocket } from 'ws';
import { SYMBOLS } from './rows.ts';

/** Asks for quotes over the WebSocket, one at a time on each of so many connections. */
export class QuoteAsker implements Disposable {
  readonly #sockets: readonly WebSocket[];
  readonly #request: string;

  private constructor(sockets: readonly WebSocket[], table: string) {
    this.#sockets = sockets;
    this.#request = JSON.stringify({ op: 'sub', id: 1, table, syms: [SYMBOLS[0]] });
  }

  static async connect(url: string, table: string, connections: number): Promise<QuoteAsker> {
    const sockets = Array.from({ length: connections }, () => new WebSocket(url, { perMessageDeflate: false }));
    await Promise.all(sockets.map((socket) => new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))));
    return new QuoteAsker(sockets, table);
  }

  /** Quotes per second. @throws Error where one is refused. */
  async run(ms: number): Promise<number> {
    const begin = performance.now();
    let quotes = 0;
    const walk = async (socket: WebSocket): Promise<void> => {
      while (performance.now() - begin < ms) {
        await this.#quote(socket);
        quotes += 1;
      }
    };
    await Promise.all(this.#sockets.map(walk));
    return (quotes / (performance.now() - begin)) * 1_000;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  #quote(socket: WebSocket): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.once('message', (data) => {
        const text = String(data);
        if (text.startsWith('{"op":"quote"')) resolve();
        else reject(new Error(`no quote: ${text}`));
      });
      socket.send(this.#request);
    });
  }
}
