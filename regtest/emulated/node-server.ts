import type { SimulatedNode } from '../../src/adapters/simulated/gateway/calls.ts';
import type { SimulatedNetwork } from '../../src/adapters/simulated/network/network.ts';
import type { Clock } from '../../src/core/ports/clock.ts';
import type { Logger } from '../../src/core/ports/logger.ts';
import type { Random } from '../../src/core/ports/random.ts';
import type { NodeConfig } from '../network.ts';

/** What a server that speaks a node's wire is made with. */
export interface EmulatedNodeOptions {
  /** The node behind it: every call and stream of the port. `node.name` is its alias, too. */
  readonly node: SimulatedNode;
  /** The network that the node is in, for what the calls don't tell: records by `node.name`, and events (`subscribe`). */
  readonly network: SimulatedNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A folder of its own for certificates, macaroons and sockets; exists, and is removed with the network. */
  readonly dir: string;
  /** Where this kind listens on TCP: the port of an earlier process, to be found again. Left out or 0, a free one. */
  readonly port?: number;
}

/** A node of one kind, as its clients see it. */
export interface EmulatedNodeServer {
  /** Full rights. Known once it has been started. */
  readonly config: NodeConfig;
  /** The credential that can make and follow invoices and nothing else, where this kind has one. */
  readonly invoiceOnlyConfig: NodeConfig | undefined;
  /** Listens, on the port, socket path and files of the first time; resolves when it can be called. Running already: nothing. */
  start(): Promise<void>;
  /**
   * Drops every connection without a word, as a killed process does, and stops listening. The network takes the simulated node
   * offline right after. Stopped already: nothing.
   */
  stop(): Promise<void>;
}

/** Makes a server of one kind; starts nothing. */
export type EmulatedNodeFactory = (options: EmulatedNodeOptions) => Promise<EmulatedNodeServer>;
