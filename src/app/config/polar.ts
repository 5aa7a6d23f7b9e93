import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { networkDir, PolarError, type PolarHome, type PolarNetwork, type PolarNode, portOf, readPolarHome } from './polar-home.ts';
import { suggest } from './suggest.ts';

/** `backend: { kind: polar, … }`: a node of a Polar network on this machine, whichever implementation it is. */
export interface PolarConfig {
  readonly kind: 'polar';
  /** The network's id, or its name where no other has it. */
  readonly network: string | number;
  /** The node's name in that network. */
  readonly node: string;
  /** Polar's folder; where it usually is unless given. */
  readonly home?: string | undefined;
  /** Of an LND node: which macaroon, `admin.macaroon` unless given. */
  readonly macaroon?: string | undefined;
}

/** Reads {@link PolarConfig}. */
export const polarConfigSchema: z.ZodType<PolarConfig> = z.strictObject({
  kind: z.literal('polar'),
  network: z.union([z.string().min(1), z.number().int()], { error: "the network's name or number in Polar" }),
  node: z.string().min(1),
  home: z.string().min(1).optional(),
  macaroon: z.string().min(1).optional(),
});

/** A backend's config as it would stand in a file: `{ kind: 'lnd', … }`. */
export type ResolvedBackend = Readonly<Record<string, unknown>> & { readonly kind: string };

/** What a Polar config comes down to. */
export interface ResolvedPolar {
  /** The config of the adapter for what the node runs. Holds a secret where that is eclair. */
  readonly backend: ResolvedBackend;
  /** `Polar's node alice in network 1 (dev)`, for people. */
  readonly title: string;
}

/** Polar's password of eclair's API, unless a node's command says another. */
const ECLAIR_PASSWORD = 'eclairpw';
const HOST = '127.0.0.1';

/** Looks a node up in Polar's own files. Whether it runs is not asked. @throws PolarError, naming what is there instead. */
export async function resolvePolar(config: PolarConfig): Promise<ResolvedPolar> {
  const home = await readPolarHome(config.home);
  const network = findNetwork(home, config.network);
  const node = findLightningNode(network, config.node);
  return {
    backend: backendOf(home.home, network, node, config.macaroon),
    title: `Polar's node ${node.name} in network ${describe(network)}`,
  };
}

/** A network by its id or its name. @throws PolarError when there is none, or more than one. */
export function findNetwork({ home, networks }: PolarHome, wanted: string | number): PolarNetwork {
  const matching = networks.filter(({ id, name }) =>
    typeof wanted === 'number' ? id === wanted : name === wanted || String(id) === wanted,
  );
  const [found] = matching;
  if (found !== undefined && matching.length === 1) return found;
  const list = networks.map(describe).join(', ');
  if (found !== undefined) {
    throw new PolarError(
      'network',
      `${wanted} can mean ${matching.map(describe).join(' or ')}: give the number, unquoted (there are ${list})`,
    );
  }
  if (networks.length === 0) throw new PolarError('network', `Polar at ${home} has no network yet: create one there`);
  const near = suggest(
    String(wanted),
    networks.map(({ name }) => name),
  );
  throw new PolarError(
    'network',
    `Polar at ${home} has no network ${wanted}; ${near === undefined ? `there are ${list}` : `did you mean ${near}? (there are ${list})`}`,
  );
}

/** A Lightning node of a network by its name. @throws PolarError when there is none. */
export function findLightningNode(network: PolarNetwork, name: string): PolarNode {
  const { bitcoin, lightning } = network.nodes;
  const found = lightning.find((node) => node.name === name);
  if (found !== undefined) return found;
  const list =
    lightning.length === 0
      ? 'it has no Lightning node'
      : `there are ${lightning.map((node) => `${node.name} (${node.implementation})`).join(', ')}`;
  if (bitcoin.some((node) => node.name === name)) throw new PolarError('node', `${name} is a Bitcoin node, not a Lightning node; ${list}`);
  throw new PolarError('node', `network ${describe(network)} has no Lightning node ${name}; ${list}`);
}

/** The config of a node's adapter, from the ports in the file and paths under the home. @throws PolarError. */
export function backendOf(home: string, network: PolarNetwork, node: PolarNode, macaroon?: string): ResolvedBackend {
  const volumes = join(networkDir(home, network), 'volumes');
  const { name, implementation } = node;
  if (macaroon !== undefined && implementation !== 'LND' && implementation !== 'litd') {
    throw new PolarError('macaroon', `is for nodes of LND; ${name} runs ${implementation}`);
  }
  switch (implementation) {
    case 'LND':
      return lndBackend(join(volumes, 'lnd', name), node, macaroon);
    case 'litd': {
      const lndDir = join(volumes, 'litd', name, 'lnd');
      if (!existsSync(join(lndDir, 'tls.cert'))) {
        throw new PolarError('node', `${name} runs litd and has no lnd files at ${lndDir}: start its network in Polar once`);
      }
      return lndBackend(lndDir, node, macaroon);
    }
    case 'c-lightning':
      return { kind: 'cln', network: 'regtest', socket: join(volumes, 'c-lightning', name, 'lightningd', 'regtest', 'lightning-rpc') };
    case 'eclair':
      return { kind: 'eclair', network: 'regtest', url: `http://${HOST}:${portOf(node, 'rest')}`, password: eclairPassword(node) };
    default:
      throw new PolarError('node', `${name} runs ${implementation}, which has no adapter here (LND, litd, c-lightning and eclair have)`);
  }
}

/** `1 (dev)`. */
export function describe({ id, name }: PolarNetwork): string {
  return `${id} (${name})`;
}

function lndBackend(lndDir: string, node: PolarNode, macaroon = 'admin.macaroon'): ResolvedBackend {
  return { kind: 'lnd', network: 'regtest', lndDir, host: `${HOST}:${portOf(node, 'grpc')}`, macaroon };
}

/** A command of the user's own may set another; `{{eclairPass}}` stands for Polar's. */
function eclairPassword({ docker }: PolarNode): string {
  const given = /--api\.password(?:=|\s+)(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(docker?.command ?? '');
  const password = given?.[1] ?? given?.[2] ?? given?.[3];
  return password === undefined || password === '' || /^\{\{.*\}\}$/.test(password) ? ECLAIR_PASSWORD : password;
}
