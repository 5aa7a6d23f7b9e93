import { z } from 'zod';
import { hex, int64, seconds } from './scalars.ts';

/**
 * `lnrpc.Invoice`, of which only fields that are not deprecated: `state` and the `_msat` ones. Hashes are hex, times seconds
 * since 1970 (https://lightning.engineering/api-docs/api/lnd/lightning/lookup-invoice).
 */
export interface LndInvoice {
  readonly memo: string;
  readonly r_hash: string;
  readonly value_msat: bigint;
  readonly creation_date: number;
  readonly settle_date: number;
  readonly payment_request: string;
  readonly description_hash: string;
  readonly expiry: number;
  readonly add_index: bigint;
  readonly settle_index: bigint;
  readonly amt_paid_msat: bigint;
  readonly state: 'OPEN' | 'SETTLED' | 'CANCELED' | 'ACCEPTED';
  readonly htlcs: readonly { readonly amt_msat: bigint; readonly state: string }[];
}

/** Reads {@link LndInvoice}. */
export const lndInvoice: z.ZodType<LndInvoice> = z.object({
  memo: z.string(),
  r_hash: hex,
  value_msat: int64,
  creation_date: seconds,
  settle_date: seconds,
  payment_request: z.string(),
  description_hash: hex,
  expiry: seconds,
  add_index: int64,
  settle_index: int64,
  amt_paid_msat: int64,
  state: z.enum(['OPEN', 'SETTLED', 'CANCELED', 'ACCEPTED']),
  htlcs: z.array(z.object({ amt_msat: int64, state: z.string() })),
});

/** `lnrpc.ListInvoiceResponse` */
export interface LndInvoiceList {
  readonly invoices: readonly LndInvoice[];
  readonly last_index_offset: bigint;
}

/** Reads {@link LndInvoiceList}. */
export const lndInvoiceList: z.ZodType<LndInvoiceList> = z.object({ invoices: z.array(lndInvoice), last_index_offset: int64 });

/** `lnrpc.AddInvoiceResponse` and `invoicesrpc.AddHoldInvoiceResp` */
export interface LndAddedInvoice {
  readonly payment_request: string;
  readonly add_index: bigint;
}

/** Reads {@link LndAddedInvoice}. */
export const lndAddedInvoice: z.ZodType<LndAddedInvoice> = z.object({ payment_request: z.string().min(1), add_index: int64 });

/** An answer that says nothing. */
export const nothing: z.ZodType<object> = z.object({});
