import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { eventually } from '../../contract/support.ts';

const COMMAND = fileURLToPath(new URL('../../../src/bin/tickerplant.ts', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../examples/three-processes/', import.meta.url));

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
    this.#child = spawn(process.execPath, [COMMAND, ...this.#args], {
      stdio: ['ignore', out, err],
      env: { ...process.env, XDG_STATE_HOME: path.join(this.#dir, 'xdg') },
    });
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

/** The three programs of the example, on files and a port of their own. */
export interface World extends AsyncDisposable {
  readonly dir: string;
  readonly simnet: Program;
  readonly server: Program;
  readonly socket: string;
  readonly ledger: string;
  /** The server's WebSocket. */
  readonly url: string;
  /** The buyers' wallet file. */
  readonly wallet: string;
  /** A buyer of AAPL and GOOGL with a state of its own, not started yet. */
  buyer(name: string): Program;
}

/** Writes the example's files anew for a folder of their own and starts network and server. */
export async function startWorld(): Promise<World> {
  const dir = mkdtempSync(path.join(tmpdir(), 'tickerplant-three-'));
  const port = await freePort();
  const config = (name: string) => parse(readFileSync(path.join(EXAMPLES, name), 'utf8'));
  const write = (name: string, value: unknown) => {
    writeFileSync(path.join(dir, name), stringify(value));
    return path.join(dir, name);
  };
  const simnetFile = write('simnet.yaml', config('simnet.yaml'));
  const server = config('server.yaml');
  const serverFile = write('server.yaml', { ...server, transports: { websocket: { ...server.transports.websocket, port } } });
  const walletFile = write('buyer.yaml', config('buyer.yaml'));
  const programs = {
    simnet: new Program(dir, 'simnet', ['simnet', '--config', simnetFile]),
    server: new Program(dir, 'server', ['start', '--config', serverFile, '--json']),
  };
  const buyers: Program[] = [];
  programs.simnet.start();
  programs.server.start();
  await eventually('the server listens', () => programs.server.latest('out').includes('listening'));
  return {
    ...programs,
    dir,
    socket: path.join(dir, 'data/simnet.sock'),
    ledger: path.join(dir, 'data/ledger.db'),
    url: `ws://127.0.0.1:${port}`,
    wallet: walletFile,
    buyer(name) {
      const args = ['sub', `ws://127.0.0.1:${port}`, 'trade', 'AAPL', 'GOOGL', '--wallet', walletFile];
      const state = path.join(dir, 'state', name);
      const buyer = new Program(dir, name, [...args, '--budget', '1000', '--state', state, '--format', 'ndjson', '--json']);
      buyers.push(buyer);
      return buyer;
    },
    async [Symbol.asyncDispose]() {
      for (const program of [...buyers, programs.server, programs.simnet]) await program.end('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { readonly port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
