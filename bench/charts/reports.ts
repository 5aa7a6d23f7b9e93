import type { BenchResult } from '../bench.ts';
import type { BarChart } from './bars.ts';

/** What a benchmark's figures look like on the page. */
export interface Report {
  /** The first row is the head. */
  readonly table: readonly (readonly string[])[];
  readonly charts: readonly BarChart[];
}

/** A report for each benchmark that has a place on the page, made of its result alone. */
export const REPORTS: Readonly<Record<string, (result: BenchResult) => Report>> = {
  fanout: (result) => fanout(result as unknown as FanoutResult),
  latency: (result) => latency(result as unknown as LatencyResult),
  settle: (result) => settle(result as unknown as SettleResult),
  quotes: (result) => quotes(result as unknown as QuotesResult),
  growth: (result) => growth(result as unknown as GrowthResult),
  doors: (result) => doors(result as unknown as DoorsResult),
  journal: (result) => journal(result as unknown as JournalResult),
};

const CONTENDERS = ['ours', 'oursMetered', 'ws', 'socketio', 'nats', 'redis', 'floor'] as const;
type Contender = (typeof CONTENDERS)[number];

const SHOWN: Readonly<Record<Contender, string>> = {
  ours: 'ours',
  oursMetered: 'ours, prepaid',
  ws: 'ws',
  socketio: 'socket.io',
  nats: 'nats-server',
  redis: 'Redis',
  floor: 'send() in C',
};

interface FanoutResult {
  readonly cells: readonly (Record<Contender, number> & {
    readonly subscribers: number;
    readonly rowsPerTurn: number;
    readonly match: 1 | 0.01 | 'own';
    readonly spread: Record<Contender, readonly [number, number]>;
  })[];
}

const MATCHES: Readonly<Record<string, string>> = { 1: 'all', 0.01: '1 in 100', own: 'a set of symbols each' };

function fanout({ cells }: FanoutResult): Report {
  const scenes = [...new Set(cells.map(({ subscribers, match }) => `${subscribers} ${match}`))];
  return {
    table: [
      ['subscribers', 'match', 'rows a turn', ...CONTENDERS.map((name) => SHOWN[name])],
      ...cells.map((cell) => [
        String(cell.subscribers),
        MATCHES[cell.match] ?? '',
        String(cell.rowsPerTurn),
        ...CONTENDERS.map((name) => `${thousands(cell[name])} (${cell.spread[name].map(thousands).join('–')})`),
      ]),
    ],
    charts: scenes.map((scene) => {
      const [subscribers = '', match = ''] = scene.split(' ');
      return {
        file: `fanout-${subscribers}-${match === '1' ? 'all' : match === 'own' ? 'own' : 'one'}`,
        title: `Deliveries a second, ${subscribers} subscribers, match: ${MATCHES[match] ?? ''}`,
        scale: 'group',
        groups: cells
          .filter((cell) => `${cell.subscribers} ${cell.match}` === scene)
          .map((cell) => ({
            label: `${cell.rowsPerTurn} ${cell.rowsPerTurn === 1 ? 'row' : 'rows'} a turn`,
            bars: CONTENDERS.map((name) => bar(SHOWN[name], cell[name], thousands(cell[name]))),
          })),
      };
    }),
  };
}

interface LatencyResult {
  readonly latencyMs: Record<Contender, Record<string, { readonly p50: number; readonly p99: number; readonly p999: number }>>;
}

