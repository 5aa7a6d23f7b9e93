import type { LightningBackend } from '../src/core/lightning/backend.ts';
import type { Outpoint } from '../src/core/lightning/identifiers.ts';
import type {
  NetworkKind,
  NodeConfig,
  NodeKind,
  NodeRole,
  RegtestBitcoin,
  RegtestChannel,
  RegtestNetwork,
  RegtestNode,
} from './network.ts';
import { openBackend } from './open-backend.ts';
import { fundNode, openBetween } from './topology.ts';
import { waitUntil } from './wait-until.ts';

/** How somebody else's process is made to go away and come back. */
export interface NodeControl {
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
  /** Starts it again; it need not answer yet. */
  start(): Promise<void>;
}

/** A node that runs somewhere. */
export interface AttachedNodeParts {
  readonly role: NodeRole;
  readonly kind: NodeKind;
  readonly config: NodeConfig;
  readonly invoiceOnlyConfig: NodeConfig | undefined;
  readonly address: { readonly host: string; readonly port: number };
  readonly control: NodeControl;
}

/** A network that runs somewhere. */
export interface AttachedNetworkParts {
  readonly kind: NetworkKind;
  readonly bitcoin: RegtestBitcoin & { mine(blocks: number): Promise<void> };
  readonly nodes: readonly AttachedNodeParts[];
  /** What is to be ended with it, after its backends. */
  readonly dispose: () => Promise<void>;
}

const READY_MS = 120_000;
const SYNCED_MS = 60_000;

/** Attaches to nodes that run already, and waits until each answers and is synced. @throws Error naming the one that does not. */
export async function attachNetwork(parts: AttachedNetworkParts): Promise<RegtestNetwork> {
  const network = new AttachedNetwork(parts);
  try {
    for (const node of network.nodes) await node.untilReady();
    return network;
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

class AttachedNetwork implements RegtestNetwork {
  readonly kind: NetworkKind;
  readonly nodes: readonly AttachedNode[];
  readonly #parts: AttachedNetworkParts;

  constructor(parts: AttachedNetworkParts) {
    this.kind = parts.kind;
    this.nodes = parts.nodes.map((each) => new AttachedNode(each));
    this.#parts = parts;
  }

  get bitcoin(): RegtestBitcoin {
    return this.#parts.bitcoin;
  }

  node(role: NodeRole): AttachedNode {
    const node = this.nodes.find((candidate) => candidate.role === role);
    if (node === undefined) throw new Error(`this network has no ${role}`);
    return node;
  }

  async mine(blocks: number): Promise<void> {
    const { bitcoin } = this.#parts;
    await bitcoin.mine(blocks);
    const height = await bitcoin.height();
    for (const node of this.nodes.filter(({ running }) => running)) {
      await waitUntil(`${node.role} has seen block ${height}`, () => node.hasSeen(height), SYNCED_MS);
    }
  }

  async fund(role: NodeRole, sat: number): Promise<void> {
    await fundNode(this, this.node(role), sat);
  }

  /** Through the port alone: it can't see when others have heard of the channel, so whoever routes over it waits for that. */
  async openChannel(channel: RegtestChannel): Promise<Outpoint> {
    return await openBetween(this, this.node(channel.from), this.node(channel.to), channel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.nodes.map((node) => node.end()));
    await this.#parts.dispose();
  }
}

class AttachedNode implements RegtestNode {
  readonly role: NodeRole;
  readonly kind: NodeKind;
  readonly config: NodeConfig;
  readonly invoiceOnlyConfig: NodeConfig | undefined;
  readonly address: { readonly host: string; readonly port: number };
  readonly #control: NodeControl;
  #backend: Promise<LightningBackend> | undefined;
  #running = true;

  constructor({ role, kind, config, invoiceOnlyConfig, address, control }: AttachedNodeParts) {
    this.role = role;
    this.kind = kind;
    this.config = config;
    this.invoiceOnlyConfig = invoiceOnlyConfig;
    this.address = address;
    this.#control = control;
  }

  get running(): boolean {
    return this.#running;
  }

  backend(): Promise<LightningBackend> {
    this.#backend ??= openBackend(this.config);
    return this.#backend;
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    await this.#control.stop();
    this.#running = false;
  }

  async start(): Promise<void> {
    if (this.#running) return;
    await this.#control.start();
    this.#running = true;
    await this.untilReady();
  }

  async hasSeen(height: number): Promise<boolean> {
    const { blockHeight, synced } = await (await this.backend()).node.info();
    return synced && blockHeight >= height;
  }

  /** Waits until it answers and is synced. What it said last is in the error. */
  async untilReady(): Promise<void> {
    let last = '';
    const isReady = async (): Promise<boolean> => {
      try {
        return await this.hasSeen(0);
      } catch (error) {
        last = (error as Error).message;
        return false;
      }
    };
    await waitUntil(`${this.role} (${this.kind}) is ready`, isReady, READY_MS).catch((error: Error) => {
      throw new Error(last === '' ? error.message : `${error.message}: ${last}`);
    });
  }

  async end(): Promise<void> {
    await (await this.#backend)?.[Symbol.asyncDispose]();
  }
}
