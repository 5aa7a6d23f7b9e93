import { contractNetwork } from '../../../regtest/contract-network.ts';
import { emulatedNetwork } from '../../../regtest/emulated/network.ts';
import type { NetworkRoles } from '../../../regtest/network.ts';
import type { ContractNetwork } from '../network.ts';

const BACKLOG = 300;

/** Nodes of the given kinds, emulated: the real client packages on the wire, over the simulated network. */
export async function emulatedTarget(roles: NetworkRoles): Promise<ContractNetwork> {
  const network = await emulatedNetwork(roles);
  try {
    return await contractNetwork(network, { backlogSize: BACKLOG });
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}
