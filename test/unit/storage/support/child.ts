import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program of ours in a process of its own, read line by line. */
export class Child implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #errors = '';

  /** `limitBlocks`: no file of it may grow over so many blocks of 512 or 1024 bytes (`ulimit -f`). */
  constructor(program: string, args: readonly string[], limitBlocks?: number) {
    const command = [process.execPath, new URL(program, import.meta.url).pathname, ...args];
    this.#process =
      limitBlocks === undefined
        ? spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn('bash', ['-c', `ulimit -f ${limitBlocks}; exec "$@"`, 'limited', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#process, 'close');
    if (this.#process.stdout) createInterface(this.#process.stdout).on('line', (line) => this.lines.push(line));
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.#errors += data.toString();
    });
  }

  /** Waits until it has said so many lines. */
  async said(count: number): Promise<void> {
    const deadline = Date.now() + 15_000;
    while (this.lines.length < count) {
      if (this.#process.exitCode !== null || Date.now() > deadline)
        throw new Error(`the child said only ${this.lines.length} lines: ${this.#errors}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await this.#exited;
    if (this.#process.exitCode !== 0) throw new Error(`the child ended with ${this.#process.exitCode}: ${this.#errors}`);
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
