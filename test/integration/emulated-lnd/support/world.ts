import { EmulatedLnd } from '../../../../regtest/emulated/lnd/server.ts';
import { type EmulatedNetwork, type EmulatedOptions, emulatedNetwork } from '../../../../regtest/emulated/network.ts';
import type { NodeRole } from '../../../../regtest/network.ts';
import { sat } from '../../../../src/core/lightning/amount.ts';
import type { Outpoint } from '../../../../src/core/lightning/identifiers.ts';

/** Three emulated lnds, with channels payer – middle – payee that were made without any backend. */
export async function lndWorld(options: EmulatedOptions = {}): Promise<{ readonly network: EmulatedNetwork; readonly first: Outpoint }> {
  const network = await emulatedNetwork({ payer: 'lnd' }, options);
  const { simulated } = network;
  for (const { name } of network.nodes) simulated.fund(name, sat(20_000_000));
  simulated.chain.mine(1);
  const channel = { capacityMsat: sat(5_000_000), pushMsat: sat(1_000_000), private: false };
  const first = simulated.openChannel({ from: 'alice', to: 'bob', ...channel });
  simulated.openChannel({ from: 'bob', to: 'carol', ...channel });
  simulated.chain.mine(6);
  return { network, first: first.outpoint };
}

/** The server of a role. */
export function lndOf(network: EmulatedNetwork, role: NodeRole): EmulatedLnd {
  const { server } = network.node(role);
  if (!(server instanceof EmulatedLnd)) throw new Error(`${role} is no lnd`);
  return server;
}
