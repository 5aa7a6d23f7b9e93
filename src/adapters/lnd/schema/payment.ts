import { z } from 'zod';
import { int64 } from './scalars.ts';

/** `lnrpc.Route` */
export interface LndRoute {
  readonly hops: readonly {
    readonly chan_id: string;
    readonly pub_key: string;
    readonly amt_to_forward_msat: bigint;
    readonly fee_msat: bigint;
  }[];
  readonly total_fees_msat: bigint;
  readonly total_amt_msat: bigint;
}

const lndRoute: z.ZodType<LndRoute> = z.object({
  hops: z.array(z.object({ chan_id: z.string(), pub_key: z.string(), amt_to_forward_msat: int64, fee_msat: int64 })),
  total_fees_msat: int64,
  total_amt_msat: int64,
});

/** `lnrpc.Payment`, without its deprecated fields. */
export interface LndPayment {
  readonly payment_hash: string;
  readonly payment_preimage: string;
  readonly value_msat: bigint;
  readonly fee_msat: bigint;
  readonly payment_request: string;
  readonly status: 'UNKNOWN' | 'IN_FLIGHT' | 'SUCCEEDED' | 'FAILED' | 'INITIATED';
  readonly failure_reason: string;
  readonly creation_time_ns: bigint;
  readonly payment_index: bigint;
  readonly htlcs: readonly {
    readonly status: 'IN_FLIGHT' | 'SUCCEEDED' | 'FAILED';
    readonly resolve_time_ns: bigint;
    readonly route: LndRoute | null;
  }[];
}

/** Reads {@link LndPayment}. */
export const lndPayment: z.ZodType<LndPayment> = z.object({
  payment_hash: z.string(),
  payment_preimage: z.string(),
  value_msat: int64,
  fee_msat: int64,
  payment_request: z.string(),
  status: z.enum(['UNKNOWN', 'IN_FLIGHT', 'SUCCEEDED', 'FAILED', 'INITIATED']),
  failure_reason: z.string(),
  creation_time_ns: int64,
  payment_index: int64,
  htlcs: z.array(
    z.object({
      status: z.enum(['IN_FLIGHT', 'SUCCEEDED', 'FAILED']),
      resolve_time_ns: int64,
      route: lndRoute.nullable(),
    }),
  ),
});

/** `lnrpc.ListPaymentsResponse` */
export interface LndPaymentList {
  readonly payments: readonly LndPayment[];
  readonly last_index_offset: bigint;
}

/** Reads {@link LndPaymentList}. */
export const lndPaymentList: z.ZodType<LndPaymentList> = z.object({ payments: z.array(lndPayment), last_index_offset: int64 });

/** Reads `lnrpc.QueryRoutesResponse`. */
export const lndRoutes: z.ZodType<{ readonly routes: readonly LndRoute[] }> = z.object({ routes: z.array(lndRoute) });

/** `lnrpc.ForwardingEvent` */
export interface LndForward {
  readonly timestamp_ns: bigint;
  readonly chan_id_in: string;
  readonly chan_id_out: string;
  readonly amt_in_msat: bigint;
  readonly amt_out_msat: bigint;
  readonly fee_msat: bigint;
}

/** Reads `lnrpc.ForwardingHistoryResponse`. */
export const lndForwards: z.ZodType<{ readonly forwarding_events: readonly LndForward[]; readonly last_offset_index: number }> = z.object({
  forwarding_events: z.array(
    z.object({
      timestamp_ns: int64,
      chan_id_in: z.string(),
      chan_id_out: z.string(),
      amt_in_msat: int64,
      amt_out_msat: int64,
      fee_msat: int64,
    }),
  ),
  last_offset_index: z.number(),
});
