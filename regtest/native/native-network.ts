import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADAPTERS } from '../../src/adapters/registry.ts';
import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import type { Outpoint, ShortChannelId } from '../../src/core/lightning/identifiers.ts';
import { memoryDependencies } from '../dependencies.ts';
import type {
  NetworkRoles,
  NodeConfig,
  NodeKind,
  NodeRole,
  Progress,
  RegtestBitcoin,
  RegtestChannel,
  RegtestNetwork,
  RegtestNode,
} from '../network.ts';
import { fundNode, openBetween } from '../topology.ts';
import { waitUntil } from '../wait-until.ts';
import { type NativeBitcoind, startBitcoind } from './bitcoind.ts';
import { clnNode } from './cln.ts';
import { eclairNode } from './eclair.ts';
import { findEclair, findLightningd, install } from './install.ts';
import { ensureBitcoind, type Program } from './install-bitcoind.ts';
import { ensureLnd } from './install-lnd.ts';
import { lndNode } from './lnd.ts';
import type { NodeOptions, NodeProcess } from './node-process.ts';

const ALIASES: Readonly<Record<NodeRole, string>> = { payer: 'alice', middle: 'bob', payee: 'carol' };
const SYNCED_MS = 60_000;
const GOSSIP_MS = 120_000;
const SAID_AGAIN_MS = 10_000;

/**
 * Real nodes as child processes: in a temporary folder, on free ports of 127.0.0.1, gone with it. Installs what can be installed.
 * @throws Error that names what is missing.
 */
