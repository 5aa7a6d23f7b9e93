import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const COMMAND = join(import.meta.dirname, '../../src/bin/tickerplant.ts');

/** What a command left behind. */
export interface EndedCommand {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedCommand>;
  /** Waits until its standard output holds something, and answers what matched. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for the first line of its standard output. */
  line(): Promise<string>;
}

/** What differs from the test's own process. */
export interface CommandOptions {
  /** Added to the environment; undefined takes a variable away. */
  readonly env?: NodeJS.ProcessEnv;
  /** Its standard input. */
  readonly input?: string;
}

/** Starts `tickerplant` as processes of their own in a folder, and kills those that are left at the end. */
export class Commands implements AsyncDisposable {
  readonly #folder: string;
  readonly #children = new Set<ChildProcess>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  start(args: readonly string[], { env = {}, input = '' }: CommandOptions = {}): RunningCommand {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd: this.#folder, env: { ...process.env, NO_COLOR: '1', ...env } });
    this.#children.add(child);
    let [stdout, stderr, hasEnded] = ['', '', false];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // It may end without reading it.
    child.stdin.on('error', () => undefined).end(input);
    const ended = once(child, 'close').then(([code]) => {
      hasEnded = true;
      return { code: code as number | null, stdout, stderr };
    });
    const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(stdout);
        if (match !== null) return match;
        if (hasEnded) throw new Error(`ended with ${child.exitCode ?? child.signalCode}: ${stderr}`);
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
    };
    return { child, ended, until, line: async () => (await until(/^.*(?=\n)/))[0] };
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<EndedCommand> {
    return await this.start(args, options).ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}
