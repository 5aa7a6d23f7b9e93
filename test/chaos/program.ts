import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onPath } from '../../regtest/native/cache.ts';

/** The `tickerplant` command: the source, unless another script stands in for it. */
export let COMMAND: string = fileURLToPath(new URL('../../src/bin/tickerplant.ts', import.meta.url));

/** From now on this script is the command. */
export function useCommand(script: string): void {
  COMMAND = script;
}

/** How a program is started, each time. */
export interface ProgramOptions {
  readonly name: string;
  /** The script and what it is told. */
  readonly args: readonly string[];
  /** Modules that are loaded before it. */
  readonly preload?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Which of its outputs is read line by line as it comes; it is kept in `log`, too. */
  readonly watch: 'stdout' | 'stderr';
  readonly onLine: (line: string) => void;
  /** The file of the watched output. */
  readonly log: string;
  /** The file that its other output is appended to, for each start. */
  readonly other: () => string;
  /** It has ended, and not because we ended it. */
  readonly onExit?: (code: number | null) => void;
}

const alive = new Set<ChildProcess>();
let over = false;
/** Environment: what starts thousands of times is compiled once, its threads' modules too. (The command's own cache does not reach those.) */
export const COMPILED_ONCE: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache'),
};
// Where the runner itself is killed the kernel ends its programs.
const guard = process.platform === 'linux' ? onPath('setpriv') : undefined;

/** Ends whatever was started and is not gone yet, by its id; nothing is started any more. */
export function killAll(): void {
  over = true;
  for (const child of alive) child.kill('SIGKILL');
}

/** A process that is started again and again; its outputs are files. */
export class Program {
  readonly name: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #ending = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined && alive.has(this.#child);
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  /** Starts it; running already: nothing. */
  start(): void {
    if (this.running || over) return;
    const { args, preload = [], env, watch, onLine, log, other, onExit } = this.#options;
    const file = openSync(other(), 'a');
    const line = [process.execPath, ...preload.flatMap((url) => ['--import', url]), ...args];
    const [command = '', ...rest] = guard === undefined ? line : [guard, '--pdeathsig', 'KILL', '--', ...line];
    const stdio = watch === 'stdout' ? (['ignore', 'pipe', file] as const) : (['ignore', file, 'pipe'] as const);
    const child = spawn(command, rest, { stdio: [...stdio], env: { ...process.env, ...COMPILED_ONCE, ...env } });
    closeSync(file);
    this.#child = child;
    this.#ending = false;
    alive.add(child);
    const stream = watch === 'stdout' ? child.stdout : child.stderr;
    if (stream !== null) {
      createInterface({ input: stream }).on('line', (text) => {
        appendFileSync(log, `${text}\n`);
        onLine(text);
      });
    }
    this.#gone = new Promise((resolve) => {
      const end = (code: number | null): void => {
        if (!alive.delete(child)) return;
        appendFileSync(log, `--- ended: ${code ?? child.signalCode}\n`);
        resolve();
        if (!this.#ending) onExit?.(code);
      };
      child.once('close', end);
      child.once('error', () => end(null));
    });
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child?.kill(signal);
  }

  /** Ends it and waits until it is gone. False where it was not running. */
  async end(signal: NodeJS.Signals): Promise<boolean> {
    if (!this.running) return false;
    this.#ending = true;
    this.#child?.kill(signal);
    await this.#gone;
    return true;
  }

  /** Ends it and starts it again; one after the other where that is asked for twice. False where it was not running. */
  restart(signal: NodeJS.Signals, pauseMs = 0): Promise<boolean> {
    const turn = this.#turn.then(async () => {
      const was = await this.end(signal);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      this.start();
      return was;
    });
    this.#turn = turn;
    return turn;
  }
}
