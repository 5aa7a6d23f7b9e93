import { emulatedNetwork } from '../../../regtest/emulated/network.ts';
import type { NetworkRoles } from '../../../regtest/network.ts';
import type { ContractNetwork } from '../network.ts';
import { prepareNetwork } from './regtest.ts';

const BACKLOG = 300;

/** Nodes of the given kinds, emulated: the real client packages on the wire, over the simulated network. */
export async function emulatedTarget(roles: NetworkRoles, backlogSize: number = BACKLOG): Promise<ContractNetwork> {
  return await prepareNetwork(await emulatedNetwork(roles), { backlogSize });
}
