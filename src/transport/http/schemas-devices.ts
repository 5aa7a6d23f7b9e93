import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { amountText } from '../shared/device-requests.ts';

const amount = z.string().regex(/^\d+$/).describe('Millisatoshi.');
const time = z.string().describe('ISO 8601 in UTC.');
const count = z.int().min(0);

/** An amount in a body. */
export const amountInBody: z.ZodType<Msat | undefined, string | undefined> = amountText;

const counters = z.looseObject({ invoices: count, settled: count, receivedMsat: amount, acknowledged: count });

/** A device. */
export const deviceSchema: z.ZodType = z.looseObject({
  device: z.string(),
  name: z.string(),
  items: z.array(z.string()).optional(),
  minMsat: amount.optional(),
  maxMsat: amount.optional(),
  quotesPerHour: count.optional(),
  until: time.optional(),
  counters,
});

/** An invoice of a device's. */
export const deviceInvoiceSchema: z.ZodType = z.looseObject({
  quote: z.string(),
  state: z.enum(['open', 'settled', 'expired', 'withdrawn']),
  item: z.string(),
  amountMsat: amount,
  invoice: z.string().describe('BOLT 11.'),
  paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
  expiresAt: time,
});

/** Payments of a device's. */
export const deviceSettlementsSchema: z.ZodType = z.looseObject({
  settlements: z.array(
    z.looseObject({
      settlement: z.string().describe('The same whenever it is told.'),
      quote: z.string(),
      item: z.string(),
      kind: z.enum(['paid', 'underpaid', 'duplicate']),
      late: z.boolean(),
      amountMsat: amount,
      receivedMsat: amount,
      paymentHash: z.string(),
      settledAt: time,
    }),
  ),
});

/** What was acknowledged. */
export const acknowledgementSchema: z.ZodType = z.looseObject({ settlements: z.array(z.string()), counters });
