import { msat } from '../../core/lightning/amount.ts';
import type { Channel, ChannelState, Forward, Peer } from '../../core/lightning/channel.ts';
import { nodeId, outpoint, shortChannelId, txId } from '../../core/lightning/identifiers.ts';
import type { ClnClosedChannel, ClnForward, ClnPeer, ClnPeerChannel } from './schema-channels.ts';

/** A peer; lightningd does not say which side connected. */
export function toPeer(peer: ClnPeer): Peer {
  return { nodeId: nodeId(peer.id), connected: peer.connected, address: peer.netaddr[0], inbound: undefined };
}

/** Whether the close of a channel is confirmed: lightningd has seen the funding output spent in a block. */
export function isCloseConfirmed(state: string): boolean {
  return state === 'FUNDING_SPEND_SEEN' || state === 'ONCHAIN';
}

/** Whether the transaction that closes a channel is out. */
export function isCloseBroadcast(state: string): boolean {
  return state === 'CLOSINGD_COMPLETE' || state === 'AWAITING_UNILATERAL' || isCloseConfirmed(state);
}

/** lightningd's states as the port has them. One that is not known is as inactive as can be told. */
export function toChannelState(channel: ClnPeerChannel): ChannelState {
  switch (channel.state) {
    case 'CHANNELD_NORMAL':
    case 'CHANNELD_AWAITING_SPLICE':
      return channel.peer_connected && channel.reestablished !== false ? 'active' : 'inactive';
    case 'CHANNELD_SHUTTING_DOWN':
    case 'CLOSINGD_SIGEXCHANGE':
    case 'CLOSINGD_COMPLETE':
    case 'AWAITING_UNILATERAL':
      return 'closing';
    case 'FUNDING_SPEND_SEEN':
    case 'ONCHAIN':
      return 'closed';
    case 'OPENINGD':
    case 'CHANNELD_AWAITING_LOCKIN':
      return 'pending';
    default:
      return channel.state.startsWith('DUALOPEND') ? 'pending' : 'inactive';
  }
}

/** A channel; undefined while it has no funding transaction yet. */
export function toChannel(channel: ClnPeerChannel): Channel | undefined {
  if (channel.funding_txid === undefined || channel.funding_outnum === undefined) return undefined;
  const total = channel.total_msat ?? msat(0n);
  const local = channel.to_us_msat ?? msat(0n);
  const scratch = channel.scratch_txid;
  return {
    outpoint: outpoint(`${channel.funding_txid}:${channel.funding_outnum}`),
    shortChannelId: channel.short_channel_id === undefined ? undefined : shortChannelId(channel.short_channel_id),
    peer: nodeId(channel.peer_id),
    state: toChannelState(channel),
    capacityMsat: total,
    localMsat: local,
    remoteMsat: msat(total > local ? total - local : 0n),
    private: channel.private ?? false,
    initiator: channel.opener === undefined ? undefined : channel.opener === 'local',
    // lightningd keeps the close it made there; that of a peer who closed alone it does not tell.
    closingTxId: scratch !== undefined && isCloseBroadcast(channel.state) ? txId(scratch) : undefined,
  };
}

/** A channel that is over; undefined where lightningd has forgotten whose it was. */
export function toClosedChannel(channel: ClnClosedChannel): Channel | undefined {
  if (channel.peer_id === undefined) return undefined;
  const total = channel.total_msat;
  const local = channel.final_to_us_msat;
  return {
    outpoint: outpoint(`${channel.funding_txid}:${channel.funding_outnum}`),
    shortChannelId: channel.short_channel_id === undefined ? undefined : shortChannelId(channel.short_channel_id),
    peer: nodeId(channel.peer_id),
    state: 'closed',
    capacityMsat: total,
    localMsat: local,
    remoteMsat: msat(total > local ? total - local : 0n),
    private: channel.private,
    initiator: channel.opener === undefined ? undefined : channel.opener === 'local',
    closingTxId: channel.last_commitment_txid === undefined ? undefined : txId(channel.last_commitment_txid),
  };
}

/** A forward that went through; undefined for one that did not. */
export function toForward(forward: ClnForward): Forward | undefined {
  if (forward.status !== 'settled' || forward.out_channel === undefined) return undefined;
  const outMsat = forward.out_msat ?? msat(forward.in_msat - (forward.fee_msat ?? 0n));
  return {
    at: Math.round((forward.resolved_time ?? forward.received_time) * 1000),
    incoming: shortChannelId(forward.in_channel),
    outgoing: shortChannelId(forward.out_channel),
    inMsat: forward.in_msat,
    outMsat,
    feeMsat: forward.fee_msat ?? msat(forward.in_msat - outMsat),
  };
}
