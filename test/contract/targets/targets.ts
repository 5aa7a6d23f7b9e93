import { whatIsInstalled } from '../../../regtest/native/install.ts';
import type { NetworkRoles, NodeKind } from '../../../regtest/network.ts';
import { customTarget } from './custom.ts';
import { emulatedTarget } from './emulated.ts';
import { nativeTarget } from './native.ts';
import { simulatedTarget } from './simulated.ts';
import type { Roles, Target } from './target.ts';

const KINDS: readonly NodeKind[] = ['lnd', 'cln', 'eclair'];
const SIMULATED_BACKLOG = 3_000;
const EMULATED_BACKLOG = 1_000;
const NATIVE_BACKLOG = 2_000;

/** The networks that the package knows by name. A further one is a line here. */
export const NETWORKS: Readonly<Record<string, () => Promise<Target>>> = {
  simulated: async () => ({
    name: 'simulated',
    kinds: ['simulated'],
    missing: {},
    timeFactor: 1,
    open: ({ backlogSize = SIMULATED_BACKLOG }) => simulatedTarget({ backlogSize }),
  }),
  emulated: async () => ({
    name: 'emulated',
    kinds: KINDS,
    missing: {},
    timeFactor: 1,
    open: ({ roles, backlogSize = EMULATED_BACKLOG }) => emulatedTarget(nodeKinds(roles), backlogSize),
  }),
  native: async () => {
    const installed = whatIsInstalled();
    const missing = KINDS.filter((kind) => kind !== 'lnd' && !installed[kind]);
    return {
      name: 'native',
      kinds: KINDS.filter((kind) => !missing.includes(kind)),
      missing: Object.fromEntries(missing.map((kind) => [kind, 'not installed: its program is not on the PATH'])),
      timeFactor: 2,
      open: ({ roles, backlogSize = NATIVE_BACKLOG, progress }) => nativeTarget(nodeKinds(roles), backlogSize, progress),
    };
  },
};

/** A network by its name, or by the file that describes it. @throws Error for what is neither; ConfigError for the file. */
export async function targetOf(network: string): Promise<Target> {
  if (Object.hasOwn(NETWORKS, network)) return await (NETWORKS[network] as () => Promise<Target>)();
  if (/\.(?:ya?ml|json)$/i.test(network)) return await customTarget(network);
  throw new Error(`there is no network ${network}; there are ${Object.keys(NETWORKS).join(', ')}, or a file of nodes (.yaml)`);
}

function nodeKinds({ payer, middle, payee }: Roles): NetworkRoles {
  return { payer: nodeKind(payer), middle: nodeKind(middle), payee: nodeKind(payee) };
}

function nodeKind(kind: string): NodeKind {
  const known = KINDS.find((each) => each === kind);
  if (known === undefined) throw new Error(`there is no ${kind} here; there are ${KINDS.join(', ')}`);
  return known;
}
