import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField } from './schema.ts';

/** One invoice of `listinvoices`, `waitanyinvoice`, `delinvoice`. */
export interface ClnInvoice {
  readonly label: string;
  readonly payment_hash: string;
  readonly status: 'unpaid' | 'paid' | 'expired';
  readonly expires_at: number;
  readonly description?: string | undefined;
  readonly amount_msat?: Msat | undefined;
  readonly bolt11?: string | undefined;
  readonly bolt12?: string | undefined;
  readonly pay_index?: number | undefined;
  readonly amount_received_msat?: Msat | undefined;
  readonly paid_at?: number | undefined;
  readonly created_index?: number | undefined;
  readonly updated_index?: number | undefined;
}

/** An invoice that is paid, with all that goes with that. */
export interface ClnPaidInvoice extends ClnInvoice {
  readonly pay_index: number;
  readonly amount_received_msat: Msat;
  readonly paid_at: number;
}

const invoice = z.object({
  label: z.string(),
  payment_hash: hex32,
  status: z.enum(['unpaid', 'paid', 'expired']),
  expires_at: z.number(),
  description: z.string().optional(),
  amount_msat: msatField.optional(),
  bolt11: z.string().optional(),
  bolt12: z.string().optional(),
  pay_index: z.number().optional(),
  amount_received_msat: msatField.optional(),
  paid_at: z.number().optional(),
  created_index: z.number().optional(),
  updated_index: z.number().optional(),
});

/** See {@link ClnInvoice}. */
export const invoiceSchema: z.ZodType<ClnInvoice> = invoice;

/** See {@link ClnPaidInvoice}. */
export const paidInvoiceSchema: z.ZodType<ClnPaidInvoice> = invoice.extend({
  pay_index: z.number(),
  amount_received_msat: msatField,
  paid_at: z.number(),
});

/** `listinvoices`. */
export const listInvoicesSchema: z.ZodType<{ readonly invoices: readonly ClnInvoice[] }> = z.object({ invoices: z.array(invoice) });

/** `invoice`: what lightningd made. */
export interface ClnCreatedInvoice {
  readonly payment_hash: string;
  readonly expires_at: number;
  readonly bolt11: string;
  readonly created_index?: number | undefined;
}

/** See {@link ClnCreatedInvoice}. */
export const createdInvoiceSchema: z.ZodType<ClnCreatedInvoice> = z.object({
  payment_hash: hex32,
  expires_at: z.number(),
  bolt11: z.string(),
  created_index: z.number().optional(),
});

/** `wait` for the invoices' `updated` index. */
export const waitUpdatedSchema: z.ZodType<{ readonly updated?: number | undefined }> = z.object({ updated: z.number().optional() });

/** Data of error 906: what the invoice is instead. */
export const statusMismatchSchema: z.ZodType<{ readonly current_status: string }> = z.object({ current_status: z.string() });
