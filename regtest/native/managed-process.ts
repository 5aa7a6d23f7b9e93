import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath } from './cache.ts';

/** How to start a process of the network. */
export interface ProcessOptions {
  /** For messages: `lnd alice`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes, appended. */
  readonly logFile: string;
}

const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 50;
const LOG_TAIL = 2_000;

const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A child process: ended with us whatever happens, its log kept for the error message when it ends by itself. */
export class ManagedProcess {
  readonly #options: ProcessOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(options: ProcessOptions) {
    this.#options = options;
    const log = openSync(options.logFile, 'a');
    // The kernel ends the child where our own end is one that no handler sees (SIGKILL).
    const guard = process.platform === 'linux' ? onPath('setpriv') : undefined;
    const [command, args] =
      guard === undefined ? [options.command, options.args] : [guard, ['--pdeathsig', 'KILL', '--', options.command, ...options.args]];
    this.#child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...options.env } });
    closeSync(log);
    running.add(this.#child);
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        running.delete(this.#child);
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', end);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return running.has(this.#child);
  }

  /** Asks until `ready` answers true. @throws Error when the process ends or the deadline passes first. */
  async until(what: string, ready: () => Promise<boolean>, deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    let last: unknown;
    for (;;) {
      if (!this.running) throw new Error(`${this.#options.name} ended before it was ${what}:\n${this.logTail()}`);
      try {
        if (await ready()) return;
      } catch (error) {
        last = error;
      }
      if (performance.now() > deadline) {
        const reason = last instanceof Error ? `${last.message}\n` : '';
        throw new Error(`${this.#options.name} was not ${what} within ${deadlineMs / 1000} s: ${reason}${this.logTail()}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Ends it, by force where asking does not help, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** The end of what it has printed. */
  logTail(): string {
    try {
      return readFileSync(this.#options.logFile, 'utf8').slice(-LOG_TAIL);
    } catch {
      return '';
    }
  }
}
