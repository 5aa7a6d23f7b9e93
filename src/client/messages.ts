import { z } from 'zod';
import { msat, parseMsat } from '../core/lightning/amount.ts';
import { paymentHash } from '../core/lightning/identifiers.ts';
import type { ActiveEvent, BalanceEvent, CreditEvent, GapEvent, QuoteOffer } from '../core/tickerplant/messages.ts';
import type { Column, ColumnType, Row } from '../core/tickerplant/schema.ts';
import type { Resumed } from '../core/tickerplant/service.ts';
import { parseWireJson } from './wire-json.ts';
import { unstatedTerms, wireTerms } from './wire-terms.ts';

/** Rows as the server sends them. */
export interface UpdMessage {
  readonly op: 'upd' | 'snapshot';
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
  readonly rows: readonly Row[];
  readonly conflated: boolean;
}

/** A server's message, read: amounts in msat, times in milliseconds since 1970. */
export type ServerMessage =
  | UpdMessage
  | { readonly op: 'quote'; readonly id: string | undefined; readonly offer: QuoteOffer }
  | ({ readonly op: 'active' } & ActiveEvent)
  | ({ readonly op: 'resumed'; readonly id: string | undefined } & Resumed)
  | ({ readonly op: 'gap' } & GapEvent)
  | ({ readonly op: 'balance' } & BalanceEvent)
  | ({ readonly op: 'credit' } & CreditEvent)
  | { readonly op: 'end'; readonly date: string }
  | { readonly op: 'expired'; readonly quote: string; readonly reason: 'unpaid' | 'ended' | undefined }
  | { readonly op: 'superseded'; readonly subscription: string }
  | { readonly op: 'heartbeat' | 'pong' }
  | { readonly op: 'ping'; readonly id: string | undefined }
  | ErrorMessage
  | { readonly op: 'unknown' };

/** A refusal. */
export interface ErrorMessage {
  readonly op: 'error';
  readonly id: string | undefined;
  readonly code: string;
  readonly message: string;
  readonly retry: 'never' | 'safe' | 'later';
  readonly retryAfterMs: number | undefined;
}

/** A message that is not the protocol's; says which part of it. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

const COLUMN_TYPES = [
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
] as const satisfies readonly ColumnType[];

const time = z.string().transform((text, context) => {
  const value = Date.parse(text);
  if (!Number.isNaN(value)) return value;
  context.addIssue({ code: 'custom', message: 'not an ISO 8601 time' });
  return z.NEVER;
});
const whole = z.number().int().nonnegative();
const columns: z.ZodType<readonly Column[]> = z.array(z.object({ name: z.string(), type: z.enum(COLUMN_TYPES) }));
const id = z.string().optional();

function reading<T>(read: (text: string) => T): z.ZodType<T> {
  return z.string().transform((text, context) => {
    try {
      return read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  }) as unknown as z.ZodType<T>;
}

const amount = reading(parseMsat);
const item = z.object({
  table: z.string(),
  syms: z.array(z.string()),
  schema: columns,
  pricing: wireTerms.optional(),
  amountMsat: amount.optional(),
});

const quote = z.object({
  id,
  reason: z.enum(['asked', 'renewal', 'top-up']).default('asked'),
  quote: z.string(),
  subscription: z.string(),
  token: z.string().min(1),
  // One table stands flat in the message; of several, `tables` says which symbols are whose.
  table: z.string().optional(),
  syms: z.array(z.string()).optional(),
  schema: columns.optional(),
  tables: z.array(item).optional(),
  pricing: wireTerms.optional(),
  amountMsat: amount,
  creditMsat: amount.default(msat(0)),
  invoice: z.string().min(1),
  paymentHash: reading(paymentHash),
  expiresAt: time,
  until: time,
  node: z.object({ id: z.string(), uris: z.array(z.string()).default([]) }),
});

const active = z.object({
  subscription: z.string(),
  quote: z.string(),
  table: z.string(),
  syms: z.array(z.string()),
  until: time,
  epoch: whole,
  next: z.record(z.string(), whole),
});

const resumed = z.object({
  id,
  subscription: z.string(),
  tables: z.array(z.object({ table: z.string(), syms: z.array(z.string()), until: time, epoch: whole })),
});

const gap = z.object({
  table: z.string(),
  sym: z.string(),
  epoch: whole,
  from: whole,
  to: whole.nullish().transform((value) => value ?? undefined),
  reason: z.enum(['slow-consumer', 'retention', 'epoch', 'balance']),
});

const balance = z.object({ subscription: z.string(), msat: amount, state: z.enum(['ok', 'low', 'dry']) });

const credit = z.object({
  subscription: z.string(),
  quote: z.string(),
  msat: amount,
  reason: z.enum(['overpaid', 'underpaid', 'duplicate', 'late', 'withdrawn', 'table-gone']),
  outcome: z.enum(['credit', 'refund']),
});

const error = z.object({
  id,
  code: z.string(),
  message: z.string(),
  retry: z.enum(['never', 'safe', 'later']).catch('later'),
  retryAfterMs: z.number().nonnegative().optional(),
});

function readQuote(message: unknown): ServerMessage {
  const { id, table, syms, schema, tables, pricing, ...offer } = check('quote', quote, message);
  const single = table !== undefined && syms !== undefined && schema !== undefined ? [{ table, syms, schema, pricing }] : undefined;
  const list: readonly z.output<typeof item>[] | undefined = tables ?? single;
  if (list === undefined) throw new MessageError('quote: neither `table`, `syms` and `schema` nor `tables` are there');
  const price = offer.amountMsat + offer.creditMsat;
  const symbols = list.reduce((sum, each) => sum + each.syms.length, 0);
  const items = list.map(({ pricing: terms = unstatedTerms(price, symbols), amountMsat, ...each }) => {
    // A server that states no parts has one price for every symbol.
    const part = list.length === 1 ? price : (price * BigInt(each.syms.length)) / BigInt(Math.max(1, symbols));
    return { ...each, terms, amountMsat: amountMsat ?? msat(part) };
  });
  return { op: 'quote', id, offer: { ...offer, items } };
}

function check<T>(op: string, schema: z.ZodType<T>, message: unknown): T {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MessageError(`${op}: ${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'invalid'}`);
}

/** Rows come by the thousand, so they are checked by hand. */
function readRows(op: 'upd' | 'snapshot', message: Record<string, unknown>): UpdMessage {
  const { table, sym, epoch, seq, rows, conflated } = message;
  if (typeof table !== 'string' || typeof sym !== 'string' || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) {
    throw new MessageError(`${op}: table, sym, epoch or seq is not what it should be`);
  }
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(Array.isArray)) throw new MessageError(`${op}: rows is not a list of rows`);
  return { op, table, sym, epoch: epoch as number, seq: seq as number, rows: rows as Row[], conflated: conflated === true };
}

