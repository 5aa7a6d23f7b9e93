import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { nativeProgram } from '../native/compile.ts';
import { encodeJob, type Framing, type SinkConnection } from './job.ts';

/** What a sink is connected to. */
export interface SinkOptions {
  readonly name: string;
  /** Where its job file is written. */
  readonly dir: string;
  readonly framing: Framing;
  readonly connections: readonly SinkConnection[];
  readonly port: number;
  /** Where the publisher takes its orders; left out, there is none. */
  readonly controlPort?: number;
  /** Of which rows are, the first so many; all unless given. */
  readonly symbols?: number;
}

/** How many rows may be on their way to a subscriber, and how often the publisher is told to go on. */
export interface Flow {
  readonly rowsPerTurn: number;
  readonly windowRows: number;
  readonly ackRows: number;
}

/** How fast rows went, or how long they took: milliseconds. */
export interface Paced {
  readonly deliveriesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const BYTES_UNDER_WAY_EACH = 256 * 1024;
const BYTES_UNDER_WAY = 64 * 1024 * 1024;
const WRITES_UNDER_WAY = 20_000;
const ACKS_A_WINDOW = 4;
/** A row with what goes with it on the wire. */
const WIRE_ROW_BYTES = 180;

/** As much as keeps every contender busy, and is drained in a moment. */
export function flowOf(subscribers: number, rowsPerTurn: number): Flow {
  const turnBytes = rowsPerTurn * WIRE_ROW_BYTES;
  const most = Math.min(BYTES_UNDER_WAY_EACH / turnBytes, BYTES_UNDER_WAY / (subscribers * turnBytes), WRITES_UNDER_WAY / subscribers);
  const ackTurns = Math.max(1, Math.floor(most / ACKS_A_WINDOW));
  return { rowsPerTurn, ackRows: ackTurns * rowsPerTurn, windowRows: ackTurns * ACKS_A_WINDOW * rowsPerTurn };
}

/** The subscribers of one contender: a process of the program that all contenders' subscribers are. */
export class Sink implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = [];
  readonly #ended: Promise<void>;
  #said = '';
  #isOver = false;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    if (child.stdout === null) throw new Error('the sink has no output');
    this.#lines = createInterface({ input: child.stdout });
    this.#lines.on('line', (line) => this.#waiting.shift()?.resolve(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#ended = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#isOver = true;
        for (const { reject } of this.#waiting.splice(0))
          reject(new Error(`${this.#name}: its sink ended with ${code}: ${this.#said.trim()}`));
        resolve();
      });
    });
  }

  /** Resolves when every connection is subscribed. @throws Error with what the sink said. */
  static async connect({ name, dir, framing, connections, port, controlPort = 0, symbols }: SinkOptions): Promise<Sink> {
    const job = join(dir, `${name}.job`);
    writeFileSync(job, encodeJob(framing, connections, symbols));
    const child = spawn(await nativeProgram('sink'), [job, String(port), String(controlPort)], { stdio: ['pipe', 'pipe', 'pipe'] });
    const sink = new Sink(name, child);
    await sink.#next();
    return sink;
  }

  /** Deliveries per second, the publisher going as fast as every subscriber takes it. Resolves when all rows are there, each once. */
  async run({ rowsPerTurn, windowRows, ackRows }: Flow, warmMs: number, ms: number): Promise<number> {
    const { delivered, ns } = await this.#order<{ delivered: number; ns: number }>(
      `run ${rowsPerTurn} ${windowRows} ${ackRows} ${Math.round(warmMs)} ${Math.round(ms)}`,
    );
    return (delivered / ns) * 1e9;
  }

  /** From publishing to receiving, at a pace. */
  async pace(rowsPerTurn: number, turnsPerSecond: number, ms: number): Promise<Paced> {
    const found = await this.#order<{ delivered: number; ns: number } & Omit<Paced, 'deliveriesPerSecond'>>(
      `pace ${rowsPerTurn} ${Math.max(1, Math.round(turnsPerSecond))} ${Math.round(ms)}`,
    );
    return { deliveriesPerSecond: (found.delivered / found.ns) * 1e9, p50: found.p50, p99: found.p99, p999: found.p999 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#ended;
    this.#lines.close();
  }

  async #order<T>(line: string): Promise<T> {
    const answer = this.#next();
    this.#child.stdin?.write(`${line}\n`);
    return JSON.parse(await answer) as T;
  }

  #next(): Promise<string> {
    if (this.#isOver) return Promise.reject(new Error(`${this.#name}: its sink has ended: ${this.#said.trim()}`));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}
