import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TestFolder } from '../../unit/storage/support/folders.ts';

const COMMAND = fileURLToPath(new URL('../../../src/bin/tickerplant.ts', import.meta.url));

/** A folder with a config, in which `tickerplant` runs as a process of its own. */
export class ServerFolder implements Disposable {
  readonly #folder = new TestFolder();
  readonly #children: ChildProcess[] = [];

  constructor(extra = '') {
    writeFileSync(
      this.join('tickerplant.config.yaml'),
      `backend: { kind: simulated }
tables:
  trade:
    columns: { time: timestamp, sym: symbol, price: float, size: long }
    symbols: [AAPL, GOOG]
    pricing: { kind: flat, msat: 100000, lasts: 24h }
feed: { kind: random, seed: 1, rowsPerSecond: 5000 }
transports: { websocket: { port: 0, maxBufferedBytes: 268435456, closeTimeoutSeconds: 60 } }
${extra}
`,
    );
  }

  get path(): string {
    return this.#folder.path;
  }

  join(...parts: string[]): string {
    return this.#folder.join(...parts);
  }

  remove(...parts: string[]): void {
    rmSync(this.join(...parts), { recursive: true });
  }

  spawn(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: this.path,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    return child;
  }

  /** Starts the server; resolves with its URL when it listens. */
  async start(
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ readonly child: ChildProcess; readonly url: string; readonly ended: Promise<number | null> }> {
    const child = this.spawn(['start', '--json'], env);
    const ended = once(child, 'close').then(([code]) => code as number | null);
    child.stderr?.resume();
    if (child.stdout === null) throw new Error('no standard output');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, url: (JSON.parse(line) as { listening: { websocket: string } }).listening.websocket, ended };
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], input = ''): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
    const child = this.spawn(args);
    child.stdin?.end(input);
    const texts = { out: '', err: '' };
    child.stdout?.on('data', (data: Buffer) => {
      texts.out += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      texts.err += data.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...texts };
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#folder[Symbol.dispose]();
  }
}
