import { z } from 'zod';
import type { ColumnType, TableDefinition } from '../../core/tickerplant/schema.ts';
import { SchemaError, validateSchema } from '../../core/tickerplant/values.ts';
import { type PricingInput, pricingSchema } from './pricing.ts';
import { suggestion } from './suggest.ts';

const COLUMN_TYPES: readonly ColumnType[] = [
  'timestamp',
  'timespan',
  'date',
  'symbol',
  'string',
  'float',
  'real',
  'long',
  'int',
  'short',
  'boolean',
];

/** What a config without `tables` has: the KX whitepaper's `trade`, symbols as the feed declares them. */
export const DEFAULT_TABLES: Readonly<Record<string, TableInput>> = {
  trade: {
    columns: { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' },
    pricing: { kind: 'flat', msat: 100_000, lasts: '24h' },
  },
};

const columnTypeSchema = z.string().superRefine((type, context) => {
  if (!COLUMN_TYPES.includes(type as ColumnType)) {
    context.addIssue({ code: 'custom', message: `there is no column type of this name; ${suggestion(type, COLUMN_TYPES)}` });
  }
});

const symbolSchema = z
  .string('a symbol is text; put quotes round what YAML takes for something else')
  .min(1, 'a symbol has at least one character');

const tableSchema = z.strictObject({
  columns: z.record(z.string(), columnTypeSchema, 'columns are name: type, beginning with time and sym'),
  symbols: z
    .array(symbolSchema)
    .min(1, 'name at least one symbol, or leave symbols out: then the feed declares them')
    .superRefine((symbols, context) => {
      const twice = symbols.find((symbol, index) => symbols.indexOf(symbol) !== index);
      if (twice !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(twice)} is there twice` });
      if (symbols.includes('*'))
        context.addIssue({ code: 'custom', message: `'*' stands for all symbols and can't be one; leave symbols out` });
    })
    .optional(),
  pricing: pricingSchema.prefault({}),
});

/** A table as it stands in a config. */
export interface TableInput {
  /** Name → type, in order, beginning with `time` and `sym`. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Left out: those that the feed declares or publishes. */
  readonly symbols?: readonly string[];
  /** One, or several of different kinds that buyers choose from. Left out: 100 sat per symbol, for 24 h. */
  readonly pricing?: PricingInput | readonly PricingInput[];
}

/** `tables` of a config: name → columns, symbols, pricing. */
export const tablesSchema: z.ZodType<readonly TableDefinition[]> = z
  .record(z.string(), tableSchema, 'tables are name: { columns, symbols, pricing }')
  .superRefine((tables, context) => {
    if (Object.keys(tables).length === 0) context.addIssue({ code: 'custom', message: 'name at least one table, or leave tables out' });
    for (const table of Object.entries(tables)) checkSchema(...table, context);
  })
  .transform((tables) => Object.entries(tables).map(([name, table]) => toDefinition(name, table)));

function checkSchema(name: string, table: z.output<typeof tableSchema>, context: z.RefinementCtx): void {
  try {
    validateSchema(toDefinition(name, table));
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const path = error.column === undefined ? [name] : [name, 'columns', error.column];
    context.addIssue({ code: 'custom', path, message: error.message });
  }
}

function toDefinition(name: string, table: z.output<typeof tableSchema>): TableDefinition {
  return {
    name,
    columns: Object.entries(table.columns).map(([column, type]) => ({ name: column, type: type as ColumnType })),
    symbols: table.symbols,
    pricing: table.pricing,
  };
}
