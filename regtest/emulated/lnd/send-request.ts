import type { ReadInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { Msat } from '../../../src/core/lightning/amount.ts';

/** A request to pay, of which the simulated network can do what stands here. */
export type SendRequest = {
  readonly dest: Buffer;
  readonly amt: string;
  readonly amt_msat: string;
  readonly payment_hash: Buffer;
  readonly final_cltv_delta: number;
  readonly payment_request: string;
  readonly fee_limit_sat: string;
  readonly fee_limit_msat: string;
  readonly outgoing_chan_id: string;
  readonly outgoing_chan_ids: readonly string[];
  readonly last_hop_pubkey: Buffer;
  readonly allow_self_payment: boolean;
  readonly dest_custom_records: Readonly<Record<string, Buffer>>;
  readonly no_inflight_updates: boolean;
};

/** A payment of an invoice, read and checked. */
export interface InvoicePayment {
  readonly paymentRequest: string;
  readonly invoice: ReadInvoice;
  readonly amountMsat: Msat;
  readonly maxFeeMsat: Msat;
}
