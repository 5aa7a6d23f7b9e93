import type { SimnetControl } from '../../src/adapters/simulated/gateway/control-calls.ts';
import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import type { NodeConfig, NodeKind, NodeRole, RegtestNode } from '../network.ts';
import { openBackend } from '../open-backend.ts';
import { waitUntil } from '../wait-until.ts';
import type { EmulatedNodeServer } from './node-server.ts';

const ANSWERS_MS = 30_000;

/** What an {@link EmulatedNode} is made with. */
export interface EmulatedNodeParts {
  readonly role: NodeRole;
  readonly kind: NodeKind;
  /** Its name in the simulated network. */
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly server: EmulatedNodeServer;
  readonly control: SimnetControl;
}

/** A simulated node and the server that speaks its kind's wire: they come and go together. */
export class EmulatedNode implements RegtestNode {
  readonly role: NodeRole;
  readonly kind: NodeKind;
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
  /** What speaks to its clients, for tests that do something to it. */
  readonly server: EmulatedNodeServer;
  readonly #control: SimnetControl;
  #backend: Promise<LightningBackend> | undefined;

  constructor(parts: EmulatedNodeParts) {
    this.role = parts.role;
    this.kind = parts.kind;
    this.name = parts.name;
    this.address = parts.address;
    this.server = parts.server;
    this.#control = parts.control;
  }

  get config(): NodeConfig {
    return this.server.config;
  }

  get invoiceOnlyConfig(): NodeConfig | undefined {
    return this.server.invoiceOnlyConfig;
  }

  backend(): Promise<LightningBackend> {
    this.#backend ??= openBackend(this.config);
    return this.#backend;
  }

  async start(): Promise<void> {
    await this.#control.call('startNode', { node: this.name });
    await this.server.start();
    const backend = await this.#backend;
    // Its connection may not have noticed yet that the node was away.
    if (backend !== undefined) await waitUntil(`${this.name} answers again`, () => answers(backend), ANSWERS_MS);
  }

  /** The listeners first: a process that dies answers nothing on its way out. */
  async stop(): Promise<void> {
    await this.server.stop();
    await this.#control.call('stopNode', { node: this.name });
  }

  /** Stops it for good, with the backend that it gave out. */
  async end(): Promise<void> {
    try {
      await (await this.#backend)?.[Symbol.asyncDispose]();
    } finally {
      await this.server.stop();
    }
  }
}

async function answers(backend: LightningBackend): Promise<boolean> {
  return await backend.node.info().then(
    () => true,
    () => false,
  );
}
