import { z } from 'zod';
import { MAX_MSAT, type Msat, parseMsat } from '../../../core/lightning/amount.ts';
import { nodeId, outpoint, paymentHash, preimage, shortChannelId, txId } from '../../../core/lightning/identifiers.ts';
import type { NodeCall, NodeCalls, NodeStream, NodeStreams } from './calls.ts';
import type { ControlCall, ControlCalls } from './control-calls.ts';
import type { FaultOrder } from './faults.ts';

/** An identifier of the core, read by the core's own function. */
function identifier<T>(parse: (text: string) => T): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'unreadable' });
      return z.NEVER;
    }
  });
}

/** A bigint within the process, a decimal string on the wire. */
const amount = z.union([
  identifier(parseMsat),
  z
    .bigint()
    .min(0n)
    .max(MAX_MSAT)
    .transform((value) => value as Msat),
]);
const name = z.string().min(1).max(32);
const nothing = z.strictObject({});
const byHash = z.strictObject({ paymentHash: identifier(paymentHash) });
const key = identifier(nodeId);
const channel = identifier(outpoint);
const feeRate = z.number().positive().max(10_000);
const limit = z.number().int().min(1).max(1000);
const position = z.string().max(15).regex(/^\d+$/, 'not a position of this list');
const page = z.strictObject({ after: position.optional(), limit: limit.optional() });
const timeout = z
  .number()
  .min(0)
  .max(2 ** 31 - 1);
const count = z.number().int().min(1).max(1_000_000);
const delay = z.number().min(0).max(3_600_000);
const state = <const T extends readonly [string, ...string[]]>(...names: T) => z.enum(names).optional();

type Checks<Calls, M extends keyof Calls> = Calls[M] extends { readonly params: infer Params } ? z.ZodType<Params> : never;

/** Names the type that a schema gives out; the tests hold the two together by calling every method. */
function checks<T>(schema: z.ZodType): z.ZodType<T> {
  return schema as unknown as z.ZodType<T>;
}

/** What each call to a node takes. */
export const nodeCallSchemas: { readonly [M in NodeCall]: Checks<NodeCalls, M> } = {
  info: checks(nothing),
  createInvoice: checks(
    z.strictObject({
      amountMsat: z.union([z.literal('any'), amount]),
      description: z.union([z.string(), z.strictObject({ sha256: z.string() })]),
      expirySeconds: z.number(),
      label: z.string().optional(),
      preimage: identifier(preimage).optional(),
      hold: byHash.optional(),
      privateHints: z.boolean().optional(),
      finalCltvDelta: z.number().optional(),
    }),
  ),
  lookupInvoice: checks(byHash),
  listInvoices: checks(page.extend({ state: state('open', 'held', 'settled', 'cancelled', 'expired') })),
  cancelInvoice: checks(byHash),
  settleHeld: checks(z.strictObject({ preimage: identifier(preimage) })),
  settledAfter: checks(z.strictObject({ number: z.number().int().min(0), limit: limit.optional() })),
  settledHead: checks(nothing),
  pay: checks(
    z.strictObject({
      paymentRequest: z.string().max(8192),
      amountMsat: amount.optional(),
      maxFeeMsat: amount,
      timeoutMs: timeout.optional(),
      ignoreExpiry: z.boolean().optional(),
    }),
  ),
  keysend: checks(
    z.strictObject({
      destination: key,
      amountMsat: amount,
      maxFeeMsat: amount,
      preimage: identifier(preimage),
      timeoutMs: timeout.optional(),
    }),
  ),
  lookupPayment: checks(byHash),
  listPayments: checks(page),
  connectPeer: checks(z.strictObject({ nodeId: key, port: z.number().int().min(1).max(65_535), persistent: z.boolean().optional() })),
  listPeers: checks(nothing),
  disconnectPeer: checks(z.strictObject({ nodeId: key })),
  openChannel: checks(
    z.strictObject({
      peer: key,
      localFundingMsat: amount,
      pushMsat: amount.optional(),
      private: z.boolean().optional(),
      feeRateSatPerVbyte: feeRate.optional(),
    }),
  ),
  listChannels: checks(z.strictObject({ state: state('pending', 'active', 'inactive', 'closing', 'closed') })),
  closeChannel: checks(z.strictObject({ channel, force: z.boolean().optional(), feeRateSatPerVbyte: feeRate.optional() })),
  setPolicy: checks(
    z.strictObject({
      channel: z.union([z.literal('all'), channel]),
      policy: z.strictObject({ baseFeeMsat: amount, feeRatePpm: z.number(), cltvDelta: z.number() }),
    }),
  ),
  policy: checks(z.strictObject({ channel })),
  balances: checks(nothing),
  forwards: checks(page),
  rebalance: checks(
    z.strictObject({ from: identifier(shortChannelId), to: identifier(shortChannelId), amountMsat: amount, maxFeeMsat: amount }),
  ),
  newAddress: checks(nothing),
  walletBalance: checks(nothing),
  transactions: checks(page),
  send: checks(z.strictObject({ address: z.string().max(100), amountMsat: amount, feeRateSatPerVbyte: feeRate.optional() })),
};

/** What each stream of a node takes. */
export const nodeStreamSchemas: { readonly [S in NodeStream]: z.ZodType<NodeStreams[S]['params']> } = {
  settlements: checks(z.strictObject({ after: z.number().int().min(0) })),
  closing: checks(z.strictObject({ channel })),
};

const faults: z.ZodType<FaultOrder> = checks(
  z.union([
    z.strictObject({
      kind: z.literal('settlement-events'),
      node: name,
      how: z.enum(['drop', 'repeat']),
      count,
      times: z.number().int().min(1).max(100).optional(),
    }),
    z.strictObject({ kind: z.literal('settlement-events'), node: name, how: z.literal('delay'), count, delayMs: delay }),
    z.strictObject({
      kind: z.literal('lose-reply'),
      node: name,
      method: z.enum(Object.keys(nodeCallSchemas) as [NodeCall, ...NodeCall[]]),
      count,
    }),
    z.strictObject({ kind: z.literal('refuse'), node: name, refuse: z.boolean() }),
    z.strictObject({ kind: z.literal('refuse-connections'), count }),
    z.strictObject({ kind: z.literal('restart') }),
    z.strictObject({ kind: z.literal('hop-delay'), delayMs: delay }),
    z.strictObject({ kind: z.literal('accept-late'), node: name, accept: z.boolean() }),
    z.strictObject({ kind: z.literal('clear') }),
  ]),
);

/** What each call to the network's keeper takes. */
export const controlCallSchemas: { readonly [M in ControlCall]: Checks<ControlCalls, M> } = {
  mine: checks(z.strictObject({ blocks: z.number().optional() })),
  height: checks(nothing),
  addNode: checks(z.strictObject({ name: z.string() })),
  nodes: checks(nothing),
  fund: checks(z.strictObject({ node: name, amountMsat: amount, confirm: z.boolean().optional() })),
  sendToAddress: checks(z.strictObject({ address: z.string().max(100), amountMsat: amount })),
  transaction: checks(z.strictObject({ txId: identifier(txId) })),
  openChannel: checks(
    z.strictObject({
      from: name,
      to: name,
      capacityMsat: amount,
      pushMsat: amount.optional(),
      private: z.boolean().optional(),
      confirm: z.boolean().optional(),
    }),
  ),
  stopNode: checks(z.strictObject({ node: name })),
  startNode: checks(z.strictObject({ node: name })),
  audit: checks(nothing),
  faults,
};
