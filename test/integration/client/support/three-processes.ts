import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The command's own file. */
export const BIN: string = join(import.meta.dirname, '../../../../src/bin/tickerplant.ts');

export type Role = 'simnet' | 'server' | 'buyer';

/** Simulated network, tickerplant and buyer as three programs that can be killed and started again. */
export class ThreeProcesses {
  readonly base: string = mkdtempSync(join(tmpdir(), 'three-processes-'));
  readonly #running = new Map<Role, ChildProcess>();
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    const socket = join(this.base, 'sim.sock');
    this.#file('simnet.yaml', {
      simnet: {
        socket,
        dir: join(this.base, 'simnet'),
        nodes: ['seller', 'buyer'],
        channels: [{ from: 'buyer', to: 'seller', sat: 1_000_000 }],
      },
    });
    this.#file('buyer.yaml', { backend: { kind: 'simulated', socket, node: 'buyer' } });
    this.#file('server.yaml', {
      backend: { kind: 'simulated', socket, node: 'seller' },
      tables: {
        trade: {
          columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' },
          symbols: ['AAPL', 'GOOG'],
          pricing: { kind: 'flat', msat: 100_000, lasts: '24h' },
        },
      },
      feed: { kind: 'random', seed: 1, rowsPerSecond: 400 },
      transports: { websocket: { host: '127.0.0.1', port } },
      ledger: { kind: 'sqlite', path: join(this.base, 'ledger.db') },
      journal: { dir: join(this.base, 'journal') },
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  get output(): string {
    return this.path('rows.ndjson');
  }

  path(name: string): string {
    return join(this.base, name);
  }

  start(role: Role): void {
    const out = openSync(this.output, 'a');
    const log = openSync(this.path(`${role}.log`), 'a');
    const child = spawn(process.execPath, ['--no-warnings', BIN, ...this.#arguments(role)], {
      stdio: ['ignore', role === 'buyer' ? out : log, log],
      env: this.environment(),
    });
    closeSync(out);
    closeSync(log);
    this.#running.set(role, child);
  }

  async kill(role: Role, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(role);
    if (child === undefined) return;
    this.#running.delete(role);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await ended;
  }

  exited(role: Role): number | null {
    return this.#running.get(role)?.exitCode ?? null;
  }

  environment(): NodeJS.ProcessEnv {
    return { ...process.env, XDG_STATE_HOME: this.path('xdg') };
  }

  /** What the buyer's node can send, in msat: tells how much has left it. */
  outboundMsat(): bigint {
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--no-warnings', BIN, 'backend', 'info', '--config', this.path('buyer.yaml'), '--json'],
      {
        encoding: 'utf8',
        env: this.environment(),
      },
    );
    if (status !== 0) return 0n;
    return BigInt((JSON.parse(stdout) as { readonly channels: { readonly outboundMsat: string } }).channels.outboundMsat);
  }

  /** The command, to its end. */
  run(argv: readonly string[]): SpawnSyncReturns<string> {
    return spawnSync(process.execPath, ['--no-warnings', BIN, ...argv], { encoding: 'utf8', env: this.environment(), timeout: 30_000 });
  }

  rows(): { readonly sym: string; readonly epoch: number; readonly seq: number }[] {
    const text = readFileSync(this.output, 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { sym: string; epoch: number; seq: number });
  }

  log(role: Role): string {
    return readFileSync(this.path(`${role}.log`), 'utf8');
  }

  async dispose(): Promise<void> {
    for (const role of ['buyer', 'server', 'simnet'] as const) await this.kill(role);
    rmSync(this.base, { recursive: true, force: true });
  }

  #arguments(role: Role): string[] {
    if (role === 'simnet') return ['simnet', '--config', this.path('simnet.yaml')];
    if (role === 'server') return ['start', '--config', this.path('server.yaml')];
    const rest = ['--budget', '1000', '--state', this.path('state'), '--format', 'ndjson', '--json'];
    return ['sub', this.url, 'trade', 'AAPL', 'GOOG', '--wallet', this.path('buyer.yaml'), ...rest];
  }

  #file(name: string, content: unknown): void {
    writeFileSync(this.path(name), JSON.stringify(content));
  }
}