/**
 * Reads a server's message; one with an operation that is not known is `unknown`, since the protocol may be added to.
 * @throws MessageError when it is not JSON, or not what its operation should be.
 */
export function readMessage(text: string): ServerMessage {
  let message: unknown;
  try {
    message = parseWireJson(text);
  } catch (cause) {
    throw new MessageError('not JSON', { cause });
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) throw new MessageError('not an object');
  const fields = message as Record<string, unknown>;
  switch (fields['op']) {
    case 'upd':
    case 'snapshot':
      return readRows(fields['op'], fields);
    case 'quote':
      return readQuote(fields);
    case 'active':
      return { op: 'active', ...check('active', active, fields) };
    case 'resumed': {
      const { id, subscription, tables } = check('resumed', resumed, fields);
      return { op: 'resumed', id, subscription, tables };
    }
    case 'gap':
      return { op: 'gap', ...check('gap', gap, fields) };
    case 'balance': {
      const { msat: balanceMsat, ...rest } = check('balance', balance, fields);
      return { op: 'balance', ...rest, balanceMsat };
    }
    case 'credit':
      return { op: 'credit', ...check('credit', credit, fields) };
    case 'end':
      return { op: 'end', ...check('end', z.object({ date: z.string() }), fields) };
    case 'expired': {
      const expired = check('expired', z.object({ quote: z.string(), reason: z.string().optional() }), fields);
      const reason = expired.reason === 'unpaid' || expired.reason === 'ended' ? expired.reason : undefined;
      return { op: 'expired', quote: expired.quote, reason };
    }
    case 'superseded':
      return { op: 'superseded', ...check('superseded', z.object({ subscription: z.string() }), fields) };
    case 'error': {
      const { id, code, message, retry, retryAfterMs } = check('error', error, fields);
      return { op: 'error', id, code, message, retry, retryAfterMs };
    }
    case 'ping':
      return { op: 'ping', id: typeof fields['id'] === 'string' ? fields['id'] : undefined };
    case 'heartbeat':
    case 'pong':
      return { op: fields['op'] };
    default:
      return { op: 'unknown' };
  }
}

/** Whether an error answers a request; one without an id does where it is final, since nothing else was asked. */
export function isAnswer(message: ErrorMessage, id: string | undefined): boolean {
  return id !== undefined && (message.id === id || (message.id === undefined && message.retry === 'never'));
}
