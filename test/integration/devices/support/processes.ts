import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../../..');
/** Starting many processes takes long where there are few processors. */
const DEADLINE_MS = 240_000;

/** What a process left behind. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Running {
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Types a line into it. */
  type(line: string): void;
  /** Waits until its standard output holds something, and answers what matched. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** As `kill -9`, and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts programs of this package in a folder, and ends those that are left. */
export class Processes implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The command. */
  tickerplant(...args: string[]): Running {
    return this.program('src/bin/tickerplant.ts', args);
  }

  /** A file of this package, by its path in it. */
  program(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [join(ROOT, file), ...args], {
      cwd: this.#folder,
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    this.#children.push(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += String(data)));
    child.stderr.on('data', (data) => (stderr += String(data)));
    child.stdin.on('error', () => undefined);
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    return {
      get stdout() {
        return stdout;
      },
      get stderr() {
        return stderr;
      },
      ended,
      type: (line) => void child.stdin.write(`${line}\n`),
      async until(pattern) {
        const deadline = AbortSignal.timeout(DEADLINE_MS);
        for (;;) {
          const match = pattern.exec(stdout);
          if (match !== null) return match;
          if (hasEnded() || deadline.aborted) throw new Error(`${file}: ${pattern} did not come; ${JSON.stringify({ stdout, stderr })}`);
          await Promise.race([once(child.stdout, 'data', { signal: deadline }), ended]).catch(() => undefined);
        }
      },
      async kill(signal = 'SIGKILL') {
        child.kill(signal);
        await ended;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}
