import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import type { ResumePosition } from '../../core/tickerplant/messages.ts';
import type { Pricing } from '../../core/tickerplant/schema.ts';
import type { SlowConsumerPolicy } from '../../core/tickerplant/service.ts';
import { amountText, deviceKey, deviceToken, itemName, settlementIds } from '../shared/device-requests.ts';

/** A request's id, echoed as it was given. */
export type RequestId = string | number;

/** `sub`: a quote for symbols of a table, please. */
export interface SubRequest {
  readonly op: 'sub';
  readonly id?: RequestId | undefined;
  readonly table: string;
  readonly syms: readonly string[] | '*';
  readonly pricing?: Pricing['kind'] | undefined;
  readonly snapshot?: boolean | undefined;
  readonly subscription?: string | undefined;
  readonly key?: string | undefined;
  readonly slow?: SlowConsumerPolicy | undefined;
}

/** `resume`: go on with what a token has bought, after these numbers. */
export interface ResumeRequest {
  readonly op: 'resume';
  readonly id?: RequestId | undefined;
  readonly token: string;
  /** Table → position. Without a prototype, so that a table called `constructor` is just a name. */
  readonly after: Readonly<Record<string, ResumePosition>>;
  readonly slow?: SlowConsumerPolicy | undefined;
  /** The last end of day that the buyer was told. */
  readonly ended?: string | undefined;
}

/** `unsub`: no more of these. */
export interface UnsubRequest {
  readonly op: 'unsub';
  readonly id?: RequestId | undefined;
  readonly subscription: string;
  readonly table: string;
  readonly syms: readonly string[] | '*';
}

/** `ping`: are you there? */
export interface PingRequest {
  readonly op: 'ping';
  readonly id?: RequestId | undefined;
}

/** `publish`: rows of a table, of a publisher. */
export interface PublishRequest {
  readonly op: 'publish';
  readonly id?: RequestId | undefined;
  readonly table: string;
  /** Values in column order, or objects by column names; publishing looks at them. */
  readonly rows: readonly unknown[];
}

/** `hello`: a device says who it is, and is told of its payments from now on. */
export interface HelloRequest {
  readonly op: 'hello';
  readonly id?: RequestId | undefined;
  readonly token: string;
}

/** `invoice`: a device asks an invoice for its customer. */
export interface InvoiceRequest {
  readonly op: 'invoice';
  readonly id?: RequestId | undefined;
  readonly item: string;
  readonly amountMsat?: Msat | undefined;
  readonly key?: string | undefined;
}

/** `ack`: a device has done what was paid for. */
export interface AckRequest {
  readonly op: 'ack';
  readonly id?: RequestId | undefined;
  readonly settlements: readonly string[];
}

/** What a device can ask. */
export type DeviceRequest = HelloRequest | InvoiceRequest | AckRequest;

/** What a buyer, or a device, can ask. */
export type Request = SubRequest | ResumeRequest | UnsubRequest | PingRequest | PublishRequest | DeviceRequest;

/** The outcome of reading a message. `json` false: not even JSON, which ends a connection when it goes on. */
export type ParsedRequest =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'refused'; readonly id: RequestId | undefined; readonly json: boolean; readonly error: TickerplantError };

const NAME_LENGTH = 256;
const TOKEN_LENGTH = 8192;
const ID_LENGTH = 128;
const SHOWN_LENGTH = 300;

const must = (what: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'is missing' : `must be ${what}`),
});
const text = (max: number) => z.string(must('text')).min(1, 'must not be empty').max(max, `must have at most ${max} characters`);
const number = z.number(must('a whole number')).int('must be a whole number').min(0, 'must not be negative');
const withoutPrototype = <T>(entries: Record<string, T>): Record<string, T> => Object.assign(Object.create(null), entries);

const id = z.union([z.string().max(ID_LENGTH), z.number().int()]).optional();
const syms = z.union([z.literal('*'), z.array(text(NAME_LENGTH)).min(1, 'must name a symbol')], must('"*" or a list of symbols'));
const seqs = z.record(z.string(), number, must('an object of symbols and numbers')).transform(withoutPrototype);
const slow = z.enum(['catch-up', 'conflate', 'drop', 'disconnect'], must('"catch-up", "conflate", "drop" or "disconnect"')).optional();
const kind = z.enum(['flat', 'time', 'tick'], must('"flat", "time" or "tick"'));
const pricing = z.union([kind, z.object({ kind }).transform((chosen) => chosen.kind)], must('"flat", "time" or "tick"')).optional();
const row = z.union(
  [z.array(z.unknown()), z.record(z.string(), z.unknown())],
  must('a list of values, or an object of columns and values'),
);
const position = z.object({ epoch: number, seqs }, must('an object with epoch and seqs'));

