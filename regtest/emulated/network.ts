import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimnetControl } from '../../src/adapters/simulated/gateway/control-calls.ts';
import type { SimulatedNetwork } from '../../src/adapters/simulated/network/network.ts';
import { type EmbeddedSimnet, openSimnet } from '../../src/adapters/simulated/simnet.ts';
import type { Outpoint } from '../../src/core/lightning/identifiers.ts';
import type { Clock } from '../../src/core/ports/clock.ts';
import type { Logger } from '../../src/core/ports/logger.ts';
import type { Random } from '../../src/core/ports/random.ts';
import { memoryDependencies } from '../dependencies.ts';
import type { NetworkRoles, NodeKind, NodeRole, RegtestChannel, RegtestNetwork } from '../network.ts';
import { fundNode, openBetween } from '../topology.ts';
import { EmulatedBitcoin } from './chain.ts';
import { EMULATED } from './kinds.ts';
import { EmulatedNode } from './node.ts';

/** What an emulated network may be told; left out, the machine's own clock and randomness, and a logger that is silent. */
export interface EmulatedOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** The same keys and hashes every time. */
  readonly seed?: number;
  /** Milliseconds that each hop of a payment takes; 0 unless given. */
  readonly hopDelayMs?: number;
}

/** An emulated network, with what is behind it: for tests that bring about faults or look at records. */
export interface EmulatedNetwork extends RegtestNetwork {
  readonly simulated: SimulatedNetwork;
  /** Drives the simulated network: faults, mining, an audit of all the money. */
  readonly control: SimnetControl;
  readonly nodes: readonly EmulatedNode[];
  node(role: NodeRole): EmulatedNode;
}

const NAMES: Readonly<Record<NodeRole, string>> = { payer: 'alice', middle: 'bob', payee: 'carol' };
const ROLES = ['payer', 'middle', 'payee'] as const;
const HOST = '127.0.0.1';
const CONFIRMATIONS = 3;
/** Short, so that a test can mine away what a forced close makes its own side wait. */
const TO_SELF_DELAY = 4;

/** A simulated network in this process, each of its nodes behind a server that speaks its kind's own wire on loopback. */
export async function emulatedNetwork(roles: NetworkRoles, options: EmulatedOptions = {}): Promise<EmulatedNetwork> {
  const { clock, random, logger } = { ...memoryDependencies(), ...options };
  const kinds = { payer: roles.payer, middle: roles.middle ?? roles.payer, payee: roles.payee ?? roles.payer };
  const dir = await mkdtemp(join(tmpdir(), 'ltp-emulated-'));
  const topology = { nodes: Object.values(NAMES), channels: [], walletSat: 0, confirmations: CONFIRMATIONS, toSelfDelay: TO_SELF_DELAY };
  const simnet = openSimnet({ ...topology, seed: options.seed, hopDelayMs: options.hopDelayMs }, { clock, random, logger });
  const network = new Network(simnet, random, dir);
  try {
    for (const role of ROLES) await network.add(role, kinds[role], { clock, random, logger });
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

class Network implements EmulatedNetwork {
  readonly kind = 'emulated';
  readonly bitcoin: EmulatedBitcoin;
  readonly nodes: readonly EmulatedNode[];
  readonly simulated: SimulatedNetwork;
  readonly control: SimnetControl;
  readonly #nodes: EmulatedNode[] = [];
  readonly #simnet: EmbeddedSimnet;
  readonly #dir: string;

  constructor(simnet: EmbeddedSimnet, random: Random, dir: string) {
    this.#simnet = simnet;
    this.#dir = dir;
    this.nodes = this.#nodes;
    this.simulated = simnet.network;
    this.control = simnet.control;
    this.bitcoin = new EmulatedBitcoin(simnet.control, random);
  }

  async add(
    role: NodeRole,
    kind: NodeKind,
    shared: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
  ): Promise<void> {
    const name = NAMES[role];
    const dir = join(this.#dir, name);
    await mkdir(dir);
    const make = await EMULATED[kind]();
    const server = await make({ ...shared, node: this.#simnet.node(name), network: this.simulated, dir });
    const address = { host: HOST, port: this.simulated.nodes.need(name).port };
    const node = new EmulatedNode({ role, kind, name, address, server, control: this.control });
    this.#nodes.push(node);
    await node.start();
  }

  node(role: NodeRole): EmulatedNode {
    const node = this.#nodes.find((candidate) => candidate.role === role);
    if (node === undefined) throw new Error(`this network has no ${role}`);
    return node;
  }

  async mine(blocks: number): Promise<void> {
    await this.control.call('mine', { blocks });
  }

  async fund(role: NodeRole, sat: number): Promise<void> {
    await fundNode(this, this.node(role), sat);
  }

  async openChannel(channel: RegtestChannel): Promise<Outpoint> {
    return await openBetween(this, this.node(channel.from), this.node(channel.to), channel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#nodes.map((node) => node.end()));
    await this.#simnet[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
