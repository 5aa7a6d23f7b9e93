import type { LightningBackend } from '../src/core/lightning/backend.ts';
import type { Outpoint, TxId } from '../src/core/lightning/identifiers.ts';

/** Ways to have a network of our own to run contracts in. */
export type NetworkKind = 'emulated' | 'native' | 'docker' | 'polar';

/** What a node runs. */
export type NodeKind = 'lnd' | 'cln' | 'eclair';

/** A node's part in the cases: channels run payer → middle → payee, and payer → payee. */
export type NodeRole = 'payer' | 'middle' | 'payee';

/** Which implementation each role runs; a role left out runs what `payer` does. */
export interface NetworkRoles {
  readonly payer: NodeKind;
  readonly middle?: NodeKind;
  readonly payee?: NodeKind;
}

/** A backend's config: what the `configSchema` of the {@link NodeKind}'s AdapterDefinition takes, `kind` included. */
export type NodeConfig = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A Lightning node of the network. */
export interface RegtestNode {
  readonly role: NodeRole;
  readonly kind: NodeKind;
  /** Full rights. */
  readonly config: NodeConfig;
  /** The credential that can make and follow invoices and nothing else, where the node has one. */
  readonly invoiceOnlyConfig: NodeConfig | undefined;
  /** Where other nodes of the network reach it. The same after a restart. */
  readonly address: { readonly host: string; readonly port: number };
  /** A backend with full rights, kept by the network for funding and opening; disposed of with the network. */
  backend(): Promise<LightningBackend>;
  /**
   * Ends the node's process (an emulated one: its listeners) and waits until it is gone. Stopped already: nothing. A signal may be
   * given where the process is ours: SIGKILL, as a crash does.
   */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again, on the same ports and files, and waits until it answers. Running already: nothing. */
  start(): Promise<void>;
}

/** The Bitcoin node behind the network; its wallet has coins. */
export interface RegtestBitcoin {
  /** Whole satoshi to an address; not mined yet. */
  sendToAddress(address: string, sat: number): Promise<TxId>;
  /** A transaction by its id; undefined where the node knows none. 0 confirmations: in the mempool. */
  getTransaction(txId: TxId): Promise<{ readonly confirmations: number } | undefined>;
  /** Height of the best block. */
  height(): Promise<number>;
  /** An address of its own wallet, to send back to. */
  newAddress(): Promise<string>;
}

/** A channel to have. Amounts are whole satoshi. */
export interface RegtestChannel {
  readonly from: NodeRole;
  readonly to: NodeRole;
  readonly capacitySat: number;
  /** Given to `to` at once, so that both can pay. */
  readonly pushSat?: number;
  readonly private?: boolean;
}

/**
 * A regtest network: a Bitcoin node and a Lightning node for each role. Made by a function per {@link NetworkKind}, which
 * returns when every node answers and is synced. Whatever it needs and can't find is named in the error: nothing is skipped.
 * Every wait has a deadline.
 */
export interface RegtestNetwork extends AsyncDisposable {
  readonly kind: NetworkKind;
  readonly bitcoin: RegtestBitcoin;
  readonly nodes: readonly RegtestNode[];
  /** The node of a role. @throws Error where this network has none. */
  node(role: NodeRole): RegtestNode;
  /** Mines blocks and waits until every running node has seen them. */
  mine(blocks: number): Promise<void>;
  /** Puts coins into a node's wallet, confirmed. */
  fund(role: NodeRole, sat: number): Promise<void>;
  /** Connects, opens, mines, and waits until both sides call it active and, where it is public, the payer's side can route over it. */
  openChannel(channel: RegtestChannel): Promise<Outpoint>;
  /** Stops everything that it started and removes its files. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Says what goes on while a network starts; a line each. */
export type Progress = (line: string) => void;
