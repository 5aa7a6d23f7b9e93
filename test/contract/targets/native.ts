import { startNativeNetwork } from '../../../regtest/native/native-network.ts';
import type { NetworkRoles, Progress } from '../../../regtest/network.ts';
import type { ContractNetwork } from '../network.ts';
import { prepareNetwork } from './regtest.ts';

/** Real nodes of the given kinds, as processes of this machine. @throws Error that names what is not installed. */
export async function nativeTarget(roles: NetworkRoles, backlogSize: number, progress?: Progress): Promise<ContractNetwork> {
  const network = await startNativeNetwork(roles, progress);
  return await prepareNetwork(network, { backlogSize, ...(progress !== undefined && { progress }) });
}
