import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClnRecording, clnRecordings, named } from '../../fixtures/wire/recordings.ts';

/** What an in-test lightningd answers: a result, an error, text that is not JSON-RPC, nothing ever, or a hung-up socket. */
export type Answer =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }
  | { readonly raw: string }
  | 'hang'
  | 'hang up';

export type Handler = (params: Readonly<Record<string, unknown>>, call: number) => Answer | Promise<Answer>;

/** A lightningd of a handful of methods on a real unix socket, that can be stopped and started again. */
export class RpcServer {
  readonly dir: string;
  readonly path: string;
  readonly calls: { readonly method: string; readonly params: Readonly<Record<string, unknown>> }[] = [];
  readonly #handlers: Map<string, Handler>;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(handlers: Readonly<Record<string, Handler>> = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'cln-'));
    this.path = join(this.dir, 'lightning-rpc');
    this.#handlers = new Map(Object.entries({ getinfo: () => recorded('getinfo'), ...handlers }));
  }

  static async started(handlers: Readonly<Record<string, Handler>> = {}): Promise<RpcServer> {
    const server = new RpcServer(handlers);
    await server.start();
    return server;
  }

  on(method: string, handler: Handler): this {
    this.#handlers.set(method, handler);
    return this;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  called(method: string): readonly Readonly<Record<string, unknown>>[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.params);
  }

  async start(): Promise<void> {
    rmSync(this.path, { force: true });
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.#server === undefined ? resolve() : this.#server.close(() => resolve())));
    rmSync(this.path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.setEncoding('utf8');
    let rest = '';
    socket.on('data', (piece: string) => {
      rest += piece;
      // The client writes its calls one after the other without a break between them.
      for (let end = endOfObject(rest); end > 0; end = endOfObject(rest)) {
        const call = JSON.parse(rest.slice(0, end)) as { id: string; method: string; params: Record<string, unknown> };
        rest = rest.slice(end);
        void this.#answer(socket, call);
      }
    });
  }

  async #answer(socket: Socket, { id, method, params }: { id: string; method: string; params: Record<string, unknown> }): Promise<void> {
    this.calls.push({ method, params });
    const count = this.called(method).length;
    const handler = this.#handlers.get(method);
    const answer: Answer =
      handler === undefined ? { error: { code: -32601, message: `Unknown command '${method}'` } } : await handler(params, count);
    if (answer === 'hang') return;
    if (answer === 'hang up') socket.destroy();
    else if ('raw' in answer) socket.write(answer.raw);
    else socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n\n`);
  }
}

/** What the real node answered, by the name of the recording. */
export function recorded(name: string): Answer {
  const recording: ClnRecording = named(clnRecordings(), name);
  return recording.error === undefined ? { result: recording.result } : { error: recording.error };
}

/** The result of a recording, with some of its fields changed. */
export function recordedWith(name: string, fields: Readonly<Record<string, unknown>>): Answer {
  return { result: { ...(named(clnRecordings(), name).result as object), ...fields } };
}

function endOfObject(text: string): number {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return index + 1;
  }
  return 0;
}
