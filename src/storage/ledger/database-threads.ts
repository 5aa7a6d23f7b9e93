import { type MessagePort, Worker } from 'node:worker_threads';
import type { OpenRequest } from './messages.ts';

/** A thread that has a database open, or has none for the moment. It keeps the process alive while it is asked to. */
export class DatabaseThread {
  readonly #worker: Worker;
  #onEnd: ((error: Error | undefined) => void) | undefined;
  #ended = false;

  constructor() {
    // Specifiers within a URL are not rewritten by the compiler: the worker's file has the extension that this one has.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { name: 'ledger' });
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(undefined));
  }

  /** Opens a database, whose messages go through a port of their own. `onEnd`: the thread has ended, as it never should. */
  open(request: Omit<OpenRequest, 'port'>, port: MessagePort, onEnd: (error: Error | undefined) => void): void {
    this.#onEnd = onEnd;
    this.#worker.ref();
    this.#worker.postMessage({ ...request, port } satisfies OpenRequest, [port]);
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  /** Its database is closed: it waits for the next one, or ends where another waits already. */
  free(): void {
    this.#onEnd = undefined;
    if (this.#ended) return;
    this.#worker.unref();
    if (idle === undefined) idle = this;
    else void this.#worker.terminate();
  }

  #end(error: Error | undefined): void {
    this.#ended = true;
    if (idle === this) idle = undefined;
    this.#onEnd?.(error);
    this.#onEnd = undefined;
  }
}

/** Starting one takes longer than all that opening a database takes: the last one that came free is kept. */
let idle: DatabaseThread | undefined;

/** A thread for one database. */
export function takeThread(): DatabaseThread {
  const thread = idle ?? new DatabaseThread();
  idle = undefined;
  return thread;
}
