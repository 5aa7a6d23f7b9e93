import { z } from 'zod';
import { pricingsOf } from '../../core/tickerplant/pricing.ts';
import type { TickerplantService } from '../../core/tickerplant/service.ts';
import { HTTP_ERROR_CODES } from './errors.ts';

const NAME_LENGTH = 256;

const must = (what: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'is missing' : `must be ${what}`),
});
const name = (what: string) =>
  z.string(must('text')).min(1, 'must not be empty').max(NAME_LENGTH, `must have at most ${NAME_LENGTH} characters`).describe(what);

/** A table's name. */
export const tableName: z.ZodString = name("A table's name.");
/** A table's name, or `*`. */
export const tableOrAll: z.ZodString = name("A table's name, or `*` for every table.");

/** Symbols of a query: with commas between. */
export const symsInQuery: z.ZodType<readonly string[] | '*', string> = z
  .string(must('symbols with commas between'))
  .regex(/^[^,]+(,[^,]+)*$/, 'must be symbols with commas between, or *')
  .max(8_192, 'must have at most 8192 characters; send more in the body of a POST')
  .describe('Symbols with commas between, or `*` for all that the table has.')
  .transform((text) => (text === '*' ? text : text.split(',')));

/** Symbols of a body. */
export const symsInBody: z.ZodType<readonly string[] | '*'> = z
  .union(
    [
      z.literal('*'),
      z
        .array(z.string(must('text')).min(1, 'must not be empty').max(NAME_LENGTH))
        .min(1, 'must name a symbol')
        .max(5_000),
    ],
    must('"*" or a list of symbols'),
  )
  .describe('Symbols, or `"*"` for all that the table has.');

/** What becomes of a stream that is read too slowly. */
export const slowPolicy: z.ZodEnum<{ 'catch-up': 'catch-up'; conflate: 'conflate'; drop: 'drop'; disconnect: 'disconnect' }> = z
  .enum(['catch-up', 'conflate', 'drop', 'disconnect'], must('catch-up, conflate, drop or disconnect'))
  .describe('What becomes of the stream when it is read too slowly.');

/** Which way of paying. */
export const pricingKind: z.ZodEnum<{ flat: 'flat'; time: 'time'; tick: 'tick' }> = z.enum(
  ['flat', 'time', 'tick'],
  must('flat, time or tick'),
);

/** A schema with the ways of paying that this seller has. */
export function asSold<Schema extends z.ZodObject<{ pricing: z.ZodOptional<typeof pricingKind> }>>(
  tickerplant: Pick<TickerplantService, 'tables'>,
  schema: Schema,
): Schema {
  const kinds = [...new Set(tickerplant.tables().flatMap((table) => pricingsOf(table).map(({ kind }) => kind)))];
  const pricing = z
    .enum(kinds, must(kinds.join(' or ')))
    .optional()
    .describe("Which of the table's pricings a quote is to be made by; its first unless given.");
  return schema.extend({ pricing }) as unknown as Schema;
}

/** A sequence number. */
export const seqInQuery: z.ZodType<number, string> = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);

/** Positions of a body. */
export const positions: z.ZodType<Readonly<Record<string, { readonly epoch: number; readonly seqs: Readonly<Record<string, number>> }>>> = z
  .record(
    z.string(),
    z.object(
      { epoch: z.number().int().min(0), seqs: z.record(z.string(), z.number().int().min(0)) },
      must('an object with epoch and seqs'),
    ),
    must('an object of tables and positions'),
  )
  .describe('Table → epoch and the last number of each symbol.');

const NAMED = { table: z.string(), syms: z.array(z.string()) };
const column = z.looseObject({ name: z.string(), type: z.string() });
const amount = z.string().regex(/^\d+$/).describe('Millisatoshi.');
const time = z.string().describe('ISO 8601 in UTC.');

/** An error. */
export const errorSchema: z.ZodType = z.looseObject({
  code: z.enum(HTTP_ERROR_CODES as [string, ...string[]]),
  message: z.string().describe('For people; match on `code`.'),
  retry: z.enum(['never', 'safe', 'later']),
});

/** A quote. */
export const quoteSchema: z.ZodType = z.looseObject({
  op: z.literal('quote'),
  quote: z.string(),
  subscription: z.string(),
  token: z
    .string()
    .optional()
    .describe('L402 macaroon, base64; alive once the quote is settled. A secret. Not shown to whoever has a narrowed one.'),
  ...NAMED,
  schema: z.array(column).optional(),
  tables: z.array(z.looseObject(NAMED)).optional(),
  state: z.enum(['open', 'settled', 'expired', 'withdrawn']).optional(),
  amountMsat: amount,
  invoice: z.string().describe('BOLT 11.'),
  paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
  expiresAt: time,
});

/** The challenge's body. */
export const paymentRequiredSchema: z.ZodType = z.looseObject({
  code: z.enum(['PAYMENT_REQUIRED', 'NOT_SETTLED']),
  message: z.string(),
  retry: z.literal('later'),
  quote: quoteSchema.optional(),
});

const active = z.looseObject({ op: z.literal('active'), subscription: z.string(), quote: z.string(), ...NAMED, until: time });

/** What is paid already. */
export const grantedSchema: z.ZodType = z.looseObject({ op: z.literal('granted'), subscription: z.string(), active: z.array(active) });

/** A table on sale. */
export const tableSchema: z.ZodType = z.looseObject({
  table: z.string(),
  schema: z.array(column),
  syms: z.array(z.string()),
  pricing: z.array(z.looseObject({ kind: z.string() })),
});

/** All tables. */
export const tablesSchema: z.ZodType = z.looseObject({ epoch: z.int(), tables: z.array(tableSchema) });

const rows = z.looseObject({
  table: z.string(),
  sym: z.string(),
  epoch: z.int(),
  seq: z.int().describe('The number of the first row.'),
  rows: z.array(z.array(z.unknown())).describe("Values in the schema's column order."),
});
const gap = z.looseObject({
  op: z.literal('gap'),
  table: z.string(),
  sym: z.string(),
  epoch: z.int(),
  from: z.int(),
  to: z.int(),
  reason: z.string(),
});

/** Rows that were recorded. */
export const historySchema: z.ZodType = z.looseObject({
  table: z.string(),
  epoch: z.int(),
  gaps: z.array(gap),
  rows: z.array(rows),
  next: z.string().nullable().describe('The `cursor` to go on with; null where nothing is left.'),
});

/** The last row of each symbol. */
export const snapshotSchema: z.ZodType = z.looseObject({ table: z.string(), epoch: z.int(), rows: z.array(rows) });

/** What was stopped. */
export const unsubscribedSchema: z.ZodType = z.looseObject({ op: z.literal('unsubscribed'), subscription: z.string(), ...NAMED });

/** A ticket. */
export const ticketSchema: z.ZodType = z.looseObject({ ticket: z.string(), expiresAt: time });

/** Health. */
export const healthSchema: z.ZodType = z.looseObject({ status: z.string() });
