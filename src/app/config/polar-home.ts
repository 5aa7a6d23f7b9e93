import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** What of a Polar config is wrong with regard to what the Polar installation has: which field, and what is there instead. */
export class PolarError extends Error {
  override readonly name = 'PolarError';
  readonly field: 'home' | 'network' | 'node' | 'macaroon';

  constructor(field: PolarError['field'], message: string) {
    super(message);
    this.field = field;
  }
}

/** A node as Polar's file has it. Its name is a folder's, too. */
export interface PolarNode {
  readonly id?: number | undefined;
  readonly name: string;
  /** `LND`, `c-lightning`, `eclair`, `litd`, `bitcoind`, and whatever comes. */
  readonly implementation: string;
  readonly version?: string | undefined;
  /** Chosen by Polar when it starts the network; 0 or absent where there is none. */
  readonly ports: Readonly<Record<string, unknown>>;
  readonly docker?: { readonly image?: string | undefined; readonly command?: string | undefined } | undefined;
}

/** A network as Polar's file has it. What the file says of running or not is not believed, nor its absolute paths. */
export interface PolarNetwork {
  readonly id: number;
  readonly name: string;
  readonly nodes: { readonly bitcoin: readonly PolarNode[]; readonly lightning: readonly PolarNode[] };
}

/** A Polar installation: its folder, and the networks in it. */
export interface PolarHome {
  readonly home: string;
  readonly networks: readonly PolarNetwork[];
}

const node: z.ZodType<PolarNode> = z.object({
  id: z.number().optional(),
  name: z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'a name that can be a folder'),
  implementation: z.string(),
  version: z.string().optional(),
  ports: z.record(z.string(), z.unknown()).default({}),
  docker: z.object({ image: z.string().optional(), command: z.string().optional() }).optional(),
});

const networksFile: z.ZodType<{ readonly networks: readonly PolarNetwork[] }> = z.object({
  networks: z.array(
    z.object({
      id: z.number().int(),
      name: z.string(),
      nodes: z.object({ bitcoin: z.array(node).default([]), lightning: z.array(node).default([]) }),
    }),
  ),
});

/** The folders that Polar keeps its networks in, the likeliest first. */
export function usualPolarHomes(userHome: string = homedir()): readonly string[] {
  return [join(userHome, '.local', 'share', 'polar'), join(userHome, '.polar')];
}

/** The networks of a Polar installation, at `home` or where it usually is. @throws PolarError. */
export async function readPolarHome(home?: string, userHome: string = homedir()): Promise<PolarHome> {
  const found = home === undefined ? findHome(userHome) : expand(home, userHome);
  const file = join(found, 'networks', 'networks.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      throw new PolarError('home', `there is no ${file}: name the folder of Polar that has networks/networks.json in it`);
    }
    throw new PolarError('home', `${file} can't be read (${error.code ?? 'unknown error'})`);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new PolarError('home', `${file} is not JSON: was Polar ended while it wrote it?`);
  }
  const parsed = networksFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PolarError(
      'home',
      `${file} is not as Polar writes it, at ${issue?.path.join('.') || 'its top'}: ${issue?.message ?? 'it does not fit'}`,
    );
  }
  return { home: found, networks: parsed.data.networks };
}

/** The folder of a network's files, derived anew: the absolute path in Polar's file is of where the folder was once. */
export function networkDir(home: string, network: PolarNetwork): string {
  return join(home, 'networks', String(network.id));
}

/** A port of a node. @throws PolarError when the file has none, since the network was never started. */
export function portOf(node: PolarNode, name: string): number {
  const port = node.ports[name];
  if (typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new PolarError('node', `Polar has no ${name} port for ${node.name}: start its network in Polar once`);
}

/** The name of a node's container. */
export function containerOf(network: PolarNetwork, node: PolarNode): string {
  return `polar-n${network.id}-${node.name}`;
}

function findHome(userHome: string): string {
  const homes = usualPolarHomes(userHome);
  const found = homes.find((each) => existsSync(join(each, 'networks', 'networks.json'))) ?? homes.find((each) => existsSync(each));
  if (found !== undefined) return found;
  throw new PolarError('home', `there is no Polar installation at ${homes.join(' or ')}: start Polar once, or name its folder`);
}

function expand(home: string, userHome: string): string {
  return home === '~' || home.startsWith('~/') ? join(userHome, home.slice(1)) : home;
}
