import type { NetworkRoles, NodeKind, RegtestNetwork } from '../../../regtest/network.ts';
import { polarNetwork } from '../../../regtest/polar/polar-network.ts';
import { polarNetworkAround } from '../../../regtest/polar/write-home.ts';
import { describe, findNetwork } from '../../../src/app/config/polar.ts';
import { PolarError, type PolarNetwork, readPolarHome } from '../../../src/app/config/polar-home.ts';
import { prepareNetwork } from './regtest.ts';
import { nodeKinds, type Target } from './target.ts';

/** Which Polar network. */
export interface PolarTargetOptions {
  /** Polar's folder; where it usually is unless given. */
  readonly home?: string | undefined;
  /** Number or name; may be left out where there is one only. */
  readonly network?: string | undefined;
  readonly backlogSize: number;
}

const IMPLEMENTATIONS: Readonly<Record<string, NodeKind>> = { LND: 'lnd', litd: 'lnd', 'c-lightning': 'cln', eclair: 'eclair' };
const ROLES = 3;

/** A network that runs in Polar. @throws PolarError that names what is not there. */
export async function polarTarget({ home, network: wanted, backlogSize }: PolarTargetOptions): Promise<Target> {
  const installation = await readPolarHome(home);
  const network = findNetwork(installation, wanted ?? onlyOne(installation.networks).id);
  const counts = new Map<string, number>();
  for (const { implementation } of network.nodes.lightning) {
    const kind = IMPLEMENTATIONS[implementation];
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const few = [...counts].filter(([, count]) => count < ROLES);
  return {
    name: `polar ${describe(network)}`,
    kinds: [...counts.keys()].filter((kind) => !few.some(([each]) => each === kind)),
    some: few.map(([kind]) => kind),
    missing: Object.fromEntries(few.map(([kind, count]) => [kind, `the network has ${count} of them, and every role needs its own`])),
    timeFactor: 3,
    open: async ({ roles, progress, backlogSize: asked = backlogSize }) => {
      const opened = await polarNetwork({ home: installation.home, network: network.id, roles: nodeKinds(roles) });
      return await prepareNetwork(opened, { backlogSize: asked, progress });
    },
  };
}

/** Networks of ours seen through a Polar home that is written for them: what reads Polar's files is tried without Polar. */
export function aroundTarget(
  inner: Target,
  open: (roles: NetworkRoles, progress: (line: string) => void) => Promise<RegtestNetwork>,
  backlogSize: number,
): Target {
  return {
    ...inner,
    name: `polar around ${inner.name}`,
    open: async ({ roles, progress, backlogSize: asked = backlogSize }) => {
      const opened = await open(nodeKinds(roles), progress);
      try {
        return await prepareNetwork(await polarNetworkAround(opened), { backlogSize: asked, progress });
      } catch (error) {
        await opened[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

function onlyOne(networks: readonly PolarNetwork[]): PolarNetwork {
  const [network, ...more] = networks;
  if (network === undefined) throw new PolarError('network', 'Polar has no network yet: make one there, and start it');
  if (more.length > 0) throw new PolarError('network', `say which with --polar-network; there are ${networks.map(describe).join(', ')}`);
  return network;
}
