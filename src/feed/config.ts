import { z } from 'zod';
import { parseColumnMapping } from './column-mapping.ts';

/** Rows made up from a seed. */
export interface RandomFeedConfig {
  readonly kind: 'random';
  /** The same seed gives the same rows; without one every start is another. */
  readonly seed?: number | undefined;
  readonly rowsPerSecond: number;
  /** Ends after so many rows; without it never. */
  readonly rows?: number | undefined;
  /** Default: `trade`, or the only table. */
  readonly table?: string | undefined;
  /** Default: the table's list, or else the five of the whitepaper. */
  readonly symbols?: readonly string[] | undefined;
}

/** How a source of text becomes rows. */
export interface RowOptions {
  /** Default: the only table. */
  readonly table?: string | undefined;
  /** Table column → source column or `'constant'`; see `parseColumnMapping`. Columns of the same name need no mapping. */
  readonly columns: string | Readonly<Record<string, string>>;
  /** Source columns that go nowhere: left out, or an error. */
  readonly extraColumns: 'ignore' | 'error';
  /** How times are written. `auto` tells ISO, English dates and numbers since 1970 (by their size) apart. */
  readonly timeFormat: TimeFormat;
  /** One character between values, CSV only. Default: a comma, in a `.tsv` file a tab. */
  readonly delimiter?: string | undefined;
  /** Default: by the file's name (`.gz`); standard input: no. */
  readonly gzip?: boolean | undefined;
  /** A bad row ends the feed, or is left out and counted. */
  readonly onBadRow: 'stop' | 'count';
}

/** See {@link RowOptions.timeFormat}. */
export type TimeFormat = 'auto' | 'iso' | 'english' | 's' | 'ms' | 'us' | 'ns';

/** A file's format. */
export type TextFormat = 'csv' | 'ndjson';

/** Rows of a file. */
export interface ReplayFeedConfig extends RowOptions {
  readonly kind: 'replay';
  readonly file: string;
  /** Default: by the file's name, `.csv`, `.tsv`, `.ndjson`, `.jsonl`, each also with `.gz`. */
  readonly format?: TextFormat | undefined;
  /** The table's columns are taken from the file; see `tableFromFile`. */
  readonly schemaFromFile: boolean;
  /** `full` as fast as they are taken, `original` by the rows' times, a number so many times as fast as that. */
  readonly speed: 'full' | 'original' | number;
  readonly atEnd: 'stop' | 'loop';
}

/** Rows of standard input. */
export interface StdinFeedConfig extends RowOptions {
  readonly kind: 'stdin';
  readonly format: TextFormat;
}

/** Rows of an existing kdb+ tickerplant. */
export interface KdbFeedConfig {
  readonly kind: 'kdb';
  readonly host: string;
  readonly port: number;
  /** Speak TLS, as q's `:tcps://`. A certificate that can't be believed is refused. */
  readonly tls: boolean;
  /** A file with certificates in PEM that the other's is believed by, instead of those that the machine trusts. */
  readonly caFile?: string | undefined;
  readonly user: string;
  /** A secret. A tickerplant of ours that is paid takes its token here. */
  readonly password: string;
  /** Tables to subscribe to; default: all of ours. */
  readonly tables?: readonly string[] | undefined;
  /** Symbols to subscribe to; default: all. */
  readonly symbols?: readonly string[] | undefined;
  /** A bad row ends the feed, or is left out and counted. */
  readonly onBadRow: 'stop' | 'count';
  /** Longest message that is taken, bytes, also once it is inflated. */
  readonly maxMessageBytes: number;
}

/** A feed's configuration, with its defaults filled in. */
export type FeedConfig = RandomFeedConfig | ReplayFeedConfig | StdinFeedConfig | KdbFeedConfig;

const columnsSchema = z.union([z.string(), z.record(z.string(), z.string())]).superRefine((columns, context) => {
  try {
    parseColumnMapping(columns);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const rowOptions = {
  table: z.string().min(1).optional(),
  columns: columnsSchema.default({}),
  extraColumns: z.enum(['ignore', 'error']).default('ignore'),
  timeFormat: z.enum(['auto', 'iso', 'english', 's', 'ms', 'us', 'ns']).default('auto'),
  delimiter: z.string().length(1).optional(),
  gzip: z.boolean().optional(),
  onBadRow: z.enum(['stop', 'count']).default('stop'),
};

/** What may stand under `feed:` in a config. */
export const feedConfigSchema: z.ZodType<FeedConfig> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('random'),
    seed: z.int().optional(),
    rowsPerSecond: z.number().positive().max(1_000_000).default(50),
    rows: z.int().positive().optional(),
    table: z.string().min(1).optional(),
    symbols: z.array(z.string().min(1)).min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('replay'),
    file: z.string().min(1),
    format: z.enum(['csv', 'ndjson']).optional(),
    ...rowOptions,
    schemaFromFile: z.boolean().default(false),
    speed: z.union([z.enum(['full', 'original']), z.number().positive()]).default('full'),
    atEnd: z.enum(['stop', 'loop']).default('stop'),
  }),
  z.strictObject({
    kind: z.literal('kdb'),
    host: z.string().min(1).default('127.0.0.1'),
    port: z.number().int().min(1).max(65_535),
    tls: z.boolean().default(false),
    caFile: z.string().min(1).optional(),
    user: z
      .string()
      .regex(/^[^:\0]*$/, 'a user name can hold no colon')
      .default('lightning-tickerplant'),
    password: z
      .string()
      .regex(/^[^\0]*$/, 'a password can hold no NUL')
      .default(''),
    tables: z.array(z.string().min(1)).min(1).optional(),
    symbols: z.array(z.string().min(1)).min(1).optional(),
    onBadRow: z.enum(['stop', 'count']).default('count'),
    maxMessageBytes: z
      .number()
      .int()
      .min(1024)
      .max(2 ** 30)
      .default(2 ** 28),
  }),
  z.strictObject({ kind: z.literal('stdin'), format: z.enum(['csv', 'ndjson']), ...rowOptions }),
]);
