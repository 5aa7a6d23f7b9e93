import { WebSocket } from 'ws';
import { checkAgainstDocument } from './asyncapi.ts';

type Message = Record<string, unknown> & { readonly op: string };

/** A buyer's program of a few lines; every message that it gets is checked against the AsyncAPI document. */
export class Client implements AsyncDisposable {
  readonly webSocket: WebSocket;
  readonly messages: Message[] = [];
  readonly problems: unknown[] = [];
  opened = false;
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}) {
    this.webSocket = new WebSocket(url, options);
    this.webSocket.on('error', (error) => this.problems.push(error));
    this.webSocket.on('open', () => {
      this.opened = true;
    });
    this.webSocket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.webSocket.on('message', (data, isBinary) => {
      const message = JSON.parse(String(data)) as Message;
      this.messages.push(message);
      if (isBinary) this.problems.push(new Error('a binary message'));
      try {
        checkAgainstDocument(message);
      } catch (error) {
        this.problems.push(error);
      }
    });
  }

  static async open(url: string, options?: ConstructorParameters<typeof WebSocket>[2]): Promise<Client> {
    const client = new Client(url, options);
    await until(() => client.opened || client.problems.length > 0, 'a connection');
    if (client.problems.length > 0) throw client.problems[0];
    return client;
  }

  send(message: unknown): void {
    this.webSocket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Takes the first message that fits, once it is there; those before it stay. */
  async take(fits: string | ((message: Message) => boolean)): Promise<Message> {
    const matches = typeof fits === 'string' ? (message: Message) => message.op === fits : fits;
    await until(() => this.messages.some(matches) || this.closed !== undefined, `a message ${String(fits)}`);
    const index = this.messages.findIndex(matches);
    if (index === -1) throw new Error(`closed (${this.closed?.code}) before ${String(fits)} came`);
    return this.messages.splice(index, 1)[0] as Message;
  }

  /** Sends a request and takes what has its id. */
  async ask(request: Record<string, unknown>): Promise<Message> {
    this.send(request);
    return this.take((message) => message['id'] === request['id']);
  }

  /** All that was sent before is answered now. */
  async settled(): Promise<void> {
    await this.ask({ op: 'ping', id: `settled-${Math.random()}` });
  }

  async waitForClose(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, 'the close');
    return this.closed as { code: number; reason: string };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.webSocket.terminate();
    await until(() => this.webSocket.readyState === WebSocket.CLOSED, 'the end of a client');
  }
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean, what: string, deadlineMs = 8_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
