import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

/** What lightningd said to a call. */
export type ClnAnswer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } };

/** lightningd's socket with nothing in between: what goes over the wire is what is compared. */
export class ClnSocket implements Disposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: ClnAnswer) => void>();
  #text = '';
  #ids = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => this.#read(piece));
  }

  static async open(lightningDir: string): Promise<ClnSocket> {
    const socket = connect(join(lightningDir, 'regtest', 'lightning-rpc'));
    await once(socket, 'connect');
    return new ClnSocket(socket);
  }

  ask(method: string, params: unknown = {}): Promise<ClnAnswer> {
    this.#ids += 1;
    const id = this.#ids;
    this.#socket.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Asks and insists on a result. */
  async result<T = Readonly<Record<string, unknown>>>(method: string, params: unknown = {}): Promise<T> {
    const answer = await this.ask(method, params);
    if ('error' in answer) throw new Error(`${method}: ${answer.error.code} ${answer.error.message}`);
    return answer.result as T;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(piece: string): void {
    const texts = (this.#text + piece).split('\n\n');
    this.#text = texts.pop() ?? '';
    for (const text of texts) {
      const { id, jsonrpc: _, ...answer } = JSON.parse(text) as { id: number; jsonrpc: string } & ClnAnswer;
      this.#waiting.get(id)?.(answer as ClnAnswer);
      this.#waiting.delete(id);
    }
  }
}
