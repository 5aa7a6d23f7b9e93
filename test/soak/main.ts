import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { memoryDependencies } from '../../regtest/dependencies.ts';
import { freePort } from '../../regtest/native/free-ports.ts';
import { waitUntil } from '../../regtest/wait-until.ts';
import { simulated } from '../../src/adapters/simulated/definition.ts';
import { systemClock, systemRandom } from '../../src/app/system.ts';
import { openSubscriber } from '../../src/client/subscriber.ts';
import { sat } from '../../src/core/lightning/amount.ts';
import { simulatedChaos } from '../chaos/networks/simulated.ts';
import { SYMBOLS } from '../chaos/plan.ts';
import { COMMAND, killAll, Program } from '../chaos/program.ts';
import { PlanRandom } from '../chaos/random.ts';
import { soakDevices } from './devices.ts';
import { Reader, type Seen } from './reader.ts';
import { compareThirds } from './statistics.ts';

const HELP = `npm run soak -- [options]

A server with many subscribers who go away and come back at random. Its resident memory must not grow, and nothing must be lost.

  --minutes M       (default: 20)
  --subscribers N   (default: 500)
  --rows N          rows a second that the feed brings (default: 20)
  --away S          how often a subscriber goes away, on average every so many seconds (default: 60)
  --devices N       devices in place of subscribers: each has customers, goes away, and is told of its own payments only
  --customer S      how often a device has a customer, on average every so many seconds (default: 20)
  --seed S
  --json            one JSON line on standard output at the end
  --help

Exit codes: 0 the last third's memory is within 5 % of the middle third's and nothing was lost or repeated (of devices: every payment was told
to its own device, and to no other) · 1 otherwise
`;

const MOST_GROWTH = 1.05;
const SAMPLE_MS = 1_000;
const READY_MS = 120_000;
/** Over how much of the time they come: then the way up is over before it counts. */
const COMING = 0.2;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

interface SoakOptions {
  readonly minutes: number;
  readonly subscribers: number;
  readonly rows: number;
  readonly away: number;
  readonly seed: string;
  readonly json: boolean;
}

