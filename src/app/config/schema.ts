import { z } from 'zod';
import { DEFAULT_LIMITS, type TickerplantLimits } from '../../core/tickerplant/limits.ts';
import type { TableDefinition } from '../../core/tickerplant/schema.ts';
import type { SlowConsumerPolicy } from '../../core/tickerplant/service.ts';
import { type FeedConfig, feedConfigSchema } from '../../feed/config.ts';
import { type JournalConfig, journalConfigSchema } from '../../storage/journal/config.ts';
import { type LedgerConfig, ledgerConfigSchema } from '../../storage/ledger/config.ts';
import { type KdbConfig, kdbConfigSchema } from '../../transport/kdb/config.ts';
import { type WebsocketConfig, websocketConfigSchema } from '../../transport/websocket/config.ts';
import { durationSchema } from './duration.ts';
import { tablesSchema } from './tables.ts';

/** Everything of a config but `backend`, parsed. */
export interface Sections {
  readonly tables: readonly TableDefinition[];
  readonly feed?: FeedConfig | undefined;
  readonly transports: { readonly websocket?: WebsocketConfig | undefined; readonly kdb?: KdbConfig | undefined };
  readonly ledger: LedgerConfig;
  readonly journal: JournalConfig;
  readonly limits: TickerplantLimits;
  readonly slowConsumer: SlowConsumerPolicy;
  /** Milliseconds. */
  readonly quotes: { readonly expiry: number };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly format: 'auto' | 'pretty' | 'json' };
}

const positive = z.number().positive();
const count = z.number().int().min(1);

const limitsSchema = z
  .strictObject({
    symbolsPerRequest: count.default(DEFAULT_LIMITS.symbolsPerRequest),
    subscriptionsPerConnection: count.default(DEFAULT_LIMITS.subscriptionsPerConnection),
    openQuotesPerConnection: count.default(DEFAULT_LIMITS.openQuotesPerConnection),
    quoteBurstPerAddress: count.default(DEFAULT_LIMITS.quoteBurstPerAddress),
    quotesPerSecondPerAddress: positive.default(DEFAULT_LIMITS.quotesPerSecondPerAddress),
  } satisfies Readonly<Record<keyof TickerplantLimits, z.ZodType>>)
  .prefault({});

const transportsSchema = z.strictObject({ websocket: websocketConfigSchema.optional(), kdb: kdbConfigSchema.optional() });

const quotesSchema = z
  .strictObject({
    expiry: durationSchema.refine((ms) => ms >= 1_000 && ms <= 604_800_000, 'a quote lasts from 1s to 7d').default(3_600_000),
  })
  .prefault({});

const logSchema = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    format: z.enum(['auto', 'pretty', 'json']).default('auto'),
  })
  .prefault({});

/** The schema of everything of a config but `backend`, whose schema is its adapter's. The names are an interface: people have them in their files. */
export const sectionsSchema: z.ZodType<Sections> = z.strictObject({
  backend: z.undefined().optional(),
  tables: tablesSchema,
  feed: feedConfigSchema.optional(),
  transports: transportsSchema,
  ledger: ledgerConfigSchema,
  journal: journalConfigSchema,
  limits: limitsSchema,
  slowConsumer: z.enum(['catch-up', 'conflate', 'drop', 'disconnect']).default('catch-up'),
  quotes: quotesSchema,
  log: logSchema,
});
