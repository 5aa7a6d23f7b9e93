import { balanceOf, other, sideOf, spendable } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { SimulatedNetwork } from '../../../src/adapters/simulated/network/network.ts';
import type { ChannelRecord, NodeRecord, Side } from '../../../src/adapters/simulated/network/records.ts';
import { type Edge, findRoutes, type Route } from '../../../src/adapters/simulated/network/routing.ts';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { ChannelPolicy } from '../../../src/core/lightning/channel.ts';

/** A channel from the side of one of its nodes. */
export interface OwnChannel {
  readonly record: ChannelRecord;
  readonly mine: Side;
  readonly peer: NodeRecord;
  /** The id that the peers use (BOLT 2): the funding transaction in internal order, xored with the output's index. */
  readonly channelId: string;
  readonly fundingTxId: string;
  readonly fundingOutput: number;
  readonly connected: boolean;
  readonly policy: ChannelPolicy;
  readonly remotePolicy: ChannelPolicy;
  readonly localMsat: Msat;
  readonly remoteMsat: Msat;
  readonly spendableMsat: Msat;
  readonly receivableMsat: Msat;
}

/** All channels that a node ever had, oldest first. */
export function channelsOf(network: SimulatedNetwork, node: string): readonly OwnChannel[] {
  return network.channels.of(node).map((record) => ownChannel(network, node, record));
}

function ownChannel(network: SimulatedNetwork, node: string, record: ChannelRecord): OwnChannel {
  const mine = sideOf(record, node);
  const theirs = other(mine);
  const [fundingTxId = '', output = '0'] = record.outpoint.split(':');
  return {
    record,
    mine,
    peer: network.nodes.need(record[theirs]),
    channelId: channelIdOf(fundingTxId, Number(output)),
    fundingTxId,
    fundingOutput: Number(output),
    connected: network.peers.connected(record.a, record.b),
    policy: mine === 'a' ? record.aPolicy : record.bPolicy,
    remotePolicy: mine === 'a' ? record.bPolicy : record.aPolicy,
    localMsat: balanceOf(record, mine),
    remoteMsat: balanceOf(record, theirs),
    spendableMsat: spendable(record, mine),
    receivableMsat: spendable(record, theirs),
  };
}

/** Which of the two directions of a channel begins at a node (BOLT 7): 0 at the smaller key. */
export function directionFrom(from: string, to: string): 0 | 1 {
  return from < to ? 0 : 1;
}

/** Every channel of the network, once. */
export function allChannels(network: SimulatedNetwork): readonly ChannelRecord[] {
  return network.nodes.list().flatMap(({ name }) => network.channels.of(name).filter((channel) => channel.a === name));
}

/** The routes that a payment from a node would take now, as the network plans them; undefined where there is none. */
export function routesTo(
  network: SimulatedNetwork,
  from: string,
  to: string,
  amountMsat: Msat,
  maxParts = 16,
): readonly Route[] | undefined {
  const known = (channel: ChannelRecord) => !channel.private || channel.a === from || channel.b === from;
  const edges = allChannels(network)
    .filter((channel) => known(channel) && network.channels.usable(channel))
    .flatMap((channel): Edge[] => [
      { channel: channel.outpoint, from: channel.a, to: channel.b, spendableMsat: spendable(channel, 'a'), policy: channel.aPolicy },
      { channel: channel.outpoint, from: channel.b, to: channel.a, spendableMsat: spendable(channel, 'b'), policy: channel.bPolicy },
    ]);
  return findRoutes(edges, { from, to, amountMsat: msat(amountMsat) }, maxParts);
}

/** What a route asks beside the amount. */
export function feeOf(routes: readonly Route[]): Msat {
  return msat(routes.reduce((sum, route) => sum + route.feeMsat, 0n));
}

function channelIdOf(txId: string, output: number): string {
  const bytes = Buffer.from(txId, 'hex').reverse();
  bytes.writeUInt16BE(bytes.readUInt16BE(30) ^ output, 30);
  return bytes.toString('hex');
}
