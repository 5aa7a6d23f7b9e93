import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseExactJson } from '../../../../src/core/tickerplant/values.ts';

/** What goes to a client in Python: plain values as they are, others by their kdb+ type. */
export type Argument = string | null | { readonly symbol: string } | { readonly symbols: readonly string[] } | { readonly chars: string };

/** A client written in Python, in a process of its own, that is told what to do line by line. */
export class PythonClient implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  constructor(python: string, script: string) {
    const path = new URL(`../clients/${script}`, import.meta.url).pathname;
    this.#process = spawn(python, [path], { env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PYTHONDONTWRITEBYTECODE: '1' } });
    this.#process.stderr.on('data', (text: Buffer) => {
      this.#complaints += text.toString();
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  connect(port: number, login: { readonly user: string; readonly password: string; readonly raw?: boolean }): Promise<unknown> {
    return this.#do({ op: 'connect', port, raw: false, ...login });
  }

  /** What the client made of the answer. @throws with the client's own error. */
  ask(...args: readonly Argument[]): Promise<unknown> {
    return this.#do({ op: 'ask', args });
  }

  /** Asks for no answer. */
  tell(...args: readonly Argument[]): Promise<unknown> {
    return this.#do({ op: 'tell', args });
  }

  /** What the client made of the next asynchronous message. */
  receive(): Promise<unknown> {
    return this.#do({ op: 'receive' });
  }

  close(): Promise<unknown> {
    return this.#do({ op: 'close' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill();
    await exited;
  }

  async #do(command: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the client has ended: ${this.#complaints}`);
    // Nanoseconds don't fit into a number.
    const reply = parseExactJson(value) as { ok?: unknown; error?: string; kind?: string };
    if (reply.error !== undefined) throw new Error(`${reply.kind}: ${reply.error}`);
    return reply.ok;
  }
}
