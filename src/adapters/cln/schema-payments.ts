import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField, nodeKey } from './schema.ts';

const status = z.enum(['pending', 'complete', 'failed']);

/** `xpay` and `xkeysend`; `pay`, which says the status too. */
export interface ClnPaid {
  readonly payment_preimage?: string | undefined;
  readonly amount_msat: Msat;
  readonly amount_sent_msat: Msat;
  readonly status?: 'pending' | 'complete' | 'failed' | undefined;
}

/** See {@link ClnPaid}. */
export const paidSchema: z.ZodType<ClnPaid> = z.object({
  payment_preimage: hex32.optional(),
  amount_msat: msatField,
  amount_sent_msat: msatField,
  status: status.optional(),
});

/** One part of an outgoing payment, of `listsendpays`, `sendonion` and `waitsendpay`. */
export interface ClnSendPay {
  readonly created_index?: number | undefined;
  readonly groupid?: number | undefined;
  readonly payment_hash: string;
  readonly status: 'pending' | 'complete' | 'failed';
  readonly amount_msat?: Msat | undefined;
  readonly amount_sent_msat: Msat;
  readonly destination?: string | undefined;
  readonly created_at: number;
  readonly completed_at?: number | undefined;
  readonly payment_preimage?: string | undefined;
  readonly bolt11?: string | undefined;
  readonly bolt12?: string | undefined;
}

/** See {@link ClnSendPay}. */
export const sendPaySchema: z.ZodType<ClnSendPay> = z.object({
  created_index: z.number().optional(),
  groupid: z.number().optional(),
  payment_hash: hex32,
  status,
  amount_msat: msatField.optional(),
  amount_sent_msat: msatField,
  destination: nodeKey.optional(),
  created_at: z.number(),
  completed_at: z.number().optional(),
  payment_preimage: hex32.optional(),
  bolt11: z.string().optional(),
  bolt12: z.string().optional(),
});

/** `listsendpays`. */
export const listSendPaysSchema: z.ZodType<{ readonly payments: readonly ClnSendPay[] }> = z.object({ payments: z.array(sendPaySchema) });

/** One payment of `listpays`: the parts of one attempt together. */
export interface ClnPay {
  readonly payment_hash: string;
  readonly status: 'pending' | 'complete' | 'failed';
  readonly created_at: number;
  readonly completed_at?: number | undefined;
  readonly amount_msat?: Msat | undefined;
  readonly amount_sent_msat?: Msat | undefined;
  readonly preimage?: string | undefined;
  readonly bolt11?: string | undefined;
}

/** `listpays`. */
export const listPaysSchema: z.ZodType<{ readonly pays: readonly ClnPay[] }> = z.object({
  pays: z.array(
    z.object({
      payment_hash: hex32,
      status,
      created_at: z.number(),
      completed_at: z.number().optional(),
      amount_msat: msatField.optional(),
      amount_sent_msat: msatField.optional(),
      preimage: hex32.optional(),
      bolt11: z.string().optional(),
    }),
  ),
});

/** One hop of a route of `getroutes`: with the fields of v26.06, and those of before. */
export interface ClnRouteHop {
  readonly short_channel_id_dir: string;
  readonly node_id_out?: string | undefined;
  readonly next_node_id?: string | undefined;
  readonly amount_out_msat?: Msat | undefined;
  readonly amount_msat?: Msat | undefined;
  readonly cltv_out?: number | undefined;
  readonly delay?: number | undefined;
}

/** One route of `getroutes`. */
export interface ClnRoute {
  readonly amount_msat: Msat;
  readonly final_cltv: number;
  readonly path: readonly ClnRouteHop[];
}

/** `getroutes`. */
export const getRoutesSchema: z.ZodType<{ readonly routes: readonly ClnRoute[] }> = z.object({
  routes: z.array(
    z.object({
      amount_msat: msatField,
      final_cltv: z.number(),
      path: z.array(
        z.object({
          short_channel_id_dir: z.string(),
          node_id_out: nodeKey.optional(),
          next_node_id: nodeKey.optional(),
          amount_out_msat: msatField.optional(),
          amount_msat: msatField.optional(),
          cltv_out: z.number().optional(),
          delay: z.number().optional(),
        }),
      ),
    }),
  ),
});

/** `createonion`. */
export const createOnionSchema: z.ZodType<{ readonly onion: string; readonly shared_secrets: readonly string[] }> = z.object({
  onion: z.string(),
  shared_secrets: z.array(hex32),
});
