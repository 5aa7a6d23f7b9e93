import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';

/** Benchmarks by name: `npm run bench -- NAME`. Each is loaded when it is run. */
const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  journal: () => import('./journal/bench.ts'),
  'slow-consumer': () => import('./slow-consumer/bench.ts'),
};

const flag = { type: 'boolean', default: false } as const;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: flag, quick: flag, help: flag } });
const USAGE = `npm run bench -- NAME [--json] [--quick]

  --json    the result as one JSON line on standard output, the last one
  --quick   less of everything: to see that it runs, not for numbers
  --help

NAME is one of ${Object.keys(BENCHES).join(', ')}`;
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const [name = ''] = positionals;
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(`usage: ${USAGE}`);
  process.exit(2);
}
const { bench } = await load();
console.error(`${name}: ${bench.about}${values.quick ? ' (quick: not for numbers)' : ''}`);
const result = { bench: name, ...(await bench.run({ quick: values.quick, note: (text) => console.error(text) })) };
if (values.json) console.log(JSON.stringify(result));
else for (const [key, value] of Object.entries(result)) console.log(`${key}: ${String(value)}`);