export async function startNativeNetwork(roles: NetworkRoles, progress: Progress = () => {}): Promise<RegtestNetwork> {
  const kinds = { payer: roles.payer, middle: roles.middle ?? roles.payer, payee: roles.payee ?? roles.payer };
  await install(Object.values(kinds), progress);
  const program = await ensureBitcoind(progress);
  const folder = mkdtempSync(join(tmpdir(), 'ltp-'));
  const network = new NativeNetwork(folder);
  try {
    await network.begin(program, kinds, progress);
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

/** A public channel of the network. */
interface Announced {
  readonly id: ShortChannelId;
  readonly outpoint: Outpoint;
  readonly ends: readonly NativeNode[];
}

class NativeNetwork implements RegtestNetwork {
  readonly kind = 'native';
  readonly #folder: string;
  readonly #nodes: NativeNode[] = [];
  readonly #removeFolder: () => void;
  readonly #interrupted: (signal: NodeJS.Signals) => void;
  readonly #announced: Announced[] = [];
  #bitcoind: NativeBitcoind | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#removeFolder = () => rmSync(folder, { recursive: true, force: true });
    // Children are ended on exit; being interrupted is no exit of its own.
    this.#interrupted = (signal) => process.exit(signal === 'SIGINT' ? 130 : 143);
    process.once('exit', this.#removeFolder);
    process.once('SIGINT', this.#interrupted);
    process.once('SIGTERM', this.#interrupted);
  }

  async begin(program: Program, kinds: Readonly<Record<NodeRole, NodeKind>>, progress: Progress): Promise<void> {
    progress('starting bitcoind');
    const bitcoind = await startBitcoind(program, this.#folder);
    this.#bitcoind = bitcoind;
    for (const role of ['payer', 'middle', 'payee'] as const) {
      const options: NodeOptions = { role, alias: ALIASES[role], folder: join(this.#folder, ALIASES[role]), bitcoind };
      mkdirSync(options.folder);
      this.#nodes.push(new NativeNode(role, await make(kinds[role], options, program, progress)));
    }
    progress(`starting ${this.#nodes.map(({ role, kind }) => `${role} (${kind})`).join(', ')}`);
    await Promise.all(this.#nodes.map((node) => node.start()));
  }

  get bitcoin(): RegtestBitcoin {
    return this.#running().rpc;
  }

  get nodes(): readonly RegtestNode[] {
    return this.#nodes;
  }

  node(role: NodeRole): NativeNode {
    const node = this.#nodes.find((candidate) => candidate.role === role);
    if (node === undefined) throw new Error(`this network has no ${role}`);
    return node;
  }

  async mine(blocks: number): Promise<void> {
    const { rpc } = this.#running();
    await rpc.mine(blocks);
    const height = await rpc.height();
    for (const node of this.#nodes.filter(({ running }) => running)) {
      const backend = await node.backend();
      const hasSeen = async (): Promise<boolean> => {
        const { blockHeight, synced } = await backend.node.info();
        return synced && blockHeight >= height;
      };
      await waitUntil(`${node.role} has seen block ${height}`, hasSeen, SYNCED_MS);
    }
  }

  async fund(role: NodeRole, sat: number): Promise<void> {
    await fundNode(this, this.node(role), sat);
  }

  async openChannel(channel: RegtestChannel): Promise<Outpoint> {
    const [from, to] = [this.node(channel.from), this.node(channel.to)];
    const opened = await openBetween(this, from, to, channel);
    if (channel.private !== true) await this.#untilKnown([from, to], opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#nodes.map((node) => node.end()));
    await this.#bitcoind?.process.stop();
    this.#removeFolder();
    process.off('exit', this.#removeFolder);
    process.off('SIGINT', this.#interrupted);
    process.off('SIGTERM', this.#interrupted);
  }

  /**
   * A public channel serves a route only once its announcement has come round, to whoever is connected to anybody. Where it
   * does not come by itself, the ends of all say it again.
   */
  async #untilKnown(ends: readonly NativeNode[], opened: Outpoint): Promise<void> {
    const [opener] = ends as [NativeNode];
    const channels = await (await opener.backend()).channels.list({ state: 'active' });
    const known = channels.find(({ outpoint }) => outpoint === opened)?.shortChannelId;
    if (known === undefined) throw new Error(`the channel ${opened} has no short channel id`);
    this.#announced.push({ id: known, outpoint: opened, ends });
    const hearing: NativeNode[] = [];
    for (const node of this.#nodes.filter(({ running }) => running)) {
      if ((await (await node.backend()).peers.list()).length > 0) hearing.push(node);
    }
    for (const deadline = performance.now() + GOSSIP_MS; ; ) {
      try {
        for (const node of hearing)
          for (const { id } of this.#announced)
            await waitUntil(`${node.role} knows the channel ${id}`, () => node.process.knowsChannel(id), SAID_AGAIN_MS);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        for (const { ends, outpoint } of this.#announced) for (const end of ends) if (end.running) await announceAnew(end, outpoint);
      }
    }
  }

  #running(): NativeBitcoind {
    if (this.#bitcoind === undefined) throw new Error('bitcoind is not running');
    return this.#bitcoind;
  }
}

/**
 * Sets another fee. Between implementations the first update of a channel may get lost until the next day: lnd takes Core
 * Lightning's second, which may be forwarded as the first may not, for a repetition; and lnd does not send its own to the
 * peer whose signature completed the announcement, when eclair has not kept the one from before.
 */
async function announceAnew(node: NativeNode, channel: Outpoint): Promise<void> {
  const { channels } = await node.backend();
  const policy = await channels.policy(channel);
  await channels.setPolicy(channel, { ...policy, feeRatePpm: policy.feeRatePpm + 1 });
}

class NativeNode implements RegtestNode {
  readonly role: NodeRole;
  readonly process: NodeProcess;
  #backend: Promise<LightningBackend> | undefined;

  constructor(role: NodeRole, process: NodeProcess) {
    this.role = role;
    this.process = process;
  }

  get kind(): NodeKind {
    return this.process.kind;
  }

  get config(): NodeConfig {
    return this.process.config;
  }

  get invoiceOnlyConfig(): NodeConfig | undefined {
    return this.process.invoiceOnlyConfig;
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.process.address;
  }

  get running(): boolean {
    return this.process.running;
  }

  backend(): Promise<LightningBackend> {
    this.#backend ??= openBackend(this.config);
    return this.#backend;
  }

  async start(): Promise<void> {
    await this.process.start();
  }

  async stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.process.stop(signal);
  }

  async end(): Promise<void> {
    try {
      await (await this.#backend)?.[Symbol.asyncDispose]();
    } finally {
      this.process.dispose();
      await this.process.stop();
    }
  }
}

async function openBackend(config: NodeConfig): Promise<LightningBackend> {
  const load = ADAPTERS[config.kind];
  if (load === undefined) throw new Error(`there is no adapter for ${config.kind}`);
  const definition = await load();
  return await definition.create(definition.configSchema.parse(config), memoryDependencies());
}

async function make(kind: NodeKind, options: NodeOptions, bitcoind: Program, progress: Progress): Promise<NodeProcess> {
  switch (kind) {
    case 'lnd':
      return await lndNode(await ensureLnd(progress), options);
    case 'cln':
      return await clnNode(required('Core Lightning', findLightningd()), bitcoind, options);
    case 'eclair':
      return await eclairNode(required('eclair', findEclair()), options);
  }
}

function required(name: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}
