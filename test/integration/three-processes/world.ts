import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { freePort } from '../../../regtest/native/free-ports.ts';
import { eventually } from '../../contract/support.ts';

const COMMAND = fileURLToPath(new URL('../../../src/bin/tickerplant.ts', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../examples/three-processes/', import.meta.url));
const LISTENS_MS = 60_000;

/** Processes that run now, so that whoever is interrupted takes them along. */
const RUNNING = new Set<ChildProcess>();

/** Kills every program that runs, without waiting. */
export function killPrograms(): void {
  for (const child of RUNNING) child.kill('SIGKILL');
}

/** A program of ours as a process of its own, its output in files. */
export class Program {
  readonly #args: readonly string[];
  readonly #dir: string;
  readonly #name: string;
  #child: ChildProcess | undefined;
  #starts = 0;

  constructor(dir: string, name: string, args: readonly string[]) {
    this.#dir = dir;
    this.#name = name;
    this.#args = args;
  }

  start(): void {
    this.#starts += 1;
    const out = openSync(this.#file('out', this.#starts), 'a');
    const err = openSync(this.#file('err', this.#starts), 'a');
    const child = spawn(process.execPath, [COMMAND, ...this.#args], {
      stdio: ['ignore', out, err],
      env: { ...process.env, XDG_STATE_HOME: path.join(this.#dir, 'xdg') },
    });
    RUNNING.add(child);
    child.once('exit', () => RUNNING.delete(child));
    this.#child = child;
    closeSync(out);
    closeSync(err);
  }

  /** Ends it with a signal and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  /** With what it ended by itself; undefined while it runs, and where a signal ended it. */
  get ended(): number | undefined {
    return this.#child?.exitCode ?? undefined;
  }

  /** Everything that it printed, over all its starts. */
  output(of: 'out' | 'err' = 'out'): string {
    let text = '';
    for (let start = 1; start <= this.#starts; start += 1) text += readFileSync(this.#file(of, start), 'utf8');
    return text;
  }

  /** What it printed since it was last started. */
  latest(of: 'out' | 'err'): string {
    return readFileSync(this.#file(of, this.#starts), 'utf8');
  }

  #file(of: string, start: number): string {
    return path.join(this.#dir, `${this.#name}.${start}.${of}`);
  }
}

/** A backend as it stands in a config file. */
export type BackendConfig = Readonly<Record<string, unknown>>;

/** The example's server and buyers as processes, on files and a port of their own. */
export interface Programs extends AsyncDisposable {
  readonly server: Program;
  readonly ledger: string;
  /** The server's WebSocket. */
  readonly url: string;
  /** The buyers' wallet file. */
  readonly wallet: string;
  /** A buyer of AAPL and GOOGL with a state of its own, not started yet. */
  buyer(name: string): Program;
}

/** The three programs of the example. */
export interface World extends Programs {
  readonly dir: string;
  readonly simnet: Program;
  readonly socket: string;
}

/** A folder for a world's files; {@link removeFolder} takes it away. */
export function newFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'tickerplant-three-'));
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** Writes the example's files anew for a folder of their own and starts network and server. */
export async function startWorld(): Promise<World> {
  const dir = newFolder();
  const simnet = new Program(dir, 'simnet', ['simnet', '--config', write(dir, 'simnet.yaml', example('simnet.yaml'))]);
  simnet.start();
  const end = async (): Promise<void> => {
    await simnet.end('SIGKILL');
    removeFolder(dir);
  };
  try {
    const programs = await startPrograms(dir);
    return {
      ...programs,
      dir,
      simnet,
      socket: path.join(dir, 'data/simnet.sock'),
      async [Symbol.asyncDispose]() {
        await programs[Symbol.asyncDispose]();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * Writes the example's files for server and buyer into a folder, with other backends where they are given and all else
 * unchanged, and starts the server.
 */
export async function startPrograms(
  dir: string,
  backends: { readonly seller?: BackendConfig; readonly buyer?: BackendConfig } = {},
): Promise<Programs> {
  const port = await freePort();
  const { seller, buyer } = backends;
  const config = example('server.yaml');
  const serverFile = write(dir, 'server.yaml', {
    ...config,
    ...(seller !== undefined && { backend: seller }),
    transports: { websocket: { ...config.transports.websocket, port } },
  });
  const wallet = write(dir, 'buyer.yaml', buyer === undefined ? example('buyer.yaml') : { backend: buyer });
  const server = new Program(dir, 'server', ['start', '--config', serverFile, '--json']);
  const buyers: Program[] = [];
  const end = async (): Promise<void> => {
    for (const program of [...buyers, server]) await program.end('SIGKILL');
  };
  server.start();
  try {
    await eventually('the server listens', () => server.latest('out').includes('listening'), LISTENS_MS);
  } catch (error) {
    await end();
    throw new Error(`${String(error)}; it said: ${server.latest('err')}`);
  }
  return {
    server,
    ledger: path.join(dir, 'data/ledger.db'),
    url: `ws://127.0.0.1:${port}`,
    wallet,
    buyer(name) {
      const args = ['sub', `ws://127.0.0.1:${port}`, 'trade', 'AAPL', 'GOOGL', '--wallet', wallet];
      const state = path.join(dir, 'state', name);
      const buyer = new Program(dir, name, [...args, '--budget', '1000', '--state', state, '--format', 'ndjson', '--json']);
      buyers.push(buyer);
      return buyer;
    },
    [Symbol.asyncDispose]: end,
  };
}

function example(name: string) {
  return parse(readFileSync(path.join(EXAMPLES, name), 'utf8'));
}

function write(dir: string, name: string, value: unknown): string {
  writeFileSync(path.join(dir, name), stringify(value));
  return path.join(dir, name);
}
