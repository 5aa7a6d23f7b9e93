import { KINDS, nodeKinds, type Target } from './target.ts';

/** What goes with the name of a network. */
export interface NetworkOptions {
  /** For `polar`: its folder, and which of its networks. */
  readonly polarHome?: string | undefined;
  readonly polarNetwork?: string | undefined;
  /** For `polar`: no Polar, but a home that is written around one of our own. */
  readonly around?: 'emulated' | 'native' | undefined;
}

const SIMULATED_BACKLOG = 3_000;
const EMULATED_BACKLOG = 1_000;
const REAL_BACKLOG = 1_000;
const POLAR_BACKLOG = 200;

/** The networks that are known by name, each loaded when it is asked for. A further one is an entry here. */
export const NETWORKS: Readonly<Record<string, (options: NetworkOptions) => Promise<Target>>> = {
  simulated: async () => ({
    name: 'simulated',
    kinds: ['simulated'],
    missing: {},
    timeFactor: 1,
    open: async ({ backlogSize = SIMULATED_BACKLOG }) => await (await import('./simulated.ts')).simulatedTarget({ backlogSize }),
  }),
  emulated: async () => ({
    name: 'emulated',
    kinds: KINDS,
    missing: {},
    timeFactor: 1,
    open: async ({ roles, backlogSize = EMULATED_BACKLOG }) =>
      await (await import('./emulated.ts')).emulatedTarget(nodeKinds(roles), backlogSize),
  }),
  native: async () => {
    const installed = (await import('../../../regtest/native/install.ts')).whatIsInstalled();
    // lnd is built where it is not there.
    const missing = KINDS.filter((kind) => kind !== 'lnd' && !installed[kind]);
    return {
      name: 'native',
      kinds: KINDS.filter((kind) => !missing.includes(kind)),
      missing: Object.fromEntries(missing.map((kind) => [kind, 'not installed: its program is not on the PATH'])),
      timeFactor: 2,
      open: async ({ roles, backlogSize = REAL_BACKLOG, progress }) =>
        await (await import('./native.ts')).nativeTarget(nodeKinds(roles), backlogSize, progress),
    };
  },
  docker: async () => ({
    name: 'docker',
    kinds: KINDS,
    missing: {},
    timeFactor: 3,
    open: async ({ roles, backlogSize = REAL_BACKLOG, progress }) =>
      await (await import('./docker.ts')).dockerTarget(nodeKinds(roles), backlogSize, progress),
  }),
  polar: async ({ polarHome: home, polarNetwork: network, around }) => {
    const { aroundTarget, polarTarget } = await import('./polar.ts');
    if (around === undefined) return await polarTarget({ home, network, backlogSize: POLAR_BACKLOG });
    const inner = await targetOf(around);
    if (around === 'native') {
      const { startNativeNetwork } = await import('../../../regtest/native/native-network.ts');
      return aroundTarget(inner, startNativeNetwork, POLAR_BACKLOG);
    }
    const { emulatedNetwork } = await import('../../../regtest/emulated/network.ts');
    return aroundTarget(inner, (roles) => emulatedNetwork(roles), POLAR_BACKLOG);
  },
};

/** A network by its name, or by the file that describes it. @throws Error for what is neither; ConfigError for the file. */
export async function targetOf(network: string, options: NetworkOptions = {}): Promise<Target> {
  if (Object.hasOwn(NETWORKS, network)) return await (NETWORKS[network] as (typeof NETWORKS)[string])(options);
  if (/\.(?:ya?ml|json)$/i.test(network)) return await (await import('./custom.ts')).customTarget(network);
  throw new Error(`there is no network ${network}; there are ${Object.keys(NETWORKS).join(', ')}, or a file of nodes (.yaml)`);
}
