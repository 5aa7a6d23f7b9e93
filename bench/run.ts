import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { REPORTS } from './charts/reports.ts';
import { writeCharts } from './charts/write.ts';

/** Benchmarks by name: `npm run bench -- NAME`. Each is loaded when it is run. */
const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  fanout: () => import('./fanout/bench.ts'),
  latency: () => import('./latency/bench.ts'),
  settle: () => import('./settle/bench.ts'),
  quotes: () => import('./quotes/bench.ts'),
  growth: () => import('./growth/bench.ts'),
  doors: () => import('./doors/bench.ts'),
  journal: () => import('./journal/bench.ts'),
  'slow-consumer': () => import('./slow-consumer/bench.ts'),
};

const flag = { type: 'boolean', default: false } as const;
const text = { type: 'string' } as const;
const OPTIONS = {
  json: flag,
  quick: flag,
  tiny: flag,
  help: flag,
  rounds: text,
  seconds: text,
  network: text,
  kind: text,
  charts: text,
} as const;

function usage(own = ''): string {
  return `npm run bench -- NAME [--json] [--quick] [--rounds N] [--charts FOLDER]

  --json           the result as one JSON line on standard output, the last one
  --quick          a few minutes instead of as long as it takes
  --tiny           next to nothing of everything: to see that it runs, not for numbers
  --rounds N       instead of its own number
  --seconds N      how long each measurement takes, instead of its own
  --charts FOLDER  writes its figures for docs/performance.md into FOLDER: NAME.json, NAME.md and charts (SVG)
  --help
${own}
NAME is one of ${Object.keys(BENCHES).join(', ')}`;
}

function read(): ReturnType<typeof parseArgs<{ allowPositionals: true; options: typeof OPTIONS }>> {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(why: string): never {
  console.error(`${why}\nusage: ${usage()}`);
  process.exit(2);
}

function numberOf(name: 'rounds' | 'seconds'): number | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  const number = Number(given);
  if (!(number > 0) || (name === 'rounds' && !Number.isInteger(number))) refuse(`--${name} is a number above 0, not ${given}`);
  return number;
}

const { values, positionals } = read();
const [name = ''] = positionals;
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (values.help) {
  console.log(usage(load === undefined ? '' : `\n${name}: ${(await load()).bench.about}\n${(await load()).bench.options ?? ''}\n`));
  process.exit(0);
}
if (load === undefined || positionals.length > 1)
  refuse(name === '' ? 'which benchmark?' : `there is no benchmark ${positionals.join(' ')}`);
if (values.charts !== undefined && REPORTS[name] === undefined) refuse(`${name} has no figures in docs/performance.md, so no --charts`);
const { bench } = await load();
const { quick, tiny, network, kind } = values;
console.error(`${name}: ${bench.about}${tiny ? ' (tiny: not for numbers)' : ''}`);
const options = { quick, tiny, rounds: numberOf('rounds'), seconds: numberOf('seconds'), network, kind };
const result = { bench: name, ...(await bench.run({ ...options, note: (line) => console.error(line) })) };
if (values.charts !== undefined) writeCharts(values.charts, result);
if (values.json) console.log(JSON.stringify(result));
else
  for (const [key, value] of Object.entries(result))
    console.log(`${key}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
// Whatever a backend or a network keeps open ends with us.
process.exit(0);
