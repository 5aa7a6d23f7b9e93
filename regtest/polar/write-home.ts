import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clnConfigSchema } from '../../src/adapters/cln/config.ts';
import { socketPath } from '../../src/adapters/cln/socket-path.ts';
import { eclairConfigSchema } from '../../src/adapters/eclair/config.ts';
import { readEndpoint } from '../../src/adapters/eclair/endpoint.ts';
import { lndConfigSchema, type Source, toConnection } from '../../src/adapters/lnd/client/config.ts';
import type { NodeKind, NodeRole, RegtestNetwork, RegtestNode } from '../network.ts';
import { serveChain } from './chain-server.ts';
import type { PolarControl } from './docker-control.ts';
import { type PolarNetworkOptions, polarNetwork } from './polar-network.ts';

/** How the home is to look. */
export interface WritePolarHomeOptions {
  /** 1 unless given. */
  readonly networkId?: number;
  /** `regtest` unless given. */
  readonly networkName?: string;
  /** Roles whose lnd is to stand there as litd. */
  readonly asLitd?: readonly NodeRole[];
}

/** A Polar home that was written; attach to it with {@link polarNetwork}. Disposing of it ends the Bitcoin node's stand-in, no more. */
export interface WrittenPolarHome extends AsyncDisposable {
  readonly options: PolarNetworkOptions & {
    readonly home: string;
    readonly network: number;
    readonly nodes: Readonly<Record<NodeRole, string>>;
  };
}

const NAMES: Readonly<Record<NodeRole, string>> = { payer: 'alice', middle: 'bob', payee: 'carol' };
const IMPLEMENTATIONS: Readonly<Record<NodeKind, string>> = { lnd: 'LND', cln: 'c-lightning', eclair: 'eclair' };
const MACAROONS = 'data/chain/bitcoin/regtest';
/** Polar's file says `stopped` for what runs, often enough. */
const STATUS_STOPPED = 3;

/**
 * Writes the files that Polar would have for a network, around the running nodes of another one, emulated or native: their
 * certificates, macaroons and sockets are linked to, so that a rotated one is seen; ports and passwords are the nodes' own.
 * A stand-in answers for Polar's bitcoind. `dir` should have a short path: a unix socket's holds about 100 bytes.
 */
export async function writePolarHome(network: RegtestNetwork, dir: string, options: WritePolarHomeOptions = {}): Promise<WrittenPolarHome> {
  const { networkId = 1, networkName = 'regtest', asLitd = [] } = options;
  const volumes = join(dir, 'networks', String(networkId), 'volumes');
  await mkdir(volumes, { recursive: true });
  const chain = await serveChain(network);
  try {
    const lightning: object[] = [];
    for (const [index, node] of network.nodes.entries()) {
      lightning.push({
        id: index,
        networkId,
        type: 'lightning',
        status: STATUS_STOPPED,
        ...(await writeNode(node, volumes, asLitd.includes(node.role))),
      });
    }
    const bitcoin = {
      id: 0,
      networkId,
      name: 'backend1',
      type: 'bitcoin',
      implementation: 'bitcoind',
      version: '30.0',
      status: STATUS_STOPPED,
    };
    const written = {
      id: networkId,
      name: networkName,
      description: '',
      status: STATUS_STOPPED,
      // Where it was before it moved, as far as the reader is concerned.
      path: `/nowhere/networks/${networkId}`,
      nodes: { bitcoin: [{ ...bitcoin, ports: { rpc: chain.port, p2p: 19444 }, docker: { image: '', command: '' } }], lightning, tap: [] },
      autoMineMode: 0,
    };
    await writeFile(join(dir, 'networks', 'networks.json'), JSON.stringify({ version: '4.0.0', networks: [written], charts: {} }, null, 2));
  } catch (error) {
    await chain[Symbol.asyncDispose]();
    throw error;
  }
  return {
    options: { home: dir, network: networkId, nodes: NAMES, reach: 'loopback', control: controlOf(network, networkId) },
    [Symbol.asyncDispose]: () => chain[Symbol.asyncDispose](),
  };
}

