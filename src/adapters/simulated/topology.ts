import { sat } from '../../core/lightning/amount.ts';
import type { SimulatedNetwork } from './network/network.ts';
import type { Topology } from './simnet-config.ts';

/** More than a funding transaction costs. */
const CHANNEL_FEE_SAT = 1_000n;

/**
 * Gives a network its first nodes, coins and confirmed channels, as one step; one that has been begun gets only the nodes that
 * it lacks (with coins), so that a restart creates nothing anew.
 */
export function populate(network: SimulatedNetwork, topology: Topology): void {
  network.atomically(() => {
    const isNew = network.nodes.list().length === 0;
    const missing = topology.nodes.filter((name) => network.nodes.find(name) === undefined);
    if (missing.length === 0) return;
    for (const name of missing) {
      network.nodes.add(name);
      const inChannels = isNew ? topology.channels.filter(({ from }) => from === name) : [];
      const needed = inChannels.reduce((sum, channel) => sum + BigInt(channel.sat) + CHANNEL_FEE_SAT, BigInt(topology.walletSat));
      if (needed > 0n) network.fund(name, sat(needed));
    }
    network.chain.mine(1);
    if (!isNew || topology.channels.length === 0) return;
    for (const channel of topology.channels) {
      network.openChannel({
        from: channel.from,
        to: channel.to,
        capacityMsat: sat(channel.sat),
        pushMsat: sat(channel.pushSat),
        private: channel.private,
      });
      network.peers.join(channel.from, channel.to, true);
    }
    network.chain.mine(topology.confirmations);
  });
}
