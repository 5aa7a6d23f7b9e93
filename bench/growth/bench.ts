import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, median } from '../bench.ts';
import { Child } from '../shared/child.ts';
import { upgradeStage } from '../shared/job.ts';
import { Sink } from '../shared/sink.ts';
import { pairedRatio, rounded, spread } from '../shared/statistics.ts';
import { ledgerRows, MATCHING } from './fill.ts';
import { resumeAll } from './holders.ts';
import type { GrowthOrder } from './server.ts';

interface Sizes {
  /** The last one's ledger is the one that a start is measured with. */
  readonly subscriptions: readonly number[];
  readonly journalRows: number;
  readonly rounds: number;
  readonly publishes: number;
  readonly connections: number;
  readonly memoryRounds: number;
  readonly starts: number;
}

const FULL: Sizes = {
  subscriptions: [10, 1_000, 100_000],
  journalRows: 10_000_000,
  rounds: 15,
  publishes: 4_000,
  connections: 5_000,
  memoryRounds: 7,
  starts: 7,
};
const QUICK: Sizes = { ...FULL, journalRows: 1_000_000, publishes: 2_000, connections: 2_000, memoryRounds: 3, starts: 3 };
const TINY: Sizes = {
  ...FULL,
  subscriptions: [10, 50, 200],
  journalRows: 10_000,
  rounds: 2,
  publishes: 100,
  connections: 100,
  memoryRounds: 1,
  starts: 1,
};

const SERVER = new URL('./server.ts', import.meta.url);
const BARE = new URL('./bare-ws-server.ts', import.meta.url);

/** What more subscriptions, more connections and a longer past cost. */
export const bench: Bench = {
  about:
    'a publish with more and more subscriptions of which ten match, memory of idle connections against bare ws, starting with a long past',
  async run({ quick, tiny, note, rounds }) {
    const chosen = tiny ? TINY : quick ? QUICK : FULL;
    const sizes: Sizes = { ...chosen, rounds: rounds ?? chosen.rounds };
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    try {
      const idle = await idleMemory(sizes, dir, note);
      await fillAll(sizes, dir, note);
      const largest = folderOf(dir, sizes.subscriptions.at(-1) ?? 0);
      const rows = ledgerRows(join(largest, 'ledger.db'));
      note(`ledger: ${rows} rows, ${Math.round(statSync(join(largest, 'ledger.db')).size / 2 ** 20)} MiB`);
      const started = await startTimes(sizes, largest, dir, note);
      const publishing = await publishCosts(sizes, dir, note);
      return {
        ...publishing,
        ...idle,
        ...started,
        subscriptions: sizes.subscriptions.at(-1) ?? 0,
        ledgerRows: rows,
        journalRows: sizes.journalRows,
        matching: MATCHING,
        rounds: sizes.rounds,
        quick,
        node: process.version,
      };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

type Note = (text: string) => void;

const folderOf = (dir: string, subscriptions: number): string => join(dir, `with-${subscriptions}`);

async function fillAll({ subscriptions, journalRows }: Sizes, dir: string, note: Note): Promise<void> {
  await using filler = new Child(SERVER);
  for (const count of subscriptions) {
    const folder = folderOf(dir, count);
    mkdirSync(folder, { recursive: true });
    const isLast = count === subscriptions.at(-1);
    note(`filling a ledger with ${count} subscriptions${isLast ? `, and a journal with ${journalRows} rows` : ''}`);
    await ask(filler, {
      kind: 'fill',
      ledger: join(folder, 'ledger.db'),
      subscriptions: count,
      journal: join(dir, 'past'),
      journalRows: isLast ? journalRows : 0,
    });
  }
}

/** From starting the process to listening; after an orderly end, and after it was killed. */
async function startTimes({ starts }: Sizes, largest: string, dir: string, note: Note) {
  const folder = join(dir, 'starting');
  mkdirSync(folder);
  cpSync(join(largest, 'ledger.db'), join(folder, 'ledger.db'));
  cpSync(join(dir, 'past'), join(folder, 'journal'), { recursive: true });
  const seconds: number[] = [];
  for (let start = 0; start <= starts; start += 1) {
    const begin = performance.now();
    await using server = new Child(SERVER);
    await ask(server, { kind: 'start', dir: folder });
    seconds.push((performance.now() - begin) / 1_000);
    note(`start ${start === 0 ? 'after an orderly end' : 'after being killed'}: ${seconds.at(-1)?.toFixed(2)} s`);
  }
  rmSync(folder, { recursive: true });
  const [orderly = Number.NaN, ...killed] = seconds;
  return {
    startSeconds: rounded(median(seconds), 2),
    startOrderlySeconds: rounded(orderly, 2),
    startKilledSeconds: rounded(median(killed), 2),
  };
}

async function publishCosts({ subscriptions, rounds, publishes }: Sizes, dir: string, note: Note) {
  await using disposal = new AsyncDisposableStack();
  const servers: Child[] = [];
  for (const count of subscriptions) {
    const server = disposal.use(new Child(SERVER));
    const port = await ask<number>(server, { kind: 'start', dir: folderOf(dir, count) });
    disposal.use(await resumeAll(port, count));
    note(`${await ask<number>(server, { kind: 'sessions' })} of ${count} subscriptions are live`);
    servers.push(server);
  }
  const micros: number[][] = subscriptions.map(() => []);
  // The first round warms everything up.
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, server] of servers.entries()) {
      const cost = await ask<number>(server, { kind: 'publish', rows: publishes });
      if (round >= 0) micros[index]?.push(cost);
    }
  }
  const [fewest = []] = micros;
  const most = micros.at(-1) ?? [];
  const ratios = spread(most.map((value, round) => value / (fewest[round] ?? Number.NaN)));
  return {
    publishRatio: rounded(pairedRatio(most, fewest), 3),
    publishRatioSpread: [rounded(ratios.least, 3), rounded(ratios.most, 3)],
    publishMicros: Object.fromEntries(subscriptions.map((count, index) => [count, rounded(median(micros[index] ?? []), 1)])),
  };
}

