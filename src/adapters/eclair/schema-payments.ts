import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField, nodeKey, timeField, uuidSchema } from './schema.ts';

/** One hop of a route that was taken. */
export interface EclairHop {
  readonly nodeId: string;
  readonly nextNodeId: string;
  readonly shortChannelId?: string | undefined;
  /** What that hop asks for forwarding, where it is told. */
  readonly params?:
    | { readonly channelUpdate?: { readonly feeBaseMsat: Msat; readonly feeProportionalMillionths: number } | undefined }
    | undefined;
}

const hop = z.object({
  nodeId: nodeKey,
  nextNodeId: nodeKey,
  shortChannelId: z.string().optional(),
  params: z
    .object({ channelUpdate: z.object({ feeBaseMsat: msatField, feeProportionalMillionths: z.number() }).optional() })
    .optional()
    .catch(undefined),
});

/** One part of a payment that went through: what left the node, and what of it was fees. */
export interface EclairPart {
  readonly sentMsat: Msat;
  readonly feesMsat: Msat;
  readonly route: readonly EclairHop[];
  readonly settledAt: number | undefined;
}

/** Since 0.14 a part says what left with its fees; before, what arrived and the fees. */
const part: z.ZodType<EclairPart> = z.union([
  z
    .object({ amountWithFees: msatField, fees: msatField, route: z.array(hop).default([]), settledAt: timeField.optional() })
    .transform(
      ({ amountWithFees, fees, route, settledAt }): EclairPart => ({ sentMsat: amountWithFees, feesMsat: fees, route, settledAt }),
    ),
  z.object({ amount: msatField, feesPaid: msatField, route: z.array(hop).default([]), timestamp: timeField.optional() }).transform(
    ({ amount, feesPaid, route, timestamp }): EclairPart => ({
      sentMsat: (amount + feesPaid) as Msat,
      feesMsat: feesPaid,
      route,
      settledAt: timestamp,
    }),
  ),
]);

/** A payment that went through: `payinvoice` when it blocks, `audit`. */
export interface EclairPaymentSent {
  readonly type: 'payment-sent';
  readonly id: string;
  readonly paymentHash: string;
  readonly paymentPreimage: string;
  readonly recipientAmount: Msat;
  readonly recipientNodeId: string;
  readonly parts: readonly EclairPart[];
  readonly startedAt?: number | undefined;
  readonly settledAt?: number | undefined;
}

const sent = z.object({
  type: z.literal('payment-sent'),
  id: uuidSchema,
  paymentHash: hex32,
  paymentPreimage: hex32,
  recipientAmount: msatField,
  recipientNodeId: nodeKey,
  parts: z.array(part),
  startedAt: timeField.optional(),
  settledAt: timeField.optional(),
});

/** One reason in a payment that failed: a local one has a text, a remote one says whose. */
export interface EclairFailure {
  readonly t?: string | undefined;
  readonly e?: { readonly originNode?: string | undefined; readonly failureMessage?: string | undefined } | undefined;
}

/** A payment that failed for good. */
export interface EclairPaymentFailed {
  readonly type: 'payment-failed';
  readonly id: string;
  readonly paymentHash: string;
  readonly failures: readonly EclairFailure[];
}

const failed = z.object({
  type: z.literal('payment-failed'),
  id: uuidSchema,
  paymentHash: hex32,
  failures: z.array(
    z.object({
      t: z.string().optional().catch(undefined),
      e: z.object({ originNode: nodeKey.optional(), failureMessage: z.string().optional() }).optional().catch(undefined),
    }),
  ),
});

/** `payinvoice` with `blocking`. */
export const payResultSchema: z.ZodType<EclairPaymentSent | EclairPaymentFailed> = z.discriminatedUnion('type', [sent, failed]);

/** How an outgoing part stands. */
export type EclairOutgoingStatus =
  | { readonly type: 'pending' }
  | {
      readonly type: 'sent';
      readonly paymentPreimage: string;
      readonly feesPaid: Msat;
      readonly route: readonly EclairHop[];
      readonly completedAt: number;
    }
  | {
      readonly type: 'failed';
      readonly failures: readonly {
        readonly failureType: string;
        readonly failureMessage: string;
        readonly failedNode?: string | undefined;
      }[];
    };

/** One outgoing part of `getsentinfo`; those of one attempt share the parent. */
export interface EclairOutgoing {
  readonly id: string;
  readonly parentId: string;
  readonly paymentHash: string;
  readonly amount: Msat;
  readonly recipientAmount: Msat;
  readonly recipientNodeId: string;
  readonly createdAt: number;
  readonly invoice?: { readonly serialized?: string | undefined } | undefined;
  readonly status: EclairOutgoingStatus;
}

/** `getsentinfo`. */
export const sentInfoSchema: z.ZodType<readonly EclairOutgoing[]> = z.array(
  z.object({
    id: uuidSchema,
    parentId: uuidSchema,
    paymentHash: hex32,
    amount: msatField,
    recipientAmount: msatField,
    recipientNodeId: nodeKey,
    createdAt: timeField,
    invoice: z.object({ serialized: z.string().optional() }).optional(),
    status: z.discriminatedUnion('type', [
      z.object({ type: z.literal('pending') }),
      z.object({
        type: z.literal('sent'),
        paymentPreimage: hex32,
        feesPaid: msatField,
        route: z.array(hop).default([]),
        completedAt: timeField,
      }),
      z.object({
        type: z.literal('failed'),
        failures: z.array(z.object({ failureType: z.string(), failureMessage: z.string(), failedNode: nodeKey.optional() })).default([]),
      }),
    ]),
  }),
);

/** A forward of `audit`: since 0.14 by lists of what came in and went out, before by one channel each. */
export interface EclairRelayed {
  readonly type: string;
  readonly incoming: readonly { readonly channelId: string; readonly amount: Msat }[];
  readonly outgoing: readonly { readonly channelId: string; readonly amount: Msat }[];
  readonly settledAt: number;
}

const edge = z.object({ channelId: hex32, amount: msatField });

const relayed: z.ZodType<EclairRelayed> = z.union([
  z
    .object({
      type: z.string(),
      incoming: z.array(z.object({ ...edge.shape, receivedAt: timeField.optional() })),
      outgoing: z.array(z.object({ ...edge.shape, settledAt: timeField.optional() })),
      settledAt: timeField.optional(),
    })
    .transform(
      ({ type, incoming, outgoing, settledAt }): EclairRelayed => ({
        type,
        incoming,
        outgoing,
        settledAt: settledAt ?? Math.max(0, ...outgoing.map((out) => out.settledAt ?? 0)),
      }),
    ),
  z
    .object({ type: z.string(), amountIn: msatField, amountOut: msatField, fromChannelId: hex32, toChannelId: hex32, settledAt: timeField })
    .transform(
      ({ type, amountIn, amountOut, fromChannelId, toChannelId, settledAt }): EclairRelayed => ({
        type,
        incoming: [{ channelId: fromChannelId, amount: amountIn }],
        outgoing: [{ channelId: toChannelId, amount: amountOut }],
        settledAt,
      }),
    ),
]);

/** `audit`. */
export interface EclairAudit {
  readonly sent: readonly EclairPaymentSent[];
  readonly relayed: readonly EclairRelayed[];
}

/** See {@link EclairAudit}. */
export const auditSchema: z.ZodType<EclairAudit> = z.object({ sent: z.array(sent), relayed: z.array(relayed) });
