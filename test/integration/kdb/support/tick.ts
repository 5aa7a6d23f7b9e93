import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Column } from '../../../../src/core/tickerplant/schema.ts';
import { error, list, symbol } from '../../../../src/kdb/build.ts';
import { emptyTable } from '../../../../src/kdb/columns.ts';
import { Framing } from '../../../../src/kdb/framing.ts';
import { encodeMessage, readMessage } from '../../../../src/kdb/message.ts';
import type { K } from '../../../../src/kdb/types.ts';
import { plain } from './plain.ts';

/** What a kdb+ tickerplant does on the wire, as far as a subscriber sees it; nothing is paid here. */
export class Tick implements AsyncDisposable {
  readonly calls: unknown[] = [];
  readonly logins: string[] = [];
  readonly sockets: Set<Socket> = new Set();
  readonly #tables: Readonly<Record<string, readonly Column[]>>;
  readonly #password: string | undefined;
  #server: Server | undefined;
  port = 0;

  constructor(tables: Readonly<Record<string, readonly Column[]>>, password?: string) {
    this.#tables = tables;
    this.#password = password;
  }

  async start(port = 0): Promise<this> {
    const server = createServer((socket) => this.#serve(socket));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Sends ``(`upd;table;data)`` to everybody. */
  update(table: string, data: K, frame: (message: Uint8Array) => Uint8Array = (message) => message): void {
    const message = frame(encodeMessage('async', list(symbol('upd'), symbol(table), data)));
    for (const socket of this.sockets) socket.write(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #serve(socket: Socket): void {
    const framing = new Framing(2 ** 20);
    let isIn = false;
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      if (!isIn) {
        const login = chunk.subarray(0, -2).toString();
        this.logins.push(login);
        if (this.#password !== undefined && !login.endsWith(`:${this.#password}`)) {
          socket.destroy();
          return;
        }
        isIn = true;
        socket.write(Buffer.from([Math.min(chunk.at(-2) ?? 0, 3)]));
        return;
      }
      framing.push(chunk);
      for (let bytes = framing.next(); bytes !== undefined; bytes = framing.next()) {
        const [name, table] = this.#call(readMessage(bytes, { inflatedBytes: 0 }).value);
        const columns = this.#tables[String(table)];
        const answer = name === '.u.sub' && columns !== undefined ? list(symbol(String(table)), emptyTable(columns)) : error(String(table));
        socket.write(encodeMessage('response', answer));
        if (columns !== undefined) this.sockets.add(socket);
      }
    });
  }

  #call(value: K): readonly unknown[] {
    const call = plain(value) as unknown[];
    this.calls.push(call);
    return call;
  }
}