function latency({ latencyMs }: LatencyResult): Report {
  const shares = Object.keys(latencyMs.ours);
  return {
    table: [
      ['ms: p50 / p99 / p99.9', ...shares.map((share) => `at ${share} %`)],
      ...CONTENDERS.map((name) => [
        SHOWN[name],
        ...shares.map((share) => {
          const { p50 = 0, p99 = 0, p999 = 0 } = latencyMs[name][share] ?? {};
          return `${p50} / ${p99} / ${p999}`;
        }),
      ]),
    ],
    charts: [
      {
        file: 'latency-p99',
        title: 'Publish to received, p99 in milliseconds, at parts of each one’s own highest rate',
        scale: 'group',
        groups: shares.map((share) => ({
          label: `${share} %`,
          bars: CONTENDERS.map((name) => bar(SHOWN[name], latencyMs[name][share]?.p99 ?? 0, `${latencyMs[name][share]?.p99} ms`)),
        })),
      },
    ],
  };
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

interface SettleResult {
  readonly oursMs: Percentiles;
  readonly rawMs: Percentiles;
  readonly network: string;
  readonly kind: string;
  readonly samples: number;
  readonly ledgerSync: string;
}

function settle({ oursMs, rawMs, network, kind, samples, ledgerSync }: SettleResult): Report {
  const parts = [
    ['pay to the node’s own event', rawMs],
    ['event to first row (ours)', oursMs],
  ] as const;
  return {
    table: [
      [`${network} ${kind}, ${samples} payments, ledger ${ledgerSync}`, 'p50 ms', 'p99 ms'],
      ...parts.map(([name, { p50, p99 }]) => [name, String(p50), String(p99)]),
    ],
    charts: [
      {
        file: 'settle',
        title: `From paying to the first row (${network} ${kind})`,
        groups: (['p50', 'p99'] as const).map((share) => ({
          label: share,
          bars: parts.map(([name, value]) => bar(name === parts[0][0] ? 'node' : 'ours', value[share], `${value[share]} ms`)),
        })),
      },
    ],
  };
}

interface QuotesResult {
  readonly quotesPerSecond: Record<string, number>;
  readonly rawPerSecond: Record<string, number>;
  readonly ratio: Record<string, number>;
  readonly network: string;
  readonly kind: string;
}

function quotes({ quotesPerSecond, rawPerSecond, ratio, network, kind }: QuotesResult): Report {
  const all = Object.keys(ratio);
  return {
    table: [
      [`${network} ${kind}`, 'quotes/s', 'invoices/s of the backend', 'ratio'],
      ...all.map((atOnce) => [`${atOnce} at once`, `${quotesPerSecond[atOnce]}`, `${rawPerSecond[atOnce]}`, `${ratio[atOnce]}`]),
    ],
    charts: [
      {
        file: 'quotes',
        title: `Quotes a second against the backend’s invoices (${network} ${kind})`,
        groups: all.map((atOnce) => ({
          label: `${atOnce} at once`,
          bars: [
            bar('quotes', quotesPerSecond[atOnce] ?? 0, `${quotesPerSecond[atOnce]}`),
            bar('invoices', rawPerSecond[atOnce] ?? 0, `${rawPerSecond[atOnce]}`),
          ],
        })),
      },
    ],
  };
}

interface GrowthResult extends Readonly<Record<string, unknown>> {
  readonly publishMicros: Record<string, number>;
}

function growth(result: GrowthResult): Report {
  const counts = Object.keys(result.publishMicros);
  const figures = ['publishRatio', 'idleMemoryRatio', 'idleBytes', 'idleBytesBareWs', 'startSeconds', 'ledgerRows', 'journalRows'];
  return {
    table: [['figure', 'value'], ...figures.map((name) => [name, String(result[name])])],
    charts: [
      {
        file: 'growth-publish',
        title: 'One publish that ten subscribers take, microseconds',
        groups: [
          {
            label: 'subscriptions in all',
            bars: counts.map((count) => bar(count, result.publishMicros[count] ?? 0, `${result.publishMicros[count]} µs`)),
          },
        ],
      },
    ],
  };
}

interface DoorsResult {
  readonly doors: Record<
    string,
    { readonly quotesPerSecond: number; readonly rowsPerSecond: number; readonly quotesRatio?: number; readonly rowsRatio?: number }
  >;
}

function doors({ doors: all }: DoorsResult): Report {
  const entries = Object.entries(all);
  return {
    table: [
      ['door', 'quotes/s', 'rows/s', 'quotes: part of the WebSocket’s', 'rows: part of the WebSocket’s'],
      ...entries.map(([name, each]) => [
        name,
        thousands(each.quotesPerSecond),
        thousands(each.rowsPerSecond),
        String(each.quotesRatio ?? 1),
        String(each.rowsRatio ?? 1),
      ]),
    ],
    charts: [
      {
        file: 'doors',
        title: 'Rows and quotes a second by door',
        scale: 'group',
        groups: [
          { label: 'rows', bars: entries.map(([name, each]) => bar(name, each.rowsPerSecond, thousands(each.rowsPerSecond))) },
          { label: 'quotes', bars: entries.map(([name, each]) => bar(name, each.quotesPerSecond, thousands(each.quotesPerSecond))) },
        ],
      },
    ],
  };
}

type JournalResult = Readonly<
  Record<'appendRowsPerSecond' | 'plainAppendRowsPerSecond' | 'replayRowsPerSecond' | 'plainCopyRowsPerSecond', number>
>;

function journal(result: JournalResult): Report {
  const rates = [
    ['append', result.appendRowsPerSecond],
    ['plain append', result.plainAppendRowsPerSecond],
    ['replay', result.replayRowsPerSecond],
    ['plain copy', result.plainCopyRowsPerSecond],
  ] as const;
  return {
    table: [['what', 'rows/s'], ...rates.map(([name, rate]) => [name, thousands(rate)])],
    charts: [
      {
        file: 'journal',
        title: 'Rows a second, journal against plain files',
        groups: [{ label: 'rows/s', bars: rates.map(([name, rate]) => bar(name, rate, thousands(rate))) }],
      },
    ],
  };
}

function bar(name: string, value: number, text: string): BarChart['groups'][number]['bars'][number] {
  return { name, value, text };
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
