import { z } from 'zod';
import type { AdapterDefinition } from '../shared/definition.ts';
import { simulatedBackend } from './backend/backend.ts';
import { simulatedCapabilities } from './backend/capabilities.ts';
import { LocalNode } from './gateway/local.ts';
import { openSimnet } from './simnet.ts';
import { defaultTopology } from './simnet-config.ts';
import { SimnetConnection, SocketNode } from './socket/client.ts';

/** `backend: { kind: simulated }`, defaults filled in. */
export interface SimulatedConfig {
  readonly kind: 'simulated';
  /** The socket of a `tickerplant simnet`; left out, the network runs in this process, with the default topology. */
  readonly socket?: string | undefined;
  /** Which node of the network this is. */
  readonly node: string;
  /** Where a network in this process keeps what it remembers; left out, in memory. */
  readonly dir?: string | undefined;
}

const configSchema: z.ZodType<SimulatedConfig> = z
  .strictObject({
    kind: z.literal('simulated'),
    socket: z.string().min(1).optional(),
    node: z.string().min(1).max(32).default('seller'),
    dir: z.string().min(1).optional(),
  })
  .refine(({ socket, dir }) => socket === undefined || dir === undefined, {
    path: ['dir'],
    message: 'a network behind a socket keeps its own directory: leave out one of socket and dir',
  });

/** The simulated backend: a Lightning network in software, in this process or behind a socket. */
export const simulated: AdapterDefinition<typeof configSchema> = {
  kind: 'simulated',
  configSchema,
  secrets: [],
  capabilities: simulatedCapabilities,
  create: async ({ socket, node, dir }, dependencies) => {
    if (socket !== undefined) return simulatedBackend(new SocketNode(new SimnetConnection(socket), node), dependencies);
    const simnet = openSimnet({ ...defaultTopology, dir }, dependencies);
    return simulatedBackend(new LocalNode(simnet.gateway, node, () => simnet[Symbol.asyncDispose]()), dependencies);
  },
};
