import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, median } from '../bench.ts';
import type { Scene } from '../fanout/contender.ts';
import { interests } from '../fanout/interest.ts';
import { startOurs } from '../fanout/start-ours.ts';
import { startFloor, startNats, startRedis, startSocketIo, startWs } from '../fanout/start-peers.ts';
import { flowOf, type Paced, type Sink } from '../shared/sink.ts';
import { rounded } from '../shared/statistics.ts';

/** Parts of its own highest rate at which each contender is measured, in percent. */
const SHARES = [10, 50, 80] as const;
const CONTENDERS = ['ours', 'oursMetered', 'ws', 'socketio', 'nats', 'redis', 'floor'] as const;
/** Below this a percentile of a thousandth means nothing. */
const LEAST_TURNS = 20;

type Name = (typeof CONTENDERS)[number];

/** From publishing a row to receiving it, at parts of the highest rate that the same contender reached in the same run. */
export const bench: Bench = {
  about:
    'from publish to received, 200 subscribers who all take all rows, at 10, 50 and 80 % of each contender’s own highest rate, in turn',
  async run(options) {
    const { quick, tiny, note } = options;
    const subscribers = tiny ? 10 : 200;
    const rounds = options.rounds ?? (tiny ? 1 : 7);
    const ms = options.seconds === undefined ? (tiny ? 200 : quick ? 700 : 3_000) : options.seconds * 1_000;
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    const ends: (() => Promise<void>)[] = [];
    const onEnd = (end: () => Promise<void>): void => void ends.push(end);
    const scene: Scene = { subscribers, match: 1, takes: interests(1, subscribers), dir, note };
    try {
      const sinks: Readonly<Record<Name, Sink>> = {
        ...(await startWs(scene, onEnd)),
        ...(await startSocketIo(scene, onEnd)),
        ...(await startNats(scene, onEnd)),
        ...(await startRedis(scene, onEnd)),
        ...(await startFloor(scene, onEnd)),
        ...(await startOurs(scene, onEnd)),
      };
      const turns = await highestRates(sinks, subscribers, ms);
      note(`highest rates, turns a second: ${JSON.stringify(turns)}`);
      const found = new Map<string, Paced[]>();
      for (let round = 0; round < rounds; round += 1) {
        for (const share of SHARES) {
          for (let turn = 0; turn < CONTENDERS.length; turn += 1) {
            const name = CONTENDERS[(turn + round) % CONTENDERS.length] as Name;
            const pace = Math.max((turns[name] * share) / 100, (LEAST_TURNS * 1_000) / ms);
            const key = `${name} ${share}`;
            const measured = await sinks[name].pace(1, pace, ms);
            found.set(key, [...(found.get(key) ?? []), measured]);
          }
        }
        note(`round ${round + 1} of ${rounds}: ours at 50 %: p99 ${found.get('ours 50')?.at(-1)?.p99} ms`);
      }
      return {
        latencyMs: Object.fromEntries(
          CONTENDERS.map((name) => [name, Object.fromEntries(SHARES.map((share) => [share, middle(found.get(`${name} ${share}`) ?? [])]))]),
        ),
        highestDeliveriesPerSecond: Object.fromEntries(CONTENDERS.map((name) => [name, Math.round(turns[name] * subscribers)])),
        subscribers,
        rowsPerTurn: 1,
        rounds,
        msPerRound: ms,
        quick,
        node: process.version,
      };
    } finally {
      for (const end of ends.reverse()) await end();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/** Turns per second, as fast as every subscriber takes them: the middle of three, the first of four having warmed everything up. */
async function highestRates(sinks: Readonly<Record<Name, Sink>>, subscribers: number, ms: number): Promise<Record<Name, number>> {
  const flow = flowOf(subscribers, 1);
  const rates = Object.fromEntries(CONTENDERS.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < 4; round += 1) {
    for (const name of CONTENDERS) {
      const rate = await sinks[name].run(flow, ms / 8, ms / 2);
      if (round > 0) rates[name].push(rate);
    }
  }
  return Object.fromEntries(CONTENDERS.map((name) => [name, rounded(median(rates[name]) / subscribers, 1)])) as Record<Name, number>;
}

/** Each percentile's middle over the rounds, and the rate that was kept up. */
function middle(rounds: readonly Paced[]): Record<string, number> {
  const of = (field: keyof Paced): number => median(rounds.map((round) => round[field]));
  return {
    p50: rounded(of('p50'), 3),
    p99: rounded(of('p99'), 3),
    p999: rounded(of('p999'), 3),
    deliveriesPerSecond: Math.round(of('deliveriesPerSecond')),
  };
}