async function soak({ minutes, subscribers, rows, away, seed, json }: SoakOptions): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'ltp-soak-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const stopping = new AbortController();
  process.once('SIGINT', () => {
    killAll();
    process.exit(130);
  });
  const network = await simulatedChaos({ dir, progress: say });
  const port = await freePort();
  const config = join(dir, 'server.yaml');
  const columns = { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' };
  writeFileSync(
    config,
    stringify({
      backend: network.seller,
      tables: { trade: { columns, symbols: [...SYMBOLS], pricing: { kind: 'flat', msat: 1_000, lasts: '24h' } } },
      feed: { kind: 'random', seed: 1, rowsPerSecond: rows },
      transports: { websocket: { host: '127.0.0.1', port } },
      ledger: { kind: 'sqlite', path: join(dir, 'ledger.db') },
      journal: { dir: join(dir, 'journal'), segmentMb: 4 },
      limits: { quoteBurstPerAddress: 10_000, quotesPerSecondPerAddress: 1_000 },
      log: { level: 'warn' },
    }),
  );
  let up = false;
  let ended = false;
  const server = new Program({
    name: 'server',
    args: [COMMAND, 'start', '--config', config, '--json'],
    watch: 'stdout',
    onLine: (line) => {
      up ||= line.includes('"listening"');
    },
    log: join(dir, 'server.out'),
    other: () => join(dir, 'server.err'),
    onExit: () => {
      ended = true;
    },
  });
  server.start();
  await waitUntil('the server listens', async () => up, READY_MS);

  const wallet = await simulated.create(simulated.configSchema.parse(network.buyers[0]), memoryDependencies());
  const seen: Seen = { rows: 0, lost: 0, repeated: 0, paid: 0, reconnects: 0 };
  const random = new PlanRandom(seed);
  const failures: unknown[] = [];
  const readers: Reader[] = [];
  const running: Promise<void>[] = [];
  const comeIn = (): void => {
    const syms = random.some(SYMBOLS, random.between(1, 3));
    const reader = new Reader(seen, (state, signal) =>
      openSubscriber({
        url: `ws://127.0.0.1:${port}`,
        table: 'trade',
        syms,
        backend: wallet,
        budgetMsat: sat(1_000),
        state,
        clock: systemClock,
        random: systemRandom,
        signal,
        commit: 'manual',
      }),
    );
    readers.push(reader);
    running.push(reader.run(stopping.signal).catch((error: unknown) => void failures.push(error)));
  };

  const lastsMs = minutes * 60_000;
  const started = performance.now();
  const resident: number[] = [];
  for (let now = 0; now < lastsMs && !ended && failures.length === 0; now = performance.now() - started) {
    const due = Math.min(subscribers, Math.ceil((subscribers * now) / (lastsMs * COMING)) + 1);
    while (readers.length < due) comeIn();
    for (const reader of readers) if (random.chance(SAMPLE_MS / (away * 1_000))) reader.leave();
    resident.push(residentBytes(server.pid));
    if (resident.length % 30 === 0)
      say(`${Math.round(now / 1_000)} s: ${readers.length} subscribers, ${seen.rows} rows, ${(resident.at(-1) ?? 0) >> 20} MB`);
    await sleep(SAMPLE_MS);
  }
  stopping.abort();
  await Promise.all(running);
  await wallet[Symbol.asyncDispose]();
  await server.end('SIGTERM');
  await network[Symbol.asyncDispose]();
  for (const failure of failures.slice(0, 3)) say(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  if (ended) say(`the server ended by itself: ${readFileSync(join(dir, 'server.err'), 'utf8').slice(-1_000)}`);
  const memory = compareThirds(resident);
  const clean = !ended && failures.length === 0 && seen.lost === 0 && seen.repeated === 0 && memory.ratio <= MOST_GROWTH;
  const result = {
    soak: 'server',
    minutes,
    subscribers,
    paid: seen.paid,
    reconnects: seen.reconnects,
    rowsDelivered: seen.rows,
    rowsLost: seen.lost,
    rowsRepeated: seen.repeated,
    ...memory,
  };
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else say(stringify(result));
  return clean ? 0 : 1;
}

function residentBytes(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    throw new Error('resident memory is read from /proc, which this system does not have');
  }
}

async function ofDevices(
  count: string,
  values: { readonly minutes: string; readonly away: string; readonly customer: string; readonly seed: string; readonly json: boolean },
): Promise<number> {
  const [devices, minutes, away, customer] = [count, values.minutes, values.away, values.customer].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (!(Number.isSafeInteger(devices) && devices > 0 && minutes > 0 && away > 0 && customer > 0)) {
    say(HELP);
    return 2;
  }
  const dir = mkdtempSync(join(tmpdir(), 'ltp-soak-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  process.once('SIGINT', () => {
    killAll();
    process.exit(130);
  });
  const { clean, ...result } = await soakDevices({ minutes, devices, away, customer, seed: values.seed, dir, say });
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else say(stringify(result));
  return clean ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '20' },
      subscribers: { type: 'string', default: '500' },
      rows: { type: 'string', default: '20' },
      away: { type: 'string', default: '60' },
      devices: { type: 'string' },
      customer: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.devices !== undefined) return await ofDevices(values.devices, values);
  const [minutes, subscribers, rows, away] = [values.minutes, values.subscribers, values.rows, values.away].map(Number);
  if (!(Number(minutes) > 0 && Number(rows) > 0 && Number(away) > 0 && Number.isSafeInteger(subscribers) && Number(subscribers) > 0)) {
    say(HELP);
    return 2;
  }
  return await soak({
    minutes: Number(minutes),
    subscribers: Number(subscribers),
    rows: Number(rows),
    away: Number(away),
    seed: values.seed,
    json: values.json,
  });
}

process.exit(await main());
