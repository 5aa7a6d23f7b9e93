import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { type EclairRecording, eclairRecordings, named } from '../../fixtures/wire/recordings.ts';

/** What an in-test eclair answers. */
export type Answer =
  | { readonly status?: number; readonly body: unknown; readonly contentType?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'hang'
  | 'hang up';

export type Handler = (form: Readonly<Record<string, string>>, call: number) => Answer | Promise<Answer>;

/** An eclair of a handful of endpoints on a real port, with its WebSocket, that can be stopped and started again. */
export class ApiServer {
  password = 'secret-of-the-api';
  /** Whether `/ws` is there. */
  hasWebSocket = true;
  readonly calls: { readonly path: string; readonly form: Readonly<Record<string, string>> }[] = [];
  readonly #handlers: Map<string, Handler>;
  readonly #sockets = new Set<Socket>();
  readonly #listeners = new Set<WebSocket>();
  #server: Server | undefined;
  #port = 0;

  constructor(handlers: Readonly<Record<string, Handler>> = {}) {
    this.#handlers = new Map(Object.entries({ '/getinfo': () => recorded('getinfo'), ...handlers }));
  }

  static async started(handlers: Readonly<Record<string, Handler>> = {}): Promise<ApiServer> {
    const server = new ApiServer(handlers);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  on(path: string, handler: Handler): this {
    this.#handlers.set(path, handler);
    return this;
  }

  called(path: string): readonly Readonly<Record<string, string>>[] {
    return this.calls.filter((call) => call.path === path).map((call) => call.form);
  }

  /** Sends an event to all who listen. */
  emit(event: unknown): void {
    for (const listener of this.#listeners) listener.send(typeof event === 'string' ? event : JSON.stringify(event));
  }

  /** Ends the WebSockets alone. */
  dropListeners(): void {
    for (const listener of this.#listeners) listener.terminate();
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      if (!this.hasWebSocket || !this.#isAllowed(request)) {
        socket.end(`HTTP/1.1 ${this.hasWebSocket ? '401 Unauthorized' : '404 Not Found'}\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (listener) => {
        this.#listeners.add(listener);
        listener.on('close', () => this.#listeners.delete(listener));
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #isAllowed(request: IncomingMessage): boolean {
    return request.headers.authorization === `Basic ${Buffer.from(`:${this.password}`).toString('base64')}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += String(piece);
    const path = request.url ?? '';
    const form = Object.fromEntries(new URLSearchParams(text));
    if (!this.#isAllowed(request)) return send(response, recorded('unauthorized'));
    this.calls.push({ path, form });
    const handler = this.#handlers.get(path);
    const answer: Answer = handler === undefined ? recorded('unknown endpoint') : await handler(form, this.called(path).length);
    if (answer === 'hang') return;
    if (answer === 'hang up') response.destroy();
    else send(response, answer);
  }
}

/** What the real node answered, by the name of the recording. */
export function recorded(name: string): Exclude<Answer, string> {
  const recording: EclairRecording = named(eclairRecordings(), name);
  return { status: recording.status ?? 200, body: recording.body, contentType: recording.contentType ?? 'application/json' };
}

function send(response: ServerResponse, answer: Exclude<Answer, string>): void {
  const contentType = answer.contentType ?? 'application/json';
  response.writeHead(answer.status ?? 200, { 'Content-Type': contentType, ...answer.headers });
  response.end(contentType.includes('json') ? JSON.stringify(answer.body) : String(answer.body));
}
