import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField, nodeKey, timeField } from './schema.ts';

/** An invoice as `createinvoice`, `getinvoice`, `parseinvoice` and the lists have it (BOLT 11). */
export interface EclairInvoice {
  readonly prefix: string;
  readonly timestamp: number;
  readonly nodeId: string;
  readonly serialized: string;
  readonly description?: string | undefined;
  readonly descriptionHash?: string | undefined;
  readonly paymentHash: string;
  /** Left out where it is BOLT 11's default. */
  readonly expiry: number;
  /** Left out where it is BOLT 11's default. */
  readonly minFinalCltvExpiry: number;
  readonly amount?: Msat | undefined;
  readonly routingInfo: readonly (readonly {
    readonly nodeId: string;
    readonly shortChannelId: string;
    readonly feeBase: Msat;
    readonly feeProportionalMillionths: number;
    readonly cltvExpiryDelta: number;
  }[])[];
}

const bolt11 = z.object({
  prefix: z.string(),
  timestamp: z.number(),
  nodeId: nodeKey,
  serialized: z.string(),
  description: z.string().optional(),
  descriptionHash: hex32.optional(),
  paymentHash: hex32,
  expiry: z.number().default(3600),
  minFinalCltvExpiry: z.number().default(18),
  amount: msatField.optional(),
  routingInfo: z
    .array(
      z.array(
        z.object({
          nodeId: nodeKey,
          shortChannelId: z.string(),
          feeBase: msatField,
          feeProportionalMillionths: z.number(),
          cltvExpiryDelta: z.number(),
        }),
      ),
    )
    .default([]),
});

/** A BOLT 12 invoice has no prefix; without that a broken one of BOLT 11 would pass for it. */
const bolt12 = z.object({
  paymentHash: hex32,
  prefix: z.undefined().optional(),
  amount: msatField.optional(),
  expiresAt: z.number().optional(),
});

/** See {@link EclairInvoice}. */
export const invoiceSchema: z.ZodType<EclairInvoice> = bolt11;

/** `listinvoices`, `listpendinginvoices`. BOLT 12 ones, which are none of ours, are kept out. */
export const invoicesSchema: z.ZodType<readonly EclairInvoice[]> = z
  .array(z.union([bolt11, bolt12.transform(() => undefined)]))
  .transform((invoices) => invoices.filter((invoice) => invoice !== undefined));

/** How an invoice stands. */
export type EclairReceivedStatus =
  | { readonly type: 'pending' }
  | { readonly type: 'expired' }
  | { readonly type: 'received'; readonly amount: Msat; readonly receivedAt: number };

/** An invoice of ours with its status: `getreceivedinfo`, `listreceivedpayments`. */
export interface EclairReceived {
  /** Of a BOLT 12 one, what it has in common with the others. */
  readonly invoice:
    | EclairInvoice
    | { readonly paymentHash: string; readonly amount?: Msat | undefined; readonly expiresAt?: number | undefined };
  readonly paymentType: string;
  readonly createdAt: number;
  readonly status: EclairReceivedStatus;
}

const received = z.object({
  invoice: z.union([bolt11, bolt12]),
  paymentType: z.string(),
  createdAt: timeField,
  status: z.discriminatedUnion('type', [
    z.object({ type: z.literal('pending') }),
    z.object({ type: z.literal('expired') }),
    z.object({ type: z.literal('received'), amount: msatField, receivedAt: timeField }),
  ]),
});

/** `getreceivedinfo`. */
export const receivedSchema: z.ZodType<EclairReceived> = received;

/** `listreceivedpayments`. */
export const receivedListSchema: z.ZodType<readonly EclairReceived[]> = z.array(received);

/** The one event of `/ws` that settlements care about. */
export interface EclairReceivedEvent {
  readonly type: 'payment-received';
  readonly paymentHash: string;
}

/** See {@link EclairReceivedEvent}. */
export const receivedEventSchema: z.ZodType<EclairReceivedEvent> = z.object({ type: z.literal('payment-received'), paymentHash: hex32 });
