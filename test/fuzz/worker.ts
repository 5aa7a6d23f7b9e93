import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { corpusOf } from './corpus.ts';
import { inputsFor } from './inputs.ts';
import type { FuzzParser } from './parser.ts';
import { parserOf } from './parsers.ts';

/** What a worker is told. */
export interface FuzzJob {
  readonly parser: string;
  /** Inputs for a parser that costs as much as most do. */
  readonly runs: number;
  /** Whether a parser that costs more is given its share only. */
  readonly shared: boolean;
  readonly seed: number;
}

/** What is wrong, with the smallest input that was found for it. */
export interface Fault {
  readonly kind: 'crash' | 'hang' | 'growth';
  readonly detail: string;
  readonly input: Uint8Array | undefined;
  /** A file of the corpus, where it was that. */
  readonly file?: string;
}

/** What a worker says. */
export type FuzzNews =
  | { readonly kind: 'at'; readonly done: number; readonly seed: number }
  | { readonly kind: 'done'; readonly runs: number; readonly ms: number; readonly grownBytes: number; readonly fault: Fault | undefined };

const CHUNK = 1_000;
const HANG_MS = 1_000;
/** What is held at the end beyond what was held after a fifth of the runs. */
const GROWTH_BYTES = 8 * 1024 * 1024;

class HangError extends Error {}

/** One run: an undeclared error, or one that took too long, is thrown. */
function run(parser: FuzzParser, input: Buffer): void | Promise<void> {
  const started = performance.now();
  const took = read(parser, input);
  const over = (): void | Promise<void> => {
    // On a machine that is busy with other things, what counts is what the parser itself uses: once more, and measured.
    if (performance.now() - started < HANG_MS) return;
    const before = process.threadCpuUsage();
    const again = read(parser, input);
    return again instanceof Promise ? again.then(() => refuseHang(before)) : refuseHang(before);
  };
  return took instanceof Promise ? took.then(over) : over();
}

function refuseHang(before: NodeJS.CpuUsage): void {
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1_000;
  if (ms > HANG_MS) throw new HangError(`it took ${Math.round(ms)} ms`);
}

/** Reads an input; only an error that is not declared comes through. */
function read(parser: FuzzParser, input: Buffer): void | Promise<void> {
  const failed = (error: unknown): void => {
    if (!parser.declared(error)) throw error;
  };
  try {
    const result = parser.read(input);
    if (result instanceof Promise) return result.then(() => undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/** Tries what is kept for a parser, then so many inputs made by chance. Answers the first fault. */
export async function fuzz(
  parser: FuzzParser,
  runs: number,
  seed: number,
  onChunk: (done: number, seed: number) => void = () => undefined,
): Promise<{ readonly runs: number; readonly grownBytes: number; readonly fault: Fault | undefined }> {
  const kept = corpusOf(parser.name);
  for (const { file, bytes } of kept) {
    try {
      await run(parser, Buffer.from(bytes));
    } catch (error) {
      return { runs: 0, grownBytes: 0, fault: { ...faultOf(error, bytes), file } };
    }
  }
  const inputs = inputsFor(
    parser,
    kept.map(({ bytes }) => bytes),
  );
  const isAsync = isPromise(parser, parser.seeds()[0] ?? '');
  const property = isAsync
    ? fc.asyncProperty(inputs, async (input) => run(parser, input))
    : fc.property(inputs, (input) => void run(parser, input));
  let base: number | undefined;
  for (let done = 0, chunk = 0; done < runs; done += CHUNK, chunk += 1) {
    const chunkSeed = (seed + chunk * 7_919) | 0;
    onChunk(done, chunkSeed);
    const result = await fc.check(property as fc.IAsyncProperty<[Buffer]>, {
      seed: chunkSeed,
      numRuns: Math.min(CHUNK, runs - done),
      endOnFailure: false,
    });
    if (result.failed) {
      const input = result.counterexample?.[0];
      return {
        runs: done,
        grownBytes: 0,
        fault: { ...faultOf(result.errorInstance, input), detail: `${describe(result.errorInstance)} (--seed ${chunkSeed})` },
      };
    }
    if (base === undefined && done >= runs / 5) base = held();
  }
  const grownBytes = base === undefined ? 0 : Math.max(0, held() - base);
  const grown = grownBytes > GROWTH_BYTES;
  const detail = `it holds ${Math.round(grownBytes / 1024)} KiB more than after a fifth of the runs`;
  return { runs, grownBytes, fault: grown ? { kind: 'growth', detail, input: undefined } : undefined };
}

function isPromise(parser: FuzzParser, seed: string | Uint8Array): boolean {
  try {
    const result = parser.read(Buffer.from(seed));
    if (!(result instanceof Promise)) return false;
    result.catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

function faultOf(error: unknown, input: Uint8Array | undefined): Fault {
  return {
    kind: error instanceof HangError ? 'hang' : 'crash',
    detail: describe(error),
    input: input === undefined ? undefined : new Uint8Array(input),
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' · ') : String(error);
}

let collect: (() => void) | undefined;

/** Bytes that are reachable now. */
function held(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const { parser: name, runs, shared, seed } = workerData as FuzzJob;
  enableCompileCache();
  const parser = await parserOf(name);
  const tell = (news: FuzzNews): void => port.postMessage(news);
  const started = performance.now();
  const result = await fuzz(parser, Math.ceil(runs * (shared ? (parser.share ?? 1) : 1)), seed, (done, chunkSeed) =>
    tell({ kind: 'at', done, seed: chunkSeed }),
  );
  tell({ kind: 'done', ms: performance.now() - started, ...result });
}
