import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { stringify } from 'yaml';
import { freePort } from '../../regtest/native/free-ports.ts';
import { waitUntil } from '../../regtest/wait-until.ts';
import { verifyBooks } from './books.ts';
import { Buyer } from './buyer.ts';
import { SmallDisk } from './disk.ts';
import { ListenerProcess } from './listener-process.ts';
import type { ChaosNetwork } from './networks/network.ts';
import { patient } from './patience.ts';
import type { PlannedBuyer } from './plan.ts';
import { SYMBOLS } from './plan.ts';
import { COMMAND, Program } from './program.ts';
import type { PlanRandom } from './random.ts';
import type { Wire } from './wire.ts';

/** What a world is made of. */
export interface WorldOptions {
  readonly dir: string;
  readonly network: ChaosNetwork;
  /** Modules to load into the processes beforehand. */
  readonly preload: { readonly server: readonly string[]; readonly buyer: readonly string[]; readonly listener: readonly string[] };
  /** Whether a listener of its own follows the node. */
  readonly listener: boolean;
  readonly random: PlanRandom;
}

const DISK_MIB = 256;
const ROWS_PER_SECOND = 100;
const PRICE_MSAT = 10_000;
const READY_MS = 60_000;
const AGAIN_MS = 150;

/** A server on a small disk, a network behind it, and buyers who come and go. */
export class World implements AsyncDisposable {
  readonly network: ChaosNetwork;
  readonly disk: SmallDisk;
  /** What happened that was not asked for, in words. */
  readonly notes: string[] = [];
  readonly #options: WorldOptions;
  readonly #clockFile: string;
  readonly #wallets: readonly string[];
  #server: Program | undefined;
  #listener: ListenerProcess | undefined;
  /** Whether the server follows the listener at present, and not the node itself. */
  #follows = true;
  #url = '';
  #port = 0;
  #listening = false;
  #made = 0;
  readonly #buyers = new Set<Buyer>();

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.network = options.network;
    this.disk = new SmallDisk(join(options.dir, 'disk'), DISK_MIB);
    this.#clockFile = join(options.dir, 'clock');
    mkdirSync(this.#logs, { recursive: true });
    this.#wallets = options.network.buyers.map((backend, index) => {
      const file = join(options.dir, `wallet.${index}.yaml`);
      writeFileSync(file, stringify({ backend }));
      return file;
    });
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      if (options.listener) await world.#startListener();
      await world.#startServer();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #logs(): string {
    return join(this.#options.dir, 'logs');
  }

  get #config(): string {
    return join(this.#options.dir, 'server.yaml');
  }

  /** Arguments that tell a command of ours where the server's files are. */
  get configArgs(): readonly string[] {
    return ['--config', this.#config];
  }

  /** The listener that follows the node; undefined where the server does. */
  get listener(): ListenerProcess | undefined {
    return this.#listener;
  }

  /** What can be cut: the wires to the nodes, and that from the server to the listener. */
  get wires(): readonly Wire[] {
    return this.#listener === undefined ? this.network.wires : [...this.network.wires, this.#listener.wire];
  }

  /** The server goes over from the listener to the node itself, or back, at its next start, which is now. */
  async switchSource(): Promise<boolean> {
    if (this.#listener === undefined) return false;
    this.#follows = !this.#follows;
    writeFileSync(this.#config, stringify(this.#configOf(this.disk.path)));
    return await this.restartServer('SIGTERM');
  }

  /** Kills the server, or stops it in order, and starts it again at once. False where it was not running. */
  async restartServer(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
    this.#listening = false;
    return (await this.#server?.restart(signal)) ?? false;
  }

  /** Sets the server's clock wrong by so much. False where it is not up: it finds its clock wrong when it is. */
  setClock(offsetMs: number): boolean {
    writeFileSync(this.#clockFile, String(offsetMs));
    if (this.#listening) this.#server?.signal('SIGUSR2');
    return this.#listening;
  }

  /** Leaves the server's files in a folder, with a config that names them. */
  leaveBooks(folder: string): void {
    this.disk.keep(folder);
    writeFileSync(join(folder, 'tickerplant.config.yaml'), stringify(this.#configOf('.')));
  }

  /** Something was found: what is on the disk stays beside it. */
  keep(): void {
    if (this.disk.mounted) this.disk.keep(join(this.#options.dir, 'disk-kept'));
  }

  /** Takes back every fault, and resolves when network and server answer. */
  async calm(): Promise<void> {
    this.disk.free();
    for (const wire of this.wires) wire.mend();
    await this.network.ready();
    await this.network.fault({ kind: 'clear' });
    const { listener } = this;
    if (listener !== undefined) await waitUntil('the listener listens', async () => listener.listening, patient(READY_MS));
    await waitUntil('the server listens', async () => this.#listening, patient(READY_MS));
  }

  /** A buyer who is not started yet. */
  buyer({ syms, wallet, home }: PlannedBuyer): Buyer {
    this.#made += 1;
    const name = `buyer-${this.#made}`;
    const random = this.#options.random.fork(name);
    const files = Array.from({ length: 64 }, () => random.chance(0.5));
    const buyer: Buyer = new Buyer({
      name,
      url: this.#url,
      syms,
      wallet: wallet === undefined ? undefined : this.#wallets[wallet],
      dir: join(this.disk.path, 'buyers', name),
      xdg: join(this.#options.dir, 'homes', String(home)),
      logs: this.#logs,
      preload: this.#options.preload.buyer,
      sameFile: (run) => files[run % files.length] ?? true,
      onRetired: () => this.#buyers.delete(buyer),
    });
    this.#buyers.add(buyer);
    return buyer;
  }

  /** Stops the server in order. What is wrong with what it has left on the disk, in words. */
  async closeBooks(): Promise<readonly string[]> {
    await this.#server?.end('SIGTERM');
    const books = {
      config: this.#config,
      configOf: (folder: string) => {
        const file = join(this.#options.dir, 'spoilt.yaml');
        writeFileSync(file, stringify(this.#configOf(folder)));
        return file;
      },
      folder: this.disk.path,
      scratch: join(this.#options.dir, 'spoilt'),
    };
    return await verifyBooks(books, this.#options.random.fork('books'));
  }

  /** Reads the books of a server that was stopped: where the grants of a subscription begin. */
  grantsBegin(): (subscription: string) => ReadonlyMap<string, number> {
    const ledger = new DatabaseSync(join(this.disk.path, 'ledger.db'));
    try {
      const granted = new Map<string, Map<string, number>>();
      for (const { subscription, next } of ledger.prepare('select subscription, next from grants').all()) {
        const first = granted.get(String(subscription)) ?? new Map<string, number>();
        for (const [sym, seq] of Object.entries(JSON.parse(String(next)) as Record<string, number>)) first.set(sym, seq);
        granted.set(String(subscription), first);
      }
      return (subscription) => granted.get(subscription) ?? new Map();
    } finally {
      ledger.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const buyer of [...this.#buyers]) await buyer.retire('SIGKILL');
    await this.#server?.end('SIGKILL');
    await this.#listener?.[Symbol.asyncDispose]();
    this.disk[Symbol.dispose]();
  }

  async #startListener(): Promise<void> {
    const { dir, preload } = this.#options;
    this.#listener = await ListenerProcess.start({
      dir,
      disk: this.disk.path,
      logs: this.#logs,
      port: await freePort(),
      seller: this.network.seller,
      preload: preload.listener,
      onEnded: (code) => this.notes.push(`the listener ended by itself, with code ${code ?? 'none'}; started again`),
    });
  }

  async #startServer(): Promise<void> {
    const { preload } = this.#options;
    this.#port = await freePort();
    this.#url = `ws://127.0.0.1:${this.#port}`;
    writeFileSync(this.#config, stringify(this.#configOf(this.disk.path)));
    this.#server = new Program({
      name: 'server',
      args: [COMMAND, 'start', ...this.configArgs, '--json'],
      preload: [new URL('./clock-jump.ts', import.meta.url).href, ...preload.server],
      env: { CHAOS_CLOCK_FILE: this.#clockFile },
      watch: 'stdout',
      onLine: (line) => {
        if (line.includes('"listening"')) this.#listening = true;
      },
      log: join(this.#logs, 'server.out'),
      other: () => {
        this.#listening = false;
        return join(this.#logs, 'server.err');
      },
      onExit: (code) => this.#serverEnded(code),
    });
    this.#server.start();
    await waitUntil('the server listens', async () => this.#listening, patient(READY_MS));
  }

  #configOf(folder: string): object {
    const columns = { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' };
    const pricing = { kind: 'flat', msat: PRICE_MSAT, lasts: '24h' };
    return {
      backend: this.network.seller,
      tables: { trade: { columns, symbols: [...SYMBOLS], pricing } },
      feed: { kind: 'random', seed: 1, rowsPerSecond: ROWS_PER_SECOND },
      transports: { websocket: { host: '127.0.0.1', port: this.#port } },
      ledger: { kind: 'sqlite', path: join(folder, 'ledger.db') },
      journal: { dir: join(folder, 'journal'), segmentMb: 1 },
      ...(this.#listener === undefined || !this.#follows ? {} : { listener: this.#listener.client }),
      // All buyers come from one address here.
      limits: { quoteBurstPerAddress: 1_000, quotesPerSecondPerAddress: 100 },
    };
  }

  #serverEnded(code: number | null): void {
    this.#listening = false;
    this.notes.push(`the server ended by itself, with code ${code ?? 'none'}; started again`);
    setTimeout(() => this.#server?.start(), AGAIN_MS);
  }
}
