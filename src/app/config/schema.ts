import { z } from 'zod';
import type { DevicesOptions } from '../../core/devices/items.ts';
import type { SettlementPolicy } from '../../core/ports/ledger.ts';
import { DEFAULT_LIMITS, type TickerplantLimits } from '../../core/tickerplant/limits.ts';
import type { TableDefinition } from '../../core/tickerplant/schema.ts';
import type { SlowConsumerPolicy } from '../../core/tickerplant/service.ts';
import { DEFAULT_SETTLEMENT_POLICY } from '../../core/tickerplant/settlement-policy.ts';
import type { EndOfDayTime } from '../../core/tickerplant/trading-calendar.ts';
import { type FeedConfig, feedConfigSchema } from '../../feed/config.ts';
import { type ListenerClientConfig, listenerClientSchema } from '../../listener/config.ts';
import { type JournalConfig, journalConfigSchema } from '../../storage/journal/config.ts';
import { type LedgerConfig, ledgerConfigSchema } from '../../storage/ledger/config.ts';
import { type HttpConfig, httpConfigSchema } from '../../transport/http/config.ts';
import { type KdbConfig, kdbConfigSchema } from '../../transport/kdb/config.ts';
import { type MqttConfig, mqttConfigSchema } from '../../transport/mqtt/config.ts';
import { type WebsocketConfig, websocketConfigSchema } from '../../transport/websocket/config.ts';
import { type AccessConfig, accessSchema } from './access.ts';
import { devicesSchema } from './devices.ts';
import { durationSchema } from './duration.ts';
import { endOfDaySchema } from './end-of-day.ts';
import { tablesSchema } from './tables.ts';

/** Everything of a config but `backend`, parsed. */
export interface Sections {
  readonly tables: readonly TableDefinition[];
  readonly feed?: FeedConfig | undefined;
  readonly transports: {
    readonly websocket?: WebsocketConfig | undefined;
    readonly http?: HttpConfig | undefined;
    readonly kdb?: KdbConfig | undefined;
    readonly mqtt?: MqttConfig | undefined;
  };
  readonly access: AccessConfig;
  /** What devices sell; left out, there are none. */
  readonly devices?: DevicesOptions | undefined;
  readonly ledger: LedgerConfig;
  /** Where settlements are learnt from; left out: from the node itself. */
  readonly listener?: ListenerClientConfig | undefined;
  readonly journal: JournalConfig;
  readonly limits: TickerplantLimits;
  readonly slowConsumer: SlowConsumerPolicy;
  /** Milliseconds. */
  readonly quotes: { readonly expiry: number };
  /** What becomes of money that did not come as it was asked for. */
  readonly settlements: SettlementPolicy;
  readonly endOfDay: EndOfDayTime;
  /** Milliseconds. */
  readonly stop: { readonly deadline: number };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly format: 'auto' | 'pretty' | 'json' };
}

const positive = z.number().positive();
const count = z.number().int().min(1);

/** The schema of `limits`; left out, it is {@link DEFAULT_LIMITS}. */
export const limitsSchema: z.ZodType<TickerplantLimits> = z
  .strictObject({
    symbolsPerRequest: count.default(DEFAULT_LIMITS.symbolsPerRequest),
    subscriptionsPerConnection: count.default(DEFAULT_LIMITS.subscriptionsPerConnection),
    openQuotesPerConnection: count.default(DEFAULT_LIMITS.openQuotesPerConnection),
    openQuotes: count.default(DEFAULT_LIMITS.openQuotes),
    openQuotesPerAddress: count.default(DEFAULT_LIMITS.openQuotesPerAddress),
    connectionsPerAddress: count.default(DEFAULT_LIMITS.connectionsPerAddress),
    quoteBurstPerAddress: count.default(DEFAULT_LIMITS.quoteBurstPerAddress),
    quotesPerSecondPerAddress: positive.default(DEFAULT_LIMITS.quotesPerSecondPerAddress),
  } satisfies Readonly<Record<keyof TickerplantLimits, z.ZodType>>)
  .prefault({});

const transportsSchema = z.strictObject({
  websocket: websocketConfigSchema.optional(),
  http: httpConfigSchema.optional(),
  kdb: kdbConfigSchema.optional(),
  mqtt: mqttConfigSchema.optional(),
});

const quotesSchema = z
  .strictObject({
    expiry: durationSchema.refine((ms) => ms >= 1_000 && ms <= 604_800_000, 'a quote lasts from 1s to 7d').default(3_600_000),
  })
  .prefault({});

const honourOrNot = z.enum(['honour', 'credit', 'refund'], 'honour, credit or refund');
const creditOrRefund = z.enum(['credit', 'refund'], 'credit or refund');

const settlementsSchema = z
  .strictObject({
    late: honourOrNot.default(DEFAULT_SETTLEMENT_POLICY.late),
    withdrawn: honourOrNot.default(DEFAULT_SETTLEMENT_POLICY.withdrawn),
    overpaid: creditOrRefund.default(DEFAULT_SETTLEMENT_POLICY.overpaid),
    underpaid: creditOrRefund.default(DEFAULT_SETTLEMENT_POLICY.underpaid),
    duplicate: creditOrRefund.default(DEFAULT_SETTLEMENT_POLICY.duplicate),
    tableGone: creditOrRefund.default(DEFAULT_SETTLEMENT_POLICY.tableGone),
  } satisfies Readonly<Record<keyof SettlementPolicy, z.ZodType>>)
  .prefault({});

const stopSchema = z
  .strictObject({
    deadline: durationSchema.refine((ms) => ms <= 600_000, 'at most 10m').default(5_000),
  })
  .prefault({});

/** The schema of `log`. */
export const logSchema: z.ZodType<Sections['log']> = z
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
  access: accessSchema,
  devices: devicesSchema.optional(),
  ledger: ledgerConfigSchema,
  listener: listenerClientSchema.optional(),
  journal: journalConfigSchema,
  limits: limitsSchema,
  slowConsumer: z.enum(['catch-up', 'conflate', 'drop', 'disconnect']).default('catch-up'),
  quotes: quotesSchema,
  settlements: settlementsSchema,
  endOfDay: endOfDaySchema,
  stop: stopSchema,
  log: logSchema,
});
