import { createHash } from 'node:crypto';
import { sideOf } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { ChannelRecord, HopRecord } from '../../../src/adapters/simulated/network/records.ts';
import { directionFrom } from '../shared/channels-of.ts';
import { CHAIN_HASH, type EclairContext, moment } from './context.ts';

/** One hop of a route as eclair's records have it. */
export interface HopView {
  readonly nodeId: string;
  readonly nextNodeId: string;
  readonly shortChannelId: string | undefined;
}

/** A number of bytes in hex that are always the same for the same text: signatures and keys that nobody checks. */
export function hexOf(text: string, bytes: number): string {
  return createHash('shake256', { outputLength: bytes }).update(text).digest('hex');
}

/** What looks like a compressed public key, always the same for the same text. */
export function keyOf(text: string): string {
  return `02${hexOf(text, 32)}`;
}

/** The `channel_update` of one side of a channel (BOLT 7). */
export function updateView(context: EclairContext, channel: ChannelRecord, from: string): Readonly<Record<string, unknown>> {
  const { network } = context;
  const isA = sideOf(channel, from) === 'a';
  const policy = isA ? channel.aPolicy : channel.bPolicy;
  const [self, other] = [network.nodes.need(from).nodeId, network.nodes.need(isA ? channel.b : channel.a).nodeId];
  const isNode1 = directionFrom(self, other) === 0;
  return {
    signature: hexOf(`update ${channel.outpoint} ${from} ${policy.baseFeeMsat} ${policy.feeRatePpm}`, 64),
    chainHash: CHAIN_HASH,
    shortChannelId: channel.shortChannelId,
    timestamp: moment(Math.floor(context.now() / 1000) * 1000),
    messageFlags: { dontForward: channel.private },
    channelFlags: { isEnabled: network.channels.usable(channel), isNode1 },
    cltvExpiryDelta: policy.cltvDelta,
    htlcMinimumMsat: 1,
    feeBaseMsat: policy.baseFeeMsat,
    feeProportionalMillionths: policy.feeRatePpm,
    htlcMaximumMsat: channel.capacityMsat - channel.capacityMsat / 100n,
    tlvStream: {},
  };
}

/** A hop in short. */
export function hopView(context: EclairContext, hop: HopRecord): HopView {
  const { network } = context;
  return {
    nodeId: network.nodes.need(hop.from).nodeId,
    nextNodeId: network.nodes.need(hop.to).nodeId,
    shortChannelId: network.channels.need(hop.from, hop.channel, 'route').shortChannelId,
  };
}

/** A hop with what it asks for forwarding. */
export function fullHopView(context: EclairContext, hop: HopRecord): Readonly<Record<string, unknown>> {
  const { nodeId, nextNodeId, shortChannelId } = hopView(context, hop);
  const channel = context.network.channels.need(hop.from, hop.channel, 'route');
  return { shortChannelId, nodeId, nextNodeId, params: { type: 'announcement', channelUpdate: updateView(context, channel, hop.from) } };
}
