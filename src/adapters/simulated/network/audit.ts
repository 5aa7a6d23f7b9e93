import { inFlight } from './htlcs.ts';
import type { NetworkState } from './state.ts';

/** Where all the money is. The parts add up to what was mined, always. All in msat. */
export interface Audit {
  readonly minedMsat: bigint;
  /** With the miner: subsidies not given away, and fees. */
  readonly minerMsat: bigint;
  /** In the nodes' wallets, confirmed. */
  readonly walletsMsat: bigint;
  /** In transactions that wait for a block or for their delay, their fees included. */
  readonly onTheWayMsat: bigint;
  /** In channels, as balances of their two sides. */
  readonly channelsMsat: bigint;
  /** In channels, in HTLCs. */
  readonly inFlightMsat: bigint;
  /** Sent to addresses outside of the network. */
  readonly outsideMsat: bigint;
}

/** Counts all the money there is. */
export function audit({ tables }: NetworkState): Audit {
  const chain = tables.chain.get('chain');
  let [walletsMsat, onTheWayMsat, channelsMsat, inFlightMsat] = [0n, 0n, 0n, 0n];
  for (const node of tables.nodes.values()) walletsMsat += node.walletMsat;
  for (const transaction of tables.transactions.values()) {
    if (transaction.height === undefined) onTheWayMsat += transaction.feeMsat;
    for (const output of transaction.outputs) if (!output.paid && output.to !== 'channel') onTheWayMsat += output.amountMsat;
  }
  for (const channel of tables.channels.values()) {
    if (channel.state === 'closing' || channel.state === 'closed') continue;
    channelsMsat += channel.aMsat + channel.bMsat;
    inFlightMsat += inFlight(channel);
  }
  const { minedMsat = 0n, minerMsat = 0n, externalMsat: outsideMsat = 0n } = chain ?? {};
  return { minedMsat, minerMsat, walletsMsat, onTheWayMsat, channelsMsat, inFlightMsat, outsideMsat };
}

/** The sum of an audit's parts, to be compared with what was mined. */
export function auditedMsat(parts: Audit): bigint {
  return parts.minerMsat + parts.walletsMsat + parts.onTheWayMsat + parts.channelsMsat + parts.inFlightMsat + parts.outsideMsat;
}