/** Each round in fresh processes: memory that was once taken is seldom given back. */
async function idleMemory({ connections, memoryRounds }: Sizes, dir: string, note: Note) {
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < memoryRounds; round += 1) {
    const folder = join(dir, `idle-${round}`);
    mkdirSync(folder);
    ours.push(await bytesEach(SERVER, { kind: 'start', dir: folder }, connections, dir));
    bare.push(await bytesEach(BARE, { kind: 'start' }, connections, dir));
    note(`an idle connection of ${connections}: ${Math.round(ours.at(-1) ?? 0)} bytes, with bare ws ${Math.round(bare.at(-1) ?? 0)}`);
  }
  return {
    idleMemoryRatio: rounded(pairedRatio(ours, bare), 3),
    idleBytes: Math.round(median(ours)),
    idleBytesBareWs: Math.round(median(bare)),
    idleConnections: connections,
  };
}

async function bytesEach(file: URL, start: object, connections: number, dir: string): Promise<number> {
  await using server = new Child(file, [], ['--expose-gc']);
  const port = await server.ask<number>(start);
  // What is made once, with the first connections, is not theirs.
  const first = await connect(port, Math.ceil(connections / 20), dir);
  const before = await server.ask<number>({ kind: 'memory' });
  await using _more = await connect(port, connections, dir);
  const after = await server.ask<number>({ kind: 'memory' });
  await first[Symbol.asyncDispose]();
  return (after - before) / connections;
}

function connect(port: number, count: number, dir: string): Promise<Sink> {
  const stages = [upgradeStage(port)];
  return Sink.connect({
    name: 'idle',
    dir,
    framing: 'websocket',
    port,
    connections: Array.from({ length: count }, () => ({ takes: [], stages })),
  });
}

function ask<Answer>(server: Child, order: GrowthOrder): Promise<Answer> {
  return server.ask<Answer>(order);
}
