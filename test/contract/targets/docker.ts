import { dockerNetwork } from '../../../regtest/docker/docker-network.ts';
import type { NetworkRoles } from '../../../regtest/network.ts';
import type { ContractNetwork } from '../network.ts';
import { prepareNetwork } from './regtest.ts';

/** Real nodes of the given kinds, in containers. @throws Error that names what is missing. */
export async function dockerTarget(roles: NetworkRoles, backlogSize: number, progress: (line: string) => void): Promise<ContractNetwork> {
  return await prepareNetwork(await dockerNetwork(roles, { progress }), { backlogSize, progress });
}
