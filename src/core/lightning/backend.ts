import type { Capabilities } from './capabilities.ts';
import type { Channels, Peers } from './channel.ts';
import type { CallOptions, Network } from './common.ts';
import type { NodeId } from './identifiers.ts';
import type { Invoices } from './invoice.ts';
import type { Payments } from './payment.ts';
import type { Wallet } from './wallet.ts';

/** Which node this is: cursors, quotes and payment intents are kept per identity. */
export interface NodeIdentity {
  readonly network: Network;
  readonly nodeId: NodeId;
}

/** A node about itself. */
export interface NodeInfo extends NodeIdentity {
  readonly alias: string;
  readonly version: string;
  readonly blockHeight: number;
  readonly synced: boolean;
  /** `nodeid@host:port`, each an address that others can connect to. */
  readonly uris: readonly string[];
}

/** The node itself. */
export interface Node {
  /** @throws LightningError `UNAUTHENTICATED` where the credential may not ask (lnd's invoice macaroon). */
  info(options?: CallOptions): Promise<NodeInfo>;
  /** Network and key, learnt from an invoice of our own where the credential may not ask for {@link info}. */
  identity(options?: CallOptions): Promise<NodeIdentity>;
}

/**
 * A Lightning node, whichever it is. Made of small services, so that who needs only invoices is given only those.
 * The guarantees of each stand with it and are the contract suite's cases.
 */
export interface LightningBackend extends AsyncDisposable {
  /** Which adapter: `lnd`, `cln`, `eclair`, `simulated`, or a name of your own. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  readonly node: Node;
  readonly invoices: Invoices;
  readonly payments: Payments;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly wallet: Wallet;
  /** Ends connections and streams; calls in flight are aborted. */
  [Symbol.asyncDispose](): Promise<void>;
}
