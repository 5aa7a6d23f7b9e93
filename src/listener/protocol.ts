import { z } from 'zod';
import type { NodeIdentity } from '../core/lightning/backend.ts';
import type { Network } from '../core/lightning/common.ts';
import { type NodeId, nodeId } from '../core/lightning/identifiers.ts';
import type { SettlementCursor } from '../core/lightning/settlement.ts';
import { ListenerError } from './errors.ts';
import { EVENT_KINDS, type EventKind, eventInvoiceSchema, type InvoiceEvent } from './event.ts';
import type { Position } from './position.ts';

/** The version of the messages; a client and a listener of different ones don't talk. */
export const PROTOCOL_VERSION = 1;
/** Where a listener takes its followers. */
export const EVENTS_PATH = '/v1/events';
/** Events that are on their way to a server, or not acknowledged by it, at most. */
export const WINDOW = 256;
/** Milliseconds between pings of the listener; whoever has not answered two of them is gone. */
export const HEARTBEAT_MS = 10_000;
/** After so long a silence a client takes its listener for gone. */
export const SILENCE_MS = 35_000;

const network: z.ZodType<Network> = z.enum(['mainnet', 'testnet', 'testnet4', 'signet', 'simnet', 'regtest']);
const node: z.ZodType<NodeId> = z
  .string()
  .regex(/^0[23][0-9a-f]{64}$/)
  .transform(nodeId);
const position: z.ZodType<Position> = z.object({ offset: z.number().int().nonnegative(), mark: z.string().regex(/^[0-9a-f]{0,64}$/) });

/** From the listener: first who it is. */
export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly outbox: string;
  readonly node: NodeIdentity;
  /** Its end at this moment: whatever happened before the connection was opened is before it, or in the node's record. */
  readonly head: Position;
}

/**
 * From the listener. `unknown-position`: it can't go on from there; nothing comes until another `follow`. `caught-up`: whatever the
 * node had on record has been sent, up to this position. `node-lost`: it does not reach the node, or no longer.
 */
export type FromListener =
  | Hello
  | { readonly type: 'event'; readonly event: InvoiceEvent }
  | { readonly type: 'caught-up'; readonly position: Position }
  | { readonly type: 'node-lost'; readonly reason: string }
  | { readonly type: 'unknown-position'; readonly reason: 'pruned' | 'ahead' | 'other' };

/** From who follows. `follow`: everything after a position; `kinds` left out, all of them. `ack`: everything up to it is committed. */
export type FromFollower =
  | { readonly type: 'follow'; readonly after: Position; readonly kinds?: readonly EventKind[] | undefined }
  | { readonly type: 'ack'; readonly position: Position };

const eventSchema: z.ZodType<InvoiceEvent> = z.object({
  offset: z.number().int().positive(),
  mark: z.string().regex(/^[0-9a-f]{1,64}$/),
  id: z.string().min(1).max(128),
  kind: z.enum(EVENT_KINDS),
  at: z.number(),
  invoice: eventInvoiceSchema,
  nodeCursor: z
    .string()
    .min(1)
    .transform((text) => text as SettlementCursor)
    .optional(),
});

const fromListenerSchema: z.ZodType<FromListener> = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.number().int(),
    outbox: z.string().regex(/^[0-9a-f]{32}$/),
    node: z.object({ network, nodeId: node }),
    head: position,
  }),
  z.object({ type: z.literal('event'), event: eventSchema }),
  z.object({ type: z.literal('caught-up'), position }),
  z.object({ type: z.literal('node-lost'), reason: z.string() }),
  z.object({ type: z.literal('unknown-position'), reason: z.enum(['pruned', 'ahead', 'other']) }),
]);

const fromFollowerSchema: z.ZodType<FromFollower> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('follow'), after: position, kinds: z.array(z.enum(EVENT_KINDS)).optional() }),
  z.object({ type: z.literal('ack'), position }),
]);

/** Reads a message of a listener's. @throws ListenerError `PROTOCOL`. */
export function readFromListener(text: string): FromListener {
  return read(fromListenerSchema, text);
}

/** Reads a message of a follower's. @throws ListenerError `PROTOCOL`. */
export function readFromFollower(text: string): FromFollower {
  return read(fromFollowerSchema, text);
}

function read<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ListenerError('PROTOCOL', 'a message that is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new ListenerError('PROTOCOL', `a message that is none of ours (${parsed.error.issues[0]?.path.join('.') ?? ''})`);
  return parsed.data;
}
