import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchOptions } from '../bench.ts';
import { Child } from '../shared/child.ts';
import { flowOf, Sink } from '../shared/sink.ts';
import { pairedRatio, rounded, spread } from '../shared/statistics.ts';
import { askers } from './askers.ts';
import { WAYS } from './connections.ts';
import { DOORS, type Door, PAGE } from './doors.ts';
import type { DoorsOrder, DoorsStarted } from './server.ts';

const ROWS_PER_TURN = 10;
const ASKING = 16;
const TRANSPORTS = ['websocket', 'http', 'kdb'] as const;

type Rates<Name extends string> = Record<Name, number[]>;

/** Quotes and rows per second through each door, as parts of the WebSocket's. */
export const bench: Bench = {
  about: 'quotes per second and rows per second through WebSocket, HTTP (Server-Sent Events and NDJSON) and kdb+ IPC, in turn',
  async run(options) {
    const { note, tiny, quick } = options;
    const subscribers = tiny ? 5 : 100;
    const rounds = options.rounds ?? (tiny ? 1 : 7);
    const ms = options.seconds === undefined ? (tiny ? 200 : quick ? 500 : 2_000) : options.seconds * 1_000;
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    await using disposal = new AsyncDisposableStack();
    disposal.defer(() => rmSync(dir, { recursive: true, force: true }));
    const server = disposal.use(new Child(new URL('./server.ts', import.meta.url)));
    const started = await server.ask<DoorsStarted>({ kind: 'start' } satisfies DoorsOrder);
    const rows = await rowsThrough(server, started, { subscribers, rounds, ms, dir, note }, disposal);
    const quotes = await quotesThrough(server, started, { rounds, ms, note }, disposal);
    const fields = (rowRates: readonly number[], quoteRates: readonly number[]) => ({
      quotesPerSecond: Math.round(spread(quoteRates).median),
      rowsPerSecond: Math.round(spread(rowRates).median),
      quotesRatio: rounded(pairedRatio(quoteRates, quotes.websocket), 3),
      rowsRatio: rounded(pairedRatio(rowRates, rows.websocket), 3),
    });
    const { quotesPerSecond, rowsPerSecond } = fields(rows.websocket, quotes.websocket);
    const [sse, ndjson] = [fields(rows.sse, quotes.http), fields(rows.ndjson, quotes.http)];
    const slower = sse.rowsRatio < ndjson.rowsRatio ? sse : ndjson;
    return {
      doors: {
        websocket: { quotesPerSecond, rowsPerSecond },
        http: { ...slower, sseRatio: sse.rowsRatio, ndjsonRatio: ndjson.rowsRatio },
        kdb: fields(rows.kdb, quotes.kdb),
      },
      subscribers,
      symbolsEach: PAGE.length,
      rowsPerTurn: ROWS_PER_TURN,
      quotesAtOnce: ASKING,
      rounds,
      msPerRound: ms,
      quick,
      node: process.version,
    };
  },
};

interface Sizes extends Pick<BenchOptions, 'note'> {
  readonly rounds: number;
  readonly ms: number;
}

async function rowsThrough(
  server: Child,
  { urls, control }: DoorsStarted,
  { subscribers, rounds, ms, dir, note }: Sizes & { readonly subscribers: number; readonly dir: string },
  disposal: AsyncDisposableStack,
): Promise<Rates<Door>> {
  const takes = PAGE.map((_, index) => index);
  const sinks: Partial<Record<Door, Sink>> = {};
  for (const door of DOORS) {
    const { framing, transport, stages } = WAYS[door];
    const tokens = await server.ask<string[]>({ kind: 'buy', door, count: subscribers } satisfies DoorsOrder);
    const port = Number(new URL(urls[transport] ?? '').port);
    const connections = tokens.map((token) => ({ takes, stages: stages(port, token) }));
    sinks[door] = disposal.use(
      await Sink.connect({ name: door, dir, framing, port, controlPort: control[door], symbols: PAGE.length, connections }),
    );
    note(`${door}: ${subscribers} subscribers`);
  }
  const flow = flowOf(subscribers, ROWS_PER_TURN);
  return await inTurn(DOORS, rounds, note, 'rows', (door) => (sinks[door] as Sink).run(flow, ms / 4, ms));
}

/** Each answer is a quote of its own: the server's count says so. */
async function quotesThrough(server: Child, { urls }: DoorsStarted, { rounds, ms, note }: Sizes, disposal: AsyncDisposableStack) {
  const all = await askers(urls, ASKING);
  for (const asker of Object.values(all)) disposal.use(asker);
  const made = () => server.ask<number>({ kind: 'quotes' } satisfies DoorsOrder);
  return await inTurn(TRANSPORTS, rounds, note, 'quotes', async (name) => {
    const before = await made();
    const begin = performance.now();
    await all[name].run(ms);
    return (((await made()) - before) / (performance.now() - begin)) * 1_000;
  });
}

/** Everybody in every round, the first of which warms everything up. */
async function inTurn<Name extends string>(
  names: readonly Name[],
  rounds: number,
  note: (text: string) => void,
  what: string,
  measure: (name: Name) => Promise<number>,
): Promise<Rates<Name>> {
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Rates<Name>;
  for (let round = -1; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round + 1) % names.length] as Name;
      const rate = await measure(name);
      if (round >= 0) rates[name].push(rate);
    }
    if (round >= 0)
      note(`${what}, round ${round + 1}: ${names.map((name) => `${name} ${Math.round(rates[name].at(-1) ?? 0)}`).join(', ')}`);
  }
  return rates;
}
