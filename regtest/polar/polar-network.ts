import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { backendOf, describe, findLightningNode, findNetwork } from '../../src/app/config/polar.ts';
import { containerOf, PolarError, type PolarNetwork, type PolarNode, portOf, readPolarHome } from '../../src/app/config/polar-home.ts';
import { type AttachedNodeParts, attachNetwork } from '../attached-network.ts';
import { BitcoinRpc } from '../bitcoin-rpc.ts';
import type { NetworkRoles, NodeConfig, NodeKind, NodeRole, RegtestNetwork } from '../network.ts';
import type { PolarControl } from './docker-control.ts';
import { dockerControl } from './docker-control.ts';

/** Which Polar network to attach to, and who is who in it. */
export interface PolarNetworkOptions {
  /** Polar's folder; where it usually is unless given. */
  readonly home?: string;
  /** The network's number, or its name where no other has it. */
  readonly network: string | number;
  /** Node names by role; a role left out is given the first node of its kind that is left. */
  readonly nodes?: Partial<Readonly<Record<NodeRole, string>>>;
  /** Kinds by role, for the roles that are not named; any kind unless given. */
  readonly roles?: NetworkRoles;
  /** How the nodes reach each other: as containers by name (Polar's own), or at the ports that the file has, all on this machine. */
  readonly reach?: 'container' | 'loopback';
  /** What stops and starts a node; docker unless given. */
  readonly control?: PolarControl;
}

/** Polar's own login of every bitcoind. */
export const POLAR_BITCOIND = { user: 'polaruser', password: 'polarpass' } as const;
const HOST = '127.0.0.1';
const CONTAINER_PORT = 9735;
const ROLES = ['payer', 'middle', 'payee'] as const;

/**
 * Attaches to a Polar network that has been started in Polar, and waits until its nodes answer. Disposing of it leaves the
 * network running.
 * @throws Error, PolarError, naming what is not there.
 */
export async function polarNetwork(options: PolarNetworkOptions): Promise<RegtestNetwork> {
  const { home, networks } = await readPolarHome(options.home);
  const network = findNetwork({ home, networks }, options.network);
  const bitcoin = await bitcoinOf(network);
  const control = options.control ?? dockerControl();
  const nodes = [...rolesOf(network, options)].map(([role, node]): AttachedNodeParts => {
    const config: NodeConfig = backendOf(home, network, node);
    const container = containerOf(network, node);
    return {
      role,
      kind: config.kind as NodeKind,
      config,
      invoiceOnlyConfig: invoiceOnly(config),
      address: options.reach === 'loopback' ? { host: HOST, port: portOf(node, 'p2p') } : { host: node.name, port: CONTAINER_PORT },
      control: { stop: () => control.stop(container), start: () => control.start(container) },
    };
  });
  return await attachNetwork({ kind: 'polar', bitcoin, nodes, dispose: async () => undefined });
}

async function bitcoinOf(network: PolarNetwork): Promise<BitcoinRpc> {
  const node = network.nodes.bitcoin.find(({ implementation }) => implementation === 'bitcoind');
  if (node === undefined) throw new PolarError('network', `network ${describe(network)} has no bitcoind to mine with`);
  const login = { url: `http://${HOST}:${portOf(node, 'rpc')}`, ...POLAR_BITCOIND };
  try {
    // Polar's own wallet is the one without a name.
    const [wallet = ''] = (await new BitcoinRpc({ ...login, wallet: '' }).call<string[]>('listwallets', [], false)).toSorted();
    const rpc = new BitcoinRpc({ ...login, wallet });
    await rpc.prepareWallet();
    return rpc;
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    throw new Error(
      `Polar's ${node.name} of network ${describe(network)} does not answer at ${login.url} (${cause}): start the network in Polar`,
      { cause: error },
    );
  }
}

/** Named nodes first, then the first of each kind in the file's order. */
function rolesOf(network: PolarNetwork, { nodes = {}, roles }: PolarNetworkOptions): Map<NodeRole, PolarNode> {
  const chosen = new Map<NodeRole, PolarNode>();
  for (const role of ROLES) {
    const name = nodes[role];
    if (name !== undefined) chosen.set(role, findLightningNode(network, name));
  }
  for (const role of ROLES.filter((each) => !chosen.has(each))) {
    const kind = roles === undefined ? undefined : (roles[role] ?? roles.payer);
    const taken = [...chosen.values()];
    const node = network.nodes.lightning.find(
      (each) => !taken.includes(each) && (kind === undefined ? kindOf(each) !== undefined : kindOf(each) === kind),
    );
    if (node === undefined) {
      const there = network.nodes.lightning.map((each) => `${each.name} (${each.implementation})`).join(', ');
      throw new PolarError(
        'node',
        `network ${describe(network)} has no ${kind ?? 'Lightning'} node left for the ${role}; there are ${there}`,
      );
    }
    chosen.set(role, node);
  }
  return new Map(ROLES.map((role) => [role, chosen.get(role) as PolarNode]));
}

function kindOf({ implementation }: PolarNode): NodeKind | undefined {
  const kinds: Readonly<Record<string, NodeKind>> = { LND: 'lnd', litd: 'lnd', 'c-lightning': 'cln', eclair: 'eclair' };
  return kinds[implementation];
}

function invoiceOnly(config: NodeConfig): NodeConfig | undefined {
  if (config.kind !== 'lnd') return undefined;
  const macaroon = 'invoice.macaroon';
  return existsSync(join(String(config['lndDir']), 'data/chain/bitcoin/regtest', macaroon)) ? { ...config, macaroon } : undefined;
}