const SCHEMAS: { readonly [Op in Request['op']]: z.ZodType<Extract<Request, { op: Op }>, unknown> } = {
  sub: z.object({
    op: z.literal('sub'),
    id,
    table: text(NAME_LENGTH),
    syms,
    pricing,
    snapshot: z.boolean(must('true or false')).optional(),
    subscription: text(NAME_LENGTH).optional(),
    key: text(NAME_LENGTH).optional(),
    slow,
  }),
  resume: z.object({
    op: z.literal('resume'),
    id,
    token: text(TOKEN_LENGTH),
    after: z.record(z.string(), position, must('an object of tables and positions')).default({}).transform(withoutPrototype),
    slow,
    ended: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a date, 2026-11-20')
      .optional(),
  }),
  unsub: z.object({ op: z.literal('unsub'), id, subscription: text(NAME_LENGTH), table: text(NAME_LENGTH), syms }),
  ping: z.object({ op: z.literal('ping'), id }),
  publish: z.object({
    op: z.literal('publish'),
    id,
    table: text(NAME_LENGTH),
    rows: z.array(row, must('a list of rows')).min(1, 'must have a row'),
  }),
  hello: z.object({ op: z.literal('hello'), id, token: deviceToken }),
  invoice: z.object({ op: z.literal('invoice'), id, item: itemName, amountMsat: amountText, key: deviceKey }),
  ack: z.object({ op: z.literal('ack'), id, settlements: settlementIds }),
};

/** The operations that can be asked for. */
export const REQUEST_OPS: readonly Request['op'][] = Object.keys(SCHEMAS) as Request['op'][];

/** Reads a buyer's message. Never throws; an error names the field that is wrong and repeats no token. */
export function parseRequest(message: string, limits: { readonly maxSymbolsPerMessage: number }): ParsedRequest {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return refuse(undefined, 'BAD_REQUEST', 'not JSON: a message is one JSON object in text', false);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(undefined, 'BAD_REQUEST', 'a message is a JSON object');
  const fields = value as Readonly<Record<string, unknown>>;
  const parsedId = id.safeParse(fields['id']);
  if (!parsedId.success) {
    return refuse(undefined, 'BAD_REQUEST', `id: must be text of at most ${ID_LENGTH} characters or a whole number below 2^53`);
  }
  const { op } = fields;
  if (op === undefined) return refuse(parsedId.data, 'BAD_REQUEST', 'op: is missing');
  if (typeof op !== 'string') return refuse(parsedId.data, 'BAD_REQUEST', 'op: must be text');
  if (!isRequestOp(op)) {
    return refuse(
      parsedId.data,
      'UNKNOWN_OPERATION',
      `unknown operation ${JSON.stringify(op.slice(0, 40))}; there are ${REQUEST_OPS.join(', ')}`,
    );
  }
  const parsed = SCHEMAS[op].safeParse(fields);
  if (!parsed.success) return refuse(parsedId.data, 'BAD_REQUEST', describe(parsed.error.issues));
  const request = parsed.data;
  const symbols = 'syms' in request && request.syms !== '*' ? request.syms.length : 0;
  if (symbols > limits.maxSymbolsPerMessage) {
    const advice = `${symbols} symbols in one message, at most ${limits.maxSymbolsPerMessage}; send several, or "*" for all`;
    return refuse(parsedId.data, 'TOO_MANY', `syms: ${advice}`);
  }
  return { kind: 'request', request };
}

function isRequestOp(op: string): op is Request['op'] {
  return Object.hasOwn(SCHEMAS, op);
}

function refuse(requestId: RequestId | undefined, code: TickerplantError['code'], message: string, json = true): ParsedRequest {
  return { kind: 'refused', id: requestId, json, error: new TickerplantError(code, message) };
}

/** `syms[3]: must be text`. Of a choice between forms, that form's trouble which lies deepest is the one that was meant. */
function describe(issues: readonly z.core.$ZodIssue[], under: readonly PropertyKey[] = []): string {
  const issue = issues[0];
  if (issue === undefined) return 'can not be read';
  const path = [...under, ...issue.path];
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.find((branch) => branch.some((each) => each.path.length > 0 || each.code === 'too_small'));
    if (inner !== undefined) return describe(inner, path);
  }
  const where = path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('');
  return `${where.slice(0, SHOWN_LENGTH)}: ${issue.message}`;
}
