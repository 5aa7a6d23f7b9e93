import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchOptions } from '../bench.ts';
import { flowOf, type Sink } from '../shared/sink.ts';
import { pairedRatio, rounded, spread } from '../shared/statistics.ts';
import { CONTENDERS, type ContenderName, type Scene } from './contender.ts';
import { interests, type Match } from './interest.ts';
import { startOurs } from './start-ours.ts';
import { startFloor, startNats, startRedis, startSocketIo, startWs } from './start-peers.ts';

/** One cell of the result: deliveries per second, medians of the rounds. */
interface Cell {
  readonly subscribers: number;
  readonly rowsPerTurn: number;
  readonly match: Match;
  readonly rates: Readonly<Record<ContenderName, readonly number[]>>;
}

interface Sizes {
  readonly subscribers: readonly number[];
  readonly rowsPerTurn: readonly number[];
  readonly matches: readonly Match[];
  readonly rounds: number;
  readonly warmMs: number;
  readonly ms: number;
}

const FULL: Sizes = { subscribers: [1, 200, 2_000], rowsPerTurn: [1, 10, 100], matches: [1, 0.01, 'own'], rounds: 7, warmMs: 200, ms: 600 };

/** Rows of 100 bytes to many subscribers, each contender's publisher as fast as its subscribers take them. */
export const bench: Bench = {
  about: 'deliveries per second of 100-byte rows; against ws, socket.io, nats-server, Redis pub/sub and send() in C, in turn',
  options: '  --tiny    a few subscribers for an instant: to see that it runs',
  async run(options) {
    const sizes = sizesOf(options);
    const cells: Cell[] = [];
    for (const subscribers of sizes.subscribers) {
      for (const match of sizes.matches) cells.push(...(await playScene(subscribers, match, sizes, options)));
    }
    return {
      cells: cells.map(({ rates, ...cell }) => ({ ...cell, ...medians(rates), ratios: ratios(rates), spread: spreads(rates) })),
      ratios: { at: 'ours / peer, medians over the rounds', metered: 'oursMetered / ours' },
      rounds: sizes.rounds,
      msPerRound: sizes.ms,
      ownSymbols: 50,
      symbols: 100,
      quick: options.quick,
      node: process.version,
      cpu: cpus()[0]?.model ?? '',
      cores: cpus().length,
    };
  },
};

function sizesOf({ quick, tiny, rounds, seconds }: BenchOptions): Sizes {
  const sizes = tiny
    ? { ...FULL, subscribers: [10], rounds: 1, warmMs: 20, ms: 50 }
    : quick
      ? { ...FULL, subscribers: [200], warmMs: 100, ms: 300 }
      : FULL;
  return { ...sizes, rounds: rounds ?? sizes.rounds, ms: seconds === undefined ? sizes.ms : seconds * 1_000 };
}

/** Everybody subscribes once; then the cells of each size of turn, everybody in every round. */
async function playScene(subscribers: number, match: Match, sizes: Sizes, { note }: BenchOptions): Promise<Cell[]> {
  const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
  const ends: (() => Promise<void>)[] = [];
  const onEnd = (end: () => Promise<void>): void => void ends.push(end);
  const scene: Scene = { subscribers, match, takes: interests(match, subscribers), dir, note };
  try {
    note(`${subscribers} subscribers, match ${match}: everybody subscribes`);
    const sinks: Readonly<Record<ContenderName, Sink>> = {
      ...(await startWs(scene, onEnd)),
      ...(await startSocketIo(scene, onEnd)),
      ...(await startNats(scene, onEnd)),
      ...(await startRedis(scene, onEnd)),
      ...(await startFloor(scene, onEnd)),
      ...(await startOurs(scene, onEnd)),
    };
    const cells: Cell[] = [];
    for (const rowsPerTurn of sizes.rowsPerTurn) {
      const rates = Object.fromEntries(CONTENDERS.map((name) => [name, [] as number[]])) as Record<ContenderName, number[]>;
      const flow = flowOf(subscribers, rowsPerTurn);
      // The first round warms everything up.
      for (let round = -1; round < sizes.rounds; round += 1) {
        for (let turn = 0; turn < CONTENDERS.length; turn += 1) {
          const name = CONTENDERS[(turn + round + 1) % CONTENDERS.length] as ContenderName;
          const rate = await sinks[name].run(flow, sizes.warmMs, sizes.ms);
          if (round >= 0) rates[name].push(rate);
        }
      }
      cells.push({ subscribers, rowsPerTurn, match, rates });
      note(`${subscribers} subscribers, match ${match}, ${rowsPerTurn} rows a turn: ${JSON.stringify(medians(rates))}`);
    }
    return cells;
  } finally {
    for (const end of ends.reverse()) await end();
    rmSync(dir, { recursive: true, force: true });
  }
}

function medians(rates: Cell['rates']): Record<ContenderName, number> {
  return perContender((name) => Math.round(spread(rates[name]).median));
}

function spreads(rates: Cell['rates']): Record<ContenderName, readonly [number, number]> {
  return perContender((name) => {
    const { least, most } = spread(rates[name]);
    return [Math.round(least), Math.round(most)] as const;
  });
}

/** Each round's rates are of the same moments, so their ratios say more than the ratio of the medians. */
function ratios(rates: Cell['rates']): Record<string, number> {
  const peers = CONTENDERS.filter((name) => name !== 'ours' && name !== 'oursMetered');
  return {
    metered: rounded(pairedRatio(rates.oursMetered, rates.ours), 3),
    ...Object.fromEntries(peers.map((name) => [name, rounded(pairedRatio(rates.ours, rates[name]), 2)])),
  };
}

function perContender<Value>(value: (name: ContenderName) => Value): Record<ContenderName, Value> {
  return Object.fromEntries(CONTENDERS.map((name) => [name, value(name)])) as Record<ContenderName, Value>;
}
