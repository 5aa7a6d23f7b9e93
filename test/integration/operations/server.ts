import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { type CommandOptions, Commands, type EndedCommand } from '../../support/command.ts';
import { TestFolder } from '../../unit/storage/support/folders.ts';

/** A folder with a config, in which `tickerplant` runs as a process of its own. */
export class ServerFolder implements AsyncDisposable {
  readonly #folder = new TestFolder();
  readonly #commands = new Commands(this.#folder.path);

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

  join(...parts: string[]): string {
    return this.#folder.join(...parts);
  }

  remove(...parts: string[]): void {
    rmSync(this.join(...parts), { recursive: true });
  }

  /** Starts the server; resolves with its URL when it listens. */
  async start(
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ readonly child: ChildProcess; readonly url: string; readonly ended: Promise<number | null> }> {
    const { child, ended, line } = this.#commands.start(['start', '--json'], { env });
    const { listening } = JSON.parse(await line()) as { listening: { websocket: string } };
    return { child, url: listening.websocket, ended: ended.then(({ code }) => code) };
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<EndedCommand> {
    return await this.#commands.run(args, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
