import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../../unit/client/support/seeded.ts';

const BIN = join(import.meta.dirname, '../../../src/bin/tickerplant.ts');
/** Killings a run; `CRASHES=20` for the whole of it. */
const CRASHES = Number(process.env['CRASHES'] ?? 6);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

type Role = 'simnet' | 'server' | 'buyer';

/** Simulated network, tickerplant and buyer as three programs that can be killed and started again. */
class ThreeProcesses {
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
    const url = `ws://127.0.0.1:${this.#port}`;
    const rest = ['--budget', '1000', '--state', this.path('state'), '--format', 'ndjson', '--json'];
    return ['sub', url, 'trade', 'AAPL', 'GOOG', '--wallet', this.path('buyer.yaml'), ...rest];
  }

  #file(name: string, content: unknown): void {
    writeFileSync(this.path(name), JSON.stringify(content));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const wait = { timeout: 40_000, interval: 20 };

/** Starts all three, lets the killings happen, and holds the result to what was promised. */
async function holdsThrough(killings: (world: ThreeProcesses) => Promise<void>): Promise<void> {
  const world = new ThreeProcesses(await freePort());
  try {
    world.start('simnet');
    await expect.poll(() => world.outboundMsat(), wait).toBeGreaterThan(0n);
    const before = world.outboundMsat();
    world.start('server');
    world.start('buyer');
    await killings(world);
    const count = world.rows().length;
    await expect.poll(() => world.rows().length, wait).toBeGreaterThan(count + 100);
    await world.kill('buyer', 'SIGINT');
    expect(before - world.outboundMsat()).toBe(200_000n);
    expect(JSON.parse(readFileSync(world.path('state/subscription.json'), 'utf8'))).toMatchObject({ spentMsat: '200000', past: [] });
    expect(holes(world.rows())).toEqual([]);
  } catch (error) {
    throw new Error(`seed ${SEED}; buyer:\n${world.log('buyer').slice(-3_000)}\nserver:\n${world.log('server').slice(-2_000)}`, {
      cause: error,
    });
  } finally {
    await world.dispose();
  }
}

test(`killed ${CRASHES} times at random moments (seed ${SEED}): paid once, every number once`, async () => {
  const random = seededRandom(SEED);
  await holdsThrough(async (world) => {
    for (let crash = 0; crash < CRASHES; crash += 1) {
      // The first ones may hit anywhere between start, quote, payment and the first row; later ones in the stream.
      await new Promise((resolve) => setTimeout(resolve, random() * 2_500));
      const roles: readonly Role[] = ['buyer', 'server', 'simnet'];
      const role = crash < roles.length ? (roles[crash] as Role) : (roles[Math.floor(random() * roles.length)] as Role);
      await world.kill(role);
      world.start(role);
    }
  });
}, 240_000);

test('the buyer is killed right after its quote, while paying, after paying and at its first row: paid once, every number once', async () => {
  await holdsThrough(async (world) => {
    for (const event of ['quote', 'paying', 'paid', 'first-tick']) {
      await expect
        .poll(() => world.log('buyer').includes(`"event":"${event}"`) || world.rows().length > 0, { ...wait, interval: 1 })
        .toBe(true);
      await world.kill('buyer');
      world.start('buyer');
    }
  });
}, 120_000);

/** Numbers that are missing or there twice, per symbol and epoch; the first one of an epoch after the first must be 1. */
function holes(rows: ReturnType<ThreeProcesses['rows']>): string[] {
  const found: string[] = [];
  const last = new Map<string, { epoch: number; seq: number }>();
  for (const { sym, epoch, seq } of rows) {
    const before = last.get(sym);
    const expected = before === undefined ? seq : before.epoch === epoch ? before.seq + 1 : 1;
    if (seq !== expected || epoch < (before?.epoch ?? 0)) found.push(`${sym}: ${epoch}/${seq} after ${before?.epoch}/${before?.seq}`);
    last.set(sym, { epoch, seq });
  }
  return found;
}
