import { once } from 'node:events';
import WebSocket from 'ws';

type Message = Readonly<Record<string, unknown>>;

/** A buyer of a few lines, not ours: a WebSocket and the messages of the protocol. */
export class Buyer implements AsyncDisposable {
  readonly messages: Message[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as Message);
      for (const check of this.#waiting) check();
    });
  }

  static async connect(url: string): Promise<Buyer> {
    const socket = new WebSocket(url);
    const buyer = new Buyer(socket);
    await once(socket, 'open');
    return buyer;
  }

  send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The first message so far or from now on that fits. */
  async next(fits: Message, deadlineMs = 5_000): Promise<Message> {
    const found = () =>
      this.messages.find((message) => Object.entries(fits).every(([key, value]) => JSON.stringify(message[key]) === JSON.stringify(value)));
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`no ${JSON.stringify(fits)} within ${deadlineMs} ms; there came ${JSON.stringify(this.messages)}`));
      }, deadlineMs);
      const check = () => {
        const message = found();
        if (message === undefined) return;
        clearTimeout(late);
        this.#waiting.delete(check);
        resolve(message);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** The rows so far, all of them. */
  rows(): readonly unknown[] {
    return this.messages.filter((message) => message['op'] === 'upd').flatMap((message) => message['rows'] as unknown[]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}
