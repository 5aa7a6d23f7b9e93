import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/app/system.ts';
import { keep } from './corpus.ts';
import { PARSERS } from './parsers.ts';
import type { Fault, FuzzJob, FuzzNews } from './worker.ts';

const HELP = `npm run fuzz -- [options]

Gives every parser that meets the network or files what others might write, and sees that it answers or refuses as it says: no other
error, nothing over a second, nothing that is kept. What makes one fail is written into test/fuzz/corpus and tried first from then on.

  --runs N        inputs for each parser (default: 10000); those that go through files get a share of it, as is printed
  --parser NAME   this one only; may be given several times
  --seed S        (default: drawn, and printed)
  --jobs N        parsers at the same time (default: 2)
  --json          one JSON line on standard output at the end
  --help

Parsers: ${Object.keys(PARSERS).join(', ')}
`;

/** A thousand inputs take far less; what does not come back by then hangs. */
const SILENT_MS = 120_000;
const TICK_MS = 1_000;

interface Result {
  readonly parser: string;
  readonly runs: number;
  readonly runsPerSecond: number;
  readonly grownKiB: number;
  readonly fault: Fault | undefined;
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function fuzzInWorker(parser: string, runs: number, shared: boolean, seed: number): Promise<Result> {
  return new Promise((resolve) => {
    const job: FuzzJob = { parser, runs, shared, seed };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: job });
    let at = seed;
    const end = (result: Omit<Result, 'parser'>): void => {
      clearInterval(watch);
      void worker.terminate();
      resolve({ parser, ...result });
    };
    const failed = (kind: Fault['kind'], detail: string): void =>
      end({ runs: 0, runsPerSecond: 0, grownKiB: 0, fault: { kind, detail: `${detail} (--seed ${at})`, input: undefined } });
    // Counted in ticks: while this process is stopped itself, nobody is silent.
    let silentMs = 0;
    const watch = setInterval(() => {
      silentMs += TICK_MS;
      if (silentMs > SILENT_MS) failed('hang', `nothing for ${SILENT_MS / 1_000} s`);
    }, TICK_MS);
    worker.on('message', (news: FuzzNews) => {
      silentMs = 0;
      if (news.kind === 'at') at = news.seed;
      else
        end({
          runs: news.runs,
          runsPerSecond: Math.round((news.runs / news.ms) * 1_000),
          grownKiB: Math.round(news.grownBytes / 1024),
          fault: news.fault,
        });
    });
    worker.on('error', (error) => failed('crash', error.stack ?? error.message));
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '10000' },
      parser: { type: 'string', multiple: true },
      seed: { type: 'string' },
      jobs: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [runs, jobs] = [Number(values.runs), Number(values.jobs)];
  const seed = values.seed === undefined ? systemClock.now() % 1_000_000 : Number(values.seed);
  const unknown = values.parser?.find((name) => !Object.hasOwn(PARSERS, name));
  if (
    unknown !== undefined ||
    !Number.isSafeInteger(runs) ||
    runs < 1 ||
    !Number.isSafeInteger(jobs) ||
    jobs < 1 ||
    !Number.isSafeInteger(seed)
  ) {
    say(unknown === undefined ? '--runs, --jobs and --seed are whole numbers' : `there is no parser ${unknown}`);
    say(HELP);
    return 2;
  }
  say(`fuzz: seed ${seed}`);
  const chosen = Object.keys(PARSERS).filter((name) => values.parser === undefined || values.parser.includes(name));
  const queue = [...chosen];
  const results: Result[] = [];
  const work = async (): Promise<void> => {
    for (let parser = queue.shift(); parser !== undefined; parser = queue.shift()) {
      const result = await fuzzInWorker(parser, runs, values.parser === undefined, seed);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const faults = results.filter(({ fault }) => fault !== undefined);
  const total = results.reduce((sum, result) => sum + result.runs, 0);
  if (values.json) {
    const parsers = Object.fromEntries(results.map(({ parser, fault, ...rest }) => [parser, { ...rest, fault: fault?.kind ?? null }]));
    const count = (kind: Fault['kind']): number => faults.filter(({ fault }) => fault?.kind === kind).length;
    process.stdout.write(
      `${JSON.stringify({ seed, runs: total, crashes: count('crash'), hangs: count('hang'), growths: count('growth'), parsers })}\n`,
    );
  }
  return faults.length === 0 ? 0 : 1;
}

function report({ parser, runs, runsPerSecond, grownKiB, fault }: Result): void {
  say(`${parser.padEnd(22)} ${String(runs).padStart(9)} runs ${String(runsPerSecond).padStart(8)}/s  ${grownKiB} KiB kept`);
  if (fault === undefined) return;
  say(`  ${fault.kind}: ${fault.detail}`);
  if (fault.input !== undefined && fault.file === undefined)
    say(`  kept as ${keep(parser, fault.input)}: ${JSON.stringify(Buffer.from(fault.input).toString().slice(0, 300))}`);
  if (fault.file !== undefined) say(`  ${fault.file} of the corpus`);
}

process.exit(await main());
