import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { NodeId, ShortChannelId } from '../../../core/lightning/identifiers.ts';
import type { Channels } from './channels.ts';
import { spendable } from './htlcs.ts';
import type { ChannelRecord, Side } from './records.ts';
import type { Edge } from './routing.ts';
import type { NetworkState } from './state.ts';

/** A private channel that an invoice names. */
export interface Hint {
  readonly nodeId: NodeId;
  readonly channel: ShortChannelId;
}

/**
 * What a payer can route through: every public channel, its own private ones, and those that the invoice hints at. It knows the
 * balances too, which a real one learns by trying.
 */
export function edgesFor(state: NetworkState, channels: Channels, payer: string, hints: readonly Hint[]): readonly Edge[] {
  const hinted = new Set(hints.map((hint) => channels.byShortId(hint.channel)?.outpoint));
  const edges: Edge[] = [];
  for (const channel of state.tables.channels.values()) {
    const known = !channel.private || channel.a === payer || channel.b === payer || hinted.has(channel.outpoint);
    if (!known || !channels.usable(channel)) continue;
    edges.push(edge(channel, 'a'), edge(channel, 'b'));
  }
  return edges;
}

/** What a node could send at all, over all of its usable channels. */
export function outboundMsat(channels: Channels, node: string): Msat {
  let sum = 0n;
  for (const channel of channels.of(node)) if (channels.usable(channel)) sum += spendable(channel, channel.a === node ? 'a' : 'b');
  return msat(sum);
}

function edge(channel: ChannelRecord, side: Side): Edge {
  const [from, to, policy] = side === 'a' ? [channel.a, channel.b, channel.aPolicy] : [channel.b, channel.a, channel.bPolicy];
  return { channel: channel.outpoint, from, to, spendableMsat: spendable(channel, side), policy };
}
