import { msat, sat } from '../../../core/lightning/amount.ts';
import type { Channel, ChannelPolicy, ChannelState } from '../../../core/lightning/channel.ts';
import { type NodeId, nodeId, outpoint, type TxId, txId } from '../../../core/lightning/identifiers.ts';
import type { LndChannel, LndChannelEdge, LndClosedChannel, LndPendingChannel } from '../schema/channel.ts';
import { toShortChannelId } from './short-channel-id.ts';

/** A channel that is open, its peer there or away. */
export function toOpenChannel(channel: LndChannel): Channel {
  return {
    outpoint: outpoint(channel.channel_point),
    shortChannelId: toShortChannelId(channel.chan_id),
    peer: nodeId(channel.remote_pubkey),
    state: channel.active ? 'active' : 'inactive',
    capacityMsat: sat(channel.capacity),
    localMsat: sat(channel.local_balance),
    remoteMsat: sat(channel.remote_balance),
    private: channel.private,
    initiator: channel.initiator,
    closingTxId: undefined,
  };
}

/** A channel whose funding or closing transaction is on its way, or whose forced close waits for its time locks. */
export function toPendingChannel(channel: LndPendingChannel, state: ChannelState, closingTxId = ''): Channel {
  return {
    outpoint: outpoint(channel.channel_point),
    shortChannelId: undefined,
    peer: nodeId(channel.remote_node_pub),
    state,
    capacityMsat: sat(channel.capacity),
    localMsat: sat(channel.local_balance),
    remoteMsat: sat(channel.remote_balance),
    private: channel.private,
    initiator: toInitiator(channel.initiator),
    closingTxId: toClosingTxId(closingTxId),
  };
}

/** A channel that is gone. lnd no longer tells the peer's part, nor whether it was private. */
export function toClosedChannel(channel: LndClosedChannel): Channel {
  return {
    outpoint: outpoint(channel.channel_point),
    shortChannelId: toShortChannelId(channel.chan_id),
    peer: nodeId(channel.remote_pubkey),
    state: 'closed',
    capacityMsat: sat(channel.capacity),
    localMsat: sat(channel.settled_balance),
    remoteMsat: sat(0),
    private: false,
    initiator: toInitiator(channel.open_initiator),
    closingTxId: toClosingTxId(channel.closing_tx_hash),
  };
}

/** The policy of `node` for a channel; undefined where it is not known yet. */
export function toPolicy(edge: LndChannelEdge, node: NodeId): ChannelPolicy | undefined {
  const policy = edge.node1_pub === node ? edge.node1_policy : edge.node2_pub === node ? edge.node2_policy : null;
  if (policy === null) return undefined;
  return {
    baseFeeMsat: msat(policy.fee_base_msat),
    feeRatePpm: Number(policy.fee_rate_milli_msat),
    cltvDelta: policy.time_lock_delta,
  };
}

function toInitiator(initiator: string): boolean | undefined {
  if (initiator === 'INITIATOR_LOCAL') return true;
  return initiator === 'INITIATOR_REMOTE' ? false : undefined;
}

const NO_TRANSACTION = /^0*$/;

function toClosingTxId(text: string): TxId | undefined {
  return NO_TRANSACTION.test(text) ? undefined : txId(text);
}
