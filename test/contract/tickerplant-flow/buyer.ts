import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually } from '../support.ts';

/** A message of the protocol as it came. */
export type Message = Readonly<Record<string, unknown>> & { readonly op: string };

/** A buyer's program of the plainest kind: it sends JSON and keeps what it gets. */
export class Buyer implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly received: Message[] = [];
  #ids = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.received.push(JSON.parse(String(data)) as Message));
    socket.on('error', () => undefined);
  }

  static async connect(url: string): Promise<Buyer> {
    const socket = new WebSocket(url);
    const buyer = new Buyer(socket);
    await once(socket, 'open');
    return buyer;
  }

  /** Sends a request and waits for what answers it (by its id). */
  async ask(request: Readonly<Record<string, unknown>>): Promise<Message> {
    this.#ids += 1;
    const id = `c${this.#ids}`;
    this.#socket.send(JSON.stringify({ id, ...request }));
    return await eventually(`an answer to ${request['op']}`, () => this.received.find((message) => message['id'] === id));
  }

  /** Asks for symbols and insists on a quote. */
  async quote(syms: readonly string[] | '*', more: Readonly<Record<string, unknown>> = {}): Promise<Message> {
    const answer = await this.ask({ op: 'sub', table: 'trade', syms, ...more });
    assert.equal(answer.op, 'quote', JSON.stringify(answer));
    return answer;
  }

  /** Waits for a message that meets a condition. */
  message(what: string, condition: (message: Message) => boolean, deadlineMs?: number): Promise<Message> {
    return eventually(what, () => this.received.find(condition), deadlineMs);
  }

  /** Waits until a quote has taken effect. */
  active(quote: Message): Promise<Message> {
    return this.message('active', (message) => message.op === 'active' && message['quote'] === quote['quote']);
  }

  /** Sequence numbers of the rows that came, per symbol. */
  numbers(): Readonly<Record<string, readonly number[]>> {
    const numbers: Record<string, number[]> = {};
    for (const message of this.received) {
      if (message.op !== 'upd') continue;
      const sym = message['sym'] as string;
      const rows = message['rows'] as readonly unknown[];
      numbers[sym] = [...(numbers[sym] ?? []), ...rows.map((_row, index) => (message['seq'] as number) + index)];
    }
    return numbers;
  }

  /** Waits until the last number of a symbol has come. */
  reaches(sym: string, seq: number): Promise<unknown> {
    return eventually(`${sym} ${seq}`, () => this.numbers()[sym]?.includes(seq));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Drops the connection without a word. */
  async drop(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    this.#socket.terminate();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drop();
  }
}

/** Insists on the numbers `from` to `to`, each once and in order. */
export function assertRun(numbers: readonly number[] | undefined, from: number, to: number): void {
  assert.deepEqual(
    numbers,
    Array.from({ length: to - from + 1 }, (_each, index) => from + index),
  );
}
