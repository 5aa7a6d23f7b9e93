import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Where something listens: a port of this machine, or a Unix socket. */
export type Place = { readonly port: number } | { readonly path: string };

const HOST = '127.0.0.1';

/** A wire between a client and a node that can be cut, also where nothing of ours is inside the node. Bytes go through as they are. */
export class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #to: Place;
  readonly #pairs = new Set<{ readonly client: Socket; readonly node: Socket }>();
  #refusing = false;
  #muted = false;

  private constructor(to: Place) {
    this.#to = to;
    this.#server = createServer((client) => this.#join(client));
  }

  /** A wire to a node; it listens at `at`, or at a port that is free. */
  static async to(to: Place, at: Place = { port: 0 }): Promise<Wire> {
    const wire = new Wire(to);
    if ('path' in at) rmSync(at.path, { force: true });
    await new Promise<void>((resolve, reject) => {
      wire.#server.once('error', reject);
      if ('path' in at) wire.#server.listen(at.path, resolve);
      else wire.#server.listen(at.port, HOST, resolve);
    });
    return wire;
  }

  /** The port it listens at; 0 on a Unix socket. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Ends every connection now, with all that is under way. Answers how many there were. */
  cut(): number {
    const count = this.#pairs.size;
    for (const { client, node } of this.#pairs) {
      client.destroy();
      node.destroy();
    }
    return count;
  }

  /** What is said to the node arrives there; its answers are lost, until {@link mend}. */
  mute(): void {
    this.#muted = true;
  }

  /** Nobody is let through, until {@link mend}. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Lets everybody through again. Who has missed an answer finds the connection ended. */
  mend(): void {
    const lost = this.#muted;
    this.#refusing = false;
    this.#muted = false;
    if (lost) this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const node = 'path' in this.#to ? connect(this.#to.path) : connect(this.#to.port, HOST);
    const pair = { client, node };
    this.#pairs.add(pair);
    const over = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      node.destroy();
    };
    node.on('error', over);
    node.once('close', over);
    client.once('close', over);
    client.pipe(node);
    node.on('data', (bytes) => {
      if (this.#muted || client.destroyed) return;
      if (!client.write(bytes)) {
        node.pause();
        client.once('drain', () => node.resume());
      }
    });
  }
}
