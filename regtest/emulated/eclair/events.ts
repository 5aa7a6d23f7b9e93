import type { WebSocket } from 'ws';

const CAPACITY = 10;

/**
 * eclair's `/ws`: one queue of ten for all who listen. What comes when it is full is dropped, nobody is told, and nothing
 * is played back.
 */
export class Events {
  readonly #clients = new Set<WebSocket>();
  #queue: string[] = [];

  add(client: WebSocket): void {
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    client.on('error', () => {});
  }

  push(event: { readonly type: string } & Readonly<Record<string, unknown>>): void {
    if (this.#clients.size === 0 || this.#queue.length >= CAPACITY) return;
    if (this.#queue.length === 0) setImmediate(() => this.#drain());
    this.#queue.push(JSON.stringify(event, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)));
  }

  /** Drops everybody without a word. */
  dropAll(): void {
    for (const client of this.#clients) client.terminate();
    this.#clients.clear();
    this.#queue = [];
  }

  #drain(): void {
    const texts = this.#queue;
    this.#queue = [];
    for (const text of texts) for (const client of this.#clients) client.send(text);
  }
}
