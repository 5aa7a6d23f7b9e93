import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { chars } from '../../../../src/kdb/build.ts';
import { encodeMessage, readMessage } from '../../../../src/kdb/message.ts';
import type { K } from '../../../../src/kdb/types.ts';
import { plain } from './plain.ts';

/** A client of the wire and nothing more, for what the real ones don't do: odd bytes, and bytes looked at one by one. */
export class KdbClient implements AsyncDisposable {
  readonly socket: Socket;
  /** What the server answered to the login. */
  capability: number | undefined;
  readonly responses: Uint8Array[] = [];
  /** Asynchronous messages. */
  readonly unasked: Uint8Array[] = [];
  closed = false;
  #bytes: Uint8Array = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
  }

  static async connect(port: number, login = 'test:test', capability: number | 'none' = 3): Promise<KdbClient> {
    const client = KdbClient.open(port);
    await once(client.socket, 'connect');
    client.send(Buffer.from([...Buffer.from(login), ...(capability === 'none' ? [] : [capability]), 0]));
    await until(() => client.capability !== undefined || client.closed, 'the answer to the login');
    return client;
  }

  /** Over TLS. @throws what the handshake threw. */
  static async connectTls(port: number, options: ConnectionOptions, login = 'test:test'): Promise<KdbClient> {
    const socket = connectTls({ port, host: '127.0.0.1', ...options });
    await once(socket, 'secureConnect');
    const client = new KdbClient(socket);
    client.send(Buffer.from([...Buffer.from(login), 3, 0]));
    await until(() => client.capability !== undefined || client.closed, 'the answer to the login');
    return client;
  }

  /** A connection that has not logged in. */
  static open(port: number): KdbClient {
    return new KdbClient(connect({ port, host: '127.0.0.1' }));
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Asks and waits for the answer: a string, or a value. */
  async ask(call: string | K): Promise<K> {
    return read(await this.askBytes(encodeMessage('sync', typeof call === 'string' ? chars(call) : call)));
  }

  async askBytes(message: Uint8Array): Promise<Uint8Array> {
    this.send(message);
    await until(() => this.responses.length > 0 || this.closed, 'an answer');
    const response = this.responses.shift();
    if (response === undefined) throw new Error('closed before the answer came');
    return response;
  }

  /** The answer in plain JavaScript; throws the server's error. */
  async value(call: string | K): Promise<unknown> {
    const answer = await this.ask(call);
    if (answer.kind === 'error') throw new Error(answer.message);
    return plain(answer);
  }

  async error(call: string | K): Promise<string> {
    const answer = await this.ask(call);
    if (answer.kind !== 'error') throw new Error(`no error but ${JSON.stringify(plain(answer))}`);
    return answer.message;
  }

  tell(call: string | K): void {
    this.send(encodeMessage('async', typeof call === 'string' ? chars(call) : call));
  }

  /** The first asynchronous messages, as soon as there are so many. */
  async take(count: number): Promise<readonly unknown[]> {
    await until(() => this.unasked.length >= count || this.closed, `${count} messages, of which ${this.unasked.length} came`);
    return this.unasked.splice(0, count).map((bytes) => plain(read(bytes)));
  }

  async waitForClose(): Promise<void> {
    await until(() => this.closed, 'the end of the connection');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await until(() => this.closed, 'the end of a client');
  }

  #read(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.capability === undefined) {
      this.capability = this.#bytes[0];
      this.#bytes = this.#bytes.subarray(1);
    }
    while (this.#bytes.length >= 8) {
      const length = Buffer.from(this.#bytes).readUInt32LE(4);
      if (this.#bytes.length < length) return;
      const message = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      (message[1] === 2 ? this.responses : this.unasked).push(message);
    }
  }
}

function read(bytes: Uint8Array): K {
  return readMessage(bytes, { inflatedBytes: 2 ** 26 }).value;
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean, what: string, deadlineMs = 25_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
