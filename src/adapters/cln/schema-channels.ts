import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField, nodeKey } from './schema.ts';

/** One peer of `listpeers`. */
export interface ClnPeer {
  readonly id: string;
  readonly connected: boolean;
  readonly num_channels: number;
  readonly netaddr: readonly string[];
}

/** `listpeers`. */
export const listPeersSchema: z.ZodType<{ readonly peers: readonly ClnPeer[] }> = z.object({
  peers: z.array(
    z.object({ id: nodeKey, connected: z.boolean(), num_channels: z.number().default(0), netaddr: z.array(z.string()).default([]) }),
  ),
});

/** Our side's `channel_update`. */
export interface ClnUpdate {
  readonly cltv_expiry_delta: number;
  readonly fee_base_msat: Msat;
  readonly fee_proportional_millionths: number;
}

/** One channel of `listpeerchannels`. What is not there yet while it is being opened is optional. */
export interface ClnPeerChannel {
  readonly peer_id: string;
  readonly peer_connected: boolean;
  readonly reestablished?: boolean | undefined;
  readonly state: string;
  readonly channel_id?: string | undefined;
  readonly short_channel_id?: string | undefined;
  readonly alias?: { readonly remote?: string | undefined } | undefined;
  readonly funding_txid?: string | undefined;
  readonly funding_outnum?: number | undefined;
  readonly scratch_txid?: string | undefined;
  readonly private?: boolean | undefined;
  readonly opener?: 'local' | 'remote' | undefined;
  readonly to_us_msat?: Msat | undefined;
  readonly total_msat?: Msat | undefined;
  readonly updates?: { readonly local?: ClnUpdate | undefined } | undefined;
}

/** `listpeerchannels`. */
export const listPeerChannelsSchema: z.ZodType<{ readonly channels: readonly ClnPeerChannel[] }> = z.object({
  channels: z.array(
    z.object({
      peer_id: nodeKey,
      peer_connected: z.boolean(),
      reestablished: z.boolean().optional(),
      state: z.string(),
      channel_id: hex32.optional(),
      short_channel_id: z.string().optional(),
      alias: z.object({ remote: z.string().optional() }).optional(),
      funding_txid: hex32.optional(),
      funding_outnum: z.number().optional(),
      scratch_txid: hex32.optional(),
      private: z.boolean().optional(),
      opener: z.enum(['local', 'remote']).optional(),
      to_us_msat: msatField.optional(),
      total_msat: msatField.optional(),
      updates: z
        .object({
          local: z.object({ cltv_expiry_delta: z.number(), fee_base_msat: msatField, fee_proportional_millionths: z.number() }).optional(),
        })
        .optional(),
    }),
  ),
});

/** One channel of `listclosedchannels`. */
export interface ClnClosedChannel {
  readonly peer_id?: string | undefined;
  readonly channel_id: string;
  readonly short_channel_id?: string | undefined;
  readonly funding_txid: string;
  readonly funding_outnum: number;
  readonly private: boolean;
  readonly opener?: 'local' | 'remote' | undefined;
  readonly total_msat: Msat;
  readonly final_to_us_msat: Msat;
  readonly last_commitment_txid?: string | undefined;
}

/** `listclosedchannels`. */
export const listClosedChannelsSchema: z.ZodType<{ readonly closedchannels: readonly ClnClosedChannel[] }> = z.object({
  closedchannels: z.array(
    z.object({
      peer_id: nodeKey.optional(),
      channel_id: hex32,
      short_channel_id: z.string().optional(),
      funding_txid: hex32,
      funding_outnum: z.number(),
      private: z.boolean(),
      opener: z.enum(['local', 'remote']).optional(),
      total_msat: msatField,
      final_to_us_msat: msatField,
      last_commitment_txid: hex32.optional(),
    }),
  ),
});

/** `fundchannel`. */
export const fundChannelSchema: z.ZodType<{ readonly txid: string; readonly outnum: number; readonly channel_id: string }> = z.object({
  txid: hex32,
  outnum: z.number(),
  channel_id: hex32,
});

/** `close`: one transaction id before v24.11, several since. */
export interface ClnClose {
  readonly type: 'mutual' | 'unilateral' | 'unopened';
  readonly txid?: string | undefined;
  readonly txids?: readonly string[] | undefined;
}

/** See {@link ClnClose}. */
export const closeSchema: z.ZodType<ClnClose> = z.object({
  type: z.enum(['mutual', 'unilateral', 'unopened']),
  txid: hex32.optional(),
  txids: z.array(hex32).optional(),
});

/** `setchannel`. */
export const setChannelSchema: z.ZodType<{ readonly channels: readonly { readonly channel_id: string }[] }> = z.object({
  channels: z.array(z.object({ channel_id: hex32 })),
});

/** One entry of `listforwards`. */
export interface ClnForward {
  readonly created_index?: number | undefined;
  readonly in_channel: string;
  readonly out_channel?: string | undefined;
  readonly in_msat: Msat;
  readonly out_msat?: Msat | undefined;
  readonly fee_msat?: Msat | undefined;
  readonly status: string;
  readonly received_time: number;
  readonly resolved_time?: number | undefined;
}

/** `listforwards`. */
export const listForwardsSchema: z.ZodType<{ readonly forwards: readonly ClnForward[] }> = z.object({
  forwards: z.array(
    z.object({
      created_index: z.number().optional(),
      in_channel: z.string(),
      out_channel: z.string().optional(),
      in_msat: msatField,
      out_msat: msatField.optional(),
      fee_msat: msatField.optional(),
      status: z.string(),
      received_time: z.number(),
      resolved_time: z.number().optional(),
    }),
  ),
});
