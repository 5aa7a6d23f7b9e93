import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { BackendConfig } from './networks/network.ts';
import { COMMAND, Program } from './program.ts';
import { Wire } from './wire.ts';

const TOKEN = 'chaos-token-of-the-one-server';
const AGAIN_MS = 150;

/** What a listener's process is made of. */
export interface ListenerProcessOptions {
  /** Where its config stands. */
  readonly dir: string;
  /** Where its outbox stands: on the small disk. */
  readonly disk: string;
  readonly logs: string;
  readonly port: number;
  readonly seller: BackendConfig;
  readonly preload: readonly string[];
  /** It has ended by itself. */
  readonly onEnded: (code: number | null) => void;
}

/** A listener as a process of its own, behind a wire that can be cut, and with an outbox that can be lost. */
export class ListenerProcess implements AsyncDisposable {
  readonly wire: Wire;
  readonly #options: ListenerProcessOptions;
  readonly #program: Program;
  #listening = false;

  private constructor(options: ListenerProcessOptions, wire: Wire) {
    this.#options = options;
    this.wire = wire;
    const { dir, logs, port, seller, preload, onEnded } = options;
    mkdirSync(this.#folder, { recursive: true });
    const file = join(dir, 'listener.yaml');
    const config = {
      backend: seller,
      outbox: { path: join(this.#folder, 'outbox.db') },
      listen: { port },
      servers: [{ name: 'server', token: TOKEN }],
    };
    writeFileSync(file, stringify(config));
    this.#program = new Program({
      name: 'listener',
      args: [COMMAND, 'listener', '--config', file, '--json'],
      preload,
      watch: 'stdout',
      onLine: (line) => {
        if (line.includes('"listening"')) this.#listening = true;
      },
      log: join(logs, 'listener.out'),
      other: () => {
        this.#listening = false;
        return join(logs, 'listener.err');
      },
      onExit: (code) => {
        this.#listening = false;
        onEnded(code);
        setTimeout(() => this.#program.start(), AGAIN_MS);
      },
    });
  }

  static async start(options: ListenerProcessOptions): Promise<ListenerProcess> {
    const listener = new ListenerProcess(options, await Wire.to({ port: options.port }));
    listener.#program.start();
    return listener;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** What a server's config says of it. */
  get client(): object {
    return { url: `ws://127.0.0.1:${this.wire.port}`, token: TOKEN };
  }

  /** Kills it, or stops it in order, and starts it again at once. False where it was not running. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
    this.#listening = false;
    return await this.#program.restart(signal);
  }

  /** Kills it and starts it again without its outbox. */
  async loseOutbox(): Promise<boolean> {
    this.#listening = false;
    const was = await this.#program.end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
    this.#program.start();
    return was;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.end('SIGKILL');
    await this.wire[Symbol.asyncDispose]();
  }

  get #folder(): string {
    return join(this.#options.disk, 'listener');
  }
}