/** The same network, seen through a Polar home that is written for it in a temporary folder. Disposing of it ends all of it. */
export async function polarNetworkAround(inner: RegtestNetwork, options: WritePolarHomeOptions = {}): Promise<RegtestNetwork> {
  const dir = await mkdtemp(join(tmpdir(), 'ltp-polar-'));
  const ends: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true }), async () => inner[Symbol.asyncDispose]()];
  const end = async (): Promise<void> => {
    for (const each of ends.splice(0).reverse()) await each();
  };
  try {
    const home = await writePolarHome(inner, dir, options);
    ends.push(async () => home[Symbol.asyncDispose]());
    const outer = await polarNetwork(home.options);
    ends.push(async () => outer[Symbol.asyncDispose]());
    return {
      kind: outer.kind,
      bitcoin: outer.bitcoin,
      nodes: outer.nodes,
      node: (role) => outer.node(role),
      mine: (blocks) => outer.mine(blocks),
      fund: (role, sat) => outer.fund(role, sat),
      // The inner network knows when its public channels can be routed over.
      openChannel: (channel) => inner.openChannel(channel),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function writeNode(node: RegtestNode, volumes: string, asLitd: boolean): Promise<object> {
  const name = NAMES[node.role];
  const p2p = node.address.port;
  switch (node.kind) {
    case 'lnd': {
      const dir = asLitd ? join(volumes, 'litd', name, 'lnd') : join(volumes, 'lnd', name);
      const grpc = await writeLnd(node, dir);
      return {
        name,
        implementation: asLitd ? 'litd' : IMPLEMENTATIONS.lnd,
        version: '0.20.0-beta',
        ports: { rest: 8081, grpc, p2p },
        docker: noDocker,
      };
    }
    case 'cln': {
      const socket = await socketPath(clnConfigSchema.parse(node.config));
      await link(socket, join(volumes, 'c-lightning', name, 'lightningd', 'regtest', 'lightning-rpc'));
      return { name, implementation: IMPLEMENTATIONS.cln, version: '25.12', ports: { rest: 8181, grpc: 11001, p2p }, docker: noDocker };
    }
    case 'eclair': {
      const { url, password } = await readEndpoint(eclairConfigSchema.parse(node.config), 'write-home');
      const docker = { image: '', command: `polar-eclair --api.port=8080 --api.password=${password} --chain=regtest` };
      return { name, implementation: IMPLEMENTATIONS.eclair, version: '0.13.1', ports: { rest: Number(new URL(url).port), p2p }, docker };
    }
  }
}

const noDocker = { image: '', command: '' };

/** Links certificate and macaroons into `dir`; answers the gRPC port. */
async function writeLnd(node: RegtestNode, dir: string): Promise<number> {
  const { cert, macaroon, socket } = toConnection(lndConfigSchema.parse(node.config));
  if (cert === undefined) throw new Error(`${node.role}'s lnd has no certificate of its own`);
  await put(cert, join(dir, 'tls.cert'));
  await put(macaroon, join(dir, MACAROONS, 'admin.macaroon'));
  if (node.invoiceOnlyConfig !== undefined) {
    await put(toConnection(lndConfigSchema.parse(node.invoiceOnlyConfig)).macaroon, join(dir, MACAROONS, 'invoice.macaroon'));
  }
  const readonly = 'file' in macaroon ? join(dirname(macaroon.file), 'readonly.macaroon') : '';
  if (existsSync(readonly)) await link(readonly, join(dir, MACAROONS, 'readonly.macaroon'));
  return Number(socket.slice(socket.lastIndexOf(':') + 1));
}

async function put(source: Source, path: string): Promise<void> {
  if (!('file' in source)) throw new Error('only a node whose credentials are files can stand in a Polar home');
  await link(source.file, path);
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}

/** Stops and starts the nodes of the inner network, by the names that Polar's containers would have. */
function controlOf(network: RegtestNetwork, networkId: number): PolarControl {
  const nodeOf = (container: string): RegtestNode => {
    const node = network.nodes.find(({ role }) => container === `polar-n${networkId}-${NAMES[role]}`);
    if (node === undefined) throw new Error(`there is no container ${container}`);
    return node;
  };
  return { stop: (container) => nodeOf(container).stop(), start: (container) => nodeOf(container).start() };
}
