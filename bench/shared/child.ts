import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { cacheDir } from '../../regtest/native/cache.ts';

const END_MS = 15_000;

/** A server of a benchmark in a Node process of its own: one answer to each order, in order. Ends with us. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting: { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void }[] = [];
  readonly #ended: Promise<void>;
  #exit: Error | undefined;

  constructor(file: URL, args: readonly string[] = [], execArgv: readonly string[] = []) {
    this.#process = fork(file, args, {
      serialization: 'advanced',
      execArgv: [...execArgv, '--disable-warning=ExperimentalWarning', '--disable-warning=DEP0123'],
      // Types are stripped once; the compiled package has none.
      env: { ...process.env, NODE_COMPILE_CACHE: join(cacheDir(), 'bench', 'compiled') },
    });
    this.#process.on('message', (answer: { readonly value?: unknown; readonly error?: string }) => {
      const next = this.#waiting.shift();
      if (answer.error === undefined) next?.resolve(answer.value);
      else next?.reject(new Error(answer.error));
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#exit = new Error(`a process of the benchmark (${file.pathname.split('/').slice(-2).join('/')}) ended with ${code ?? signal}`);
        for (const { reject } of this.#waiting.splice(0)) reject(this.#exit);
        resolve();
      });
    });
  }

  /** Says what is to be done and resolves with the answer. @throws Error of the other side, or where it has ended. */
  ask<Answer>(order: unknown): Promise<Answer> {
    if (this.#exit !== undefined) return Promise.reject(this.#exit);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: (answer) => resolve(answer as Answer), reject });
      this.#process.send(order as object);
    });
  }

  /** It removes its folder when it hears that we are done; by force where it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** The other side of {@link Child}: answers orders one after another, and ends with its parent. */
export function serveOrders<Order>(answer: (order: Order) => Promise<unknown> | unknown): void {
  let last: Promise<void> = Promise.resolve();
  process.on('message', (order: Order) => {
    last = last.then(async () => {
      try {
        process.send?.({ value: await answer(order) });
      } catch (error) {
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    });
  });
  process.on('disconnect', () => process.exit());
}
