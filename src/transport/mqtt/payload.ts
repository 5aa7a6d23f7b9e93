import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { TickerplantError } from '../../core/tickerplant/errors.ts';
import { amountText, deviceKey, deviceToken, itemName, settlementIds } from '../shared/device-requests.ts';
import type { RequestTopic } from './topics.ts';

const id = z.union([z.string().max(128), z.number().int()], 'must be text of at most 128 characters or a whole number').optional();
const token = deviceToken.optional();

/** What a device has published, by its topic. */
export type DevicePayload =
  | { readonly request: 'hello'; readonly id?: RequestId; readonly token?: string | undefined }
  | {
      readonly request: 'invoice';
      readonly id?: RequestId;
      readonly token?: string | undefined;
      readonly item: string;
      readonly amountMsat?: Msat | undefined;
      readonly key?: string | undefined;
    }
  | { readonly request: 'ack'; readonly id?: RequestId; readonly token?: string | undefined; readonly settlements: readonly string[] };

type RequestId = string | number | undefined;

const SCHEMAS: Readonly<Record<RequestTopic['request'], z.ZodType>> = {
  hello: z.object({ id, token }),
  invoice: z.object({ id, token, item: itemName, amountMsat: amountText, key: deviceKey }),
  ack: z.object({ id, token, settlements: settlementIds }),
};

/** A request's `id`, as far as there is one that can be read. */
export function idOf(payload: unknown): string | number | undefined {
  const parsed = id.safeParse((payload as { readonly id?: unknown } | null | undefined)?.id);
  return parsed.success ? parsed.data : undefined;
}

/** A payload as JSON; an empty one is `{}`. @throws TickerplantError `BAD_REQUEST`. */
export function parseJson(payload: Uint8Array): unknown {
  if (payload.length === 0) return {};
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
  } catch {
    throw new TickerplantError('BAD_REQUEST', 'not JSON: a payload is one JSON object');
  }
}

/** @throws TickerplantError `BAD_REQUEST`, naming the field. */
export function parsePayload(request: RequestTopic['request'], value: unknown): DevicePayload {
  const parsed = SCHEMAS[request].safeParse(value);
  if (parsed.success) return { request, ...(parsed.data as object) } as DevicePayload;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new TickerplantError('BAD_REQUEST', where === '' ? 'a payload is a JSON object' : `${where.slice(0, 100)}: ${issue?.message}`);
}
