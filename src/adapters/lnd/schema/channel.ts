import { z } from 'zod';
import { bytes, int64 } from './scalars.ts';

/** `lnrpc.Channel`: open, its peer there or away. Amounts are satoshi. */
export interface LndChannel {
  readonly active: boolean;
  readonly remote_pubkey: string;
  readonly channel_point: string;
  readonly chan_id: string;
  readonly capacity: bigint;
  readonly local_balance: bigint;
  readonly remote_balance: bigint;
  readonly private: boolean;
  readonly initiator: boolean;
}

/** Reads `lnrpc.ListChannelsResponse`. */
export const lndChannels: z.ZodType<{ readonly channels: readonly LndChannel[] }> = z.object({
  channels: z.array(
    z.object({
      active: z.boolean(),
      remote_pubkey: z.string(),
      channel_point: z.string(),
      chan_id: z.string(),
      capacity: int64,
      local_balance: int64,
      remote_balance: int64,
      private: z.boolean(),
      initiator: z.boolean(),
    }),
  ),
});

/** `lnrpc.PendingChannelsResponse.PendingChannel`: what is common to channels that are opening or closing. Amounts are satoshi. */
export interface LndPendingChannel {
  readonly remote_node_pub: string;
  readonly channel_point: string;
  readonly capacity: bigint;
  readonly local_balance: bigint;
  readonly remote_balance: bigint;
  readonly initiator: string;
  readonly private: boolean;
}

interface ClosingChannel {
  readonly channel: LndPendingChannel;
  /** Empty while there is none. */
  readonly closing_txid: string;
}

/** `lnrpc.PendingChannelsResponse`; in force-closing ones the commitment transaction is confirmed. */
export interface LndPendingChannels {
  readonly pending_open_channels: readonly { readonly channel: LndPendingChannel }[];
  readonly waiting_close_channels: readonly ClosingChannel[];
  readonly pending_force_closing_channels: readonly ClosingChannel[];
}

const pendingChannel: z.ZodType<LndPendingChannel> = z.object({
  remote_node_pub: z.string(),
  channel_point: z.string(),
  capacity: int64,
  local_balance: int64,
  remote_balance: int64,
  initiator: z.string(),
  private: z.boolean(),
});

/** Reads {@link LndPendingChannels}. */
export const lndPendingChannels: z.ZodType<LndPendingChannels> = z.object({
  pending_open_channels: z.array(z.object({ channel: pendingChannel })),
  waiting_close_channels: z.array(z.object({ channel: pendingChannel, closing_txid: z.string() })),
  pending_force_closing_channels: z.array(z.object({ channel: pendingChannel, closing_txid: z.string() })),
});

/** `lnrpc.ChannelCloseSummary`: the close is confirmed and resolved. Amounts are satoshi. */
export interface LndClosedChannel {
  readonly channel_point: string;
  readonly chan_id: string;
  readonly closing_tx_hash: string;
  readonly remote_pubkey: string;
  readonly capacity: bigint;
  readonly settled_balance: bigint;
  readonly open_initiator: string;
}

/** Reads `lnrpc.ClosedChannelsResponse`. */
export const lndClosedChannels: z.ZodType<{ readonly channels: readonly LndClosedChannel[] }> = z.object({
  channels: z.array(
    z.object({
      channel_point: z.string(),
      chan_id: z.string(),
      closing_tx_hash: z.string(),
      remote_pubkey: z.string(),
      capacity: int64,
      settled_balance: int64,
      open_initiator: z.string(),
    }),
  ),
});

/** Reads `lnrpc.ChannelPoint`, which in an answer is always bytes, in internal order. */
export const lndChannelPoint: z.ZodType<{ readonly funding_txid_bytes: Uint8Array; readonly output_index: number }> = z.object({
  funding_txid_bytes: bytes,
  output_index: z.number(),
});

/** `lnrpc.CloseStatusUpdate`: one of the two, ids in internal order. */
export interface LndCloseUpdate {
  readonly close_pending?: { readonly txid: Uint8Array } | null | undefined;
  readonly chan_close?: { readonly closing_txid: Uint8Array } | null | undefined;
}

/** Reads {@link LndCloseUpdate}. */
export const lndCloseUpdate: z.ZodType<LndCloseUpdate> = z.object({
  close_pending: z.object({ txid: bytes }).nullish(),
  chan_close: z.object({ closing_txid: bytes }).nullish(),
});

interface LndPolicy {
  readonly time_lock_delta: number;
  readonly fee_base_msat: bigint;
  /** Millionths, whatever its name says. */
  readonly fee_rate_milli_msat: bigint;
}

const policy: z.ZodType<LndPolicy> = z.object({ time_lock_delta: z.number(), fee_base_msat: int64, fee_rate_milli_msat: int64 });

/** `lnrpc.ChannelEdge`: a channel of the graph, with what both sides ask for. */
export interface LndChannelEdge {
  readonly node1_pub: string;
  readonly node2_pub: string;
  readonly node1_policy: LndPolicy | null;
  readonly node2_policy: LndPolicy | null;
}

/** Reads {@link LndChannelEdge}. */
export const lndChannelEdge: z.ZodType<LndChannelEdge> = z.object({
  node1_pub: z.string(),
  node2_pub: z.string(),
  node1_policy: policy.nullable(),
  node2_policy: policy.nullable(),
});

/** `lnrpc.PolicyUpdateResponse` */
export interface LndPolicyUpdate {
  readonly failed_updates: readonly { readonly reason: string; readonly update_error: string }[];
}

/** Reads {@link LndPolicyUpdate}. */
export const lndPolicyUpdate: z.ZodType<LndPolicyUpdate> = z.object({
  failed_updates: z.array(z.object({ reason: z.string(), update_error: z.string() })),
});
