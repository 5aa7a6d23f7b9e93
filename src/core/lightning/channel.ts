import type { Msat } from './amount.ts';
import type { CallOptions, Page, PageRequest } from './common.ts';
import type { NodeId, Outpoint, PaymentHash, ShortChannelId, TxId } from './identifiers.ts';
import type { PaymentOutcome } from './payment.ts';

/** Where a node can be reached. */
export interface PeerAddress {
  readonly nodeId: NodeId;
  /** Name, IPv4 or IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A peer as the node lists it. */
export interface Peer {
  readonly nodeId: NodeId;
  readonly connected: boolean;
  /** `host:port`, where known. */
  readonly address: string | undefined;
  readonly inbound: boolean | undefined;
}

/** Connections to other nodes. */
export interface Peers {
  /**
   * Connects; already connected is fine. `persistent`: the node keeps trying by itself, also after its restart
   * (where capability `persistentConnect` is false the node decides that itself).
   * @throws LightningError `REJECTED` or `UNAVAILABLE` when the peer can't be reached.
   */
  connect(address: PeerAddress & { readonly persistent?: boolean }, options?: CallOptions): Promise<void>;
  list(options?: CallOptions): Promise<readonly Peer[]>;
  /** Ends the connection; not connected is fine. @throws LightningError `CONFLICT` where channels forbid it. */
  disconnect(peer: NodeId, options?: CallOptions): Promise<void>;
}

/** What to open. Amounts are whole satoshi. */
export interface OpenChannel {
  readonly peer: NodeId;
  /** Our part, the whole capacity unless the peer adds to it. */
  readonly localFundingMsat: Msat;
  /** Given to the peer at once: the whitepaper's `push_sat`. */
  readonly pushMsat?: Msat;
  /** Not announced to the network. */
  readonly private?: boolean;
  readonly feeRateSatPerVbyte?: number;
}

/** `pending` funding not confirmed deeply enough · `active` usable · `inactive` peer away · `closing` close broadcast · `closed` close confirmed. */
export type ChannelState = 'pending' | 'active' | 'inactive' | 'closing' | 'closed';

/** A channel. Balances do not add up to the capacity: commitment fees and reserves are in between. */
export interface Channel {
  readonly outpoint: Outpoint;
  readonly shortChannelId: ShortChannelId | undefined;
  readonly peer: NodeId;
  readonly state: ChannelState;
  readonly capacityMsat: Msat;
  /** Ours, as the last commitment has it. */
  readonly localMsat: Msat;
  readonly remoteMsat: Msat;
  readonly private: boolean;
  /** Whether we opened it; undefined where the node does not say. */
  readonly initiator: boolean | undefined;
  readonly closingTxId: TxId | undefined;
}

/** What one side asks for forwarding (BOLT 7 `channel_update`). */
export interface ChannelPolicy {
  readonly baseFeeMsat: Msat;
  /** Millionths of the forwarded amount. */
  readonly feeRatePpm: number;
  readonly cltvDelta: number;
}

/** How a close goes on. `closing`: the transaction is broadcast. `closed`: it is confirmed. */
export interface CloseStage {
  readonly stage: 'closing' | 'closed';
  readonly txId: TxId;
}

/** Sums over the channels that are open. */
export interface ChannelBalances {
  readonly localMsat: Msat;
  readonly remoteMsat: Msat;
  readonly pendingLocalMsat: Msat;
}

/** A payment that we forwarded for others. */
export interface Forward {
  readonly at: number;
  readonly incoming: ShortChannelId;
  readonly outgoing: ShortChannelId;
  readonly inMsat: Msat;
  readonly outMsat: Msat;
  readonly feeMsat: Msat;
}

/** Moves balance from one of our channels to another through the network. */
export interface Rebalance {
  readonly from: ShortChannelId;
  readonly to: ShortChannelId;
  readonly amountMsat: Msat;
  readonly maxFeeMsat: Msat;
}

/** Opening, watching, pricing and closing channels. */
export interface Channels {
  /**
   * Opens a channel to a connected peer and answers as soon as the funding transaction is made.
   * @throws LightningError `INSUFFICIENT_FUNDS`, `NOT_FOUND` (peer not connected), `REJECTED` (by the peer), `INVALID_ARGUMENT`.
   */
  open(request: OpenChannel, options?: CallOptions): Promise<{ readonly outpoint: Outpoint }>;
  /** Channels, of one state or of all that are not closed. */
  list(filter?: { readonly state?: ChannelState }, options?: CallOptions): Promise<readonly Channel[]>;
  /**
   * Closes, cooperatively unless forced; yields its stages and ends when the close is confirmed. Breaking off leaves
   * the close going on.
   * @throws LightningError `NOT_FOUND`, `CONFLICT` (a cooperative close needs the peer).
   */
  close(
    channel: Outpoint,
    request?: { readonly force?: boolean; readonly feeRateSatPerVbyte?: number },
    options?: CallOptions,
  ): AsyncIterable<CloseStage>;
  /** Sets our policy for one channel or for all. */
  setPolicy(channel: Outpoint | 'all', policy: ChannelPolicy, options?: CallOptions): Promise<void>;
  /** Our policy for a channel. @throws LightningError `NOT_FOUND`. */
  policy(channel: Outpoint, options?: CallOptions): Promise<ChannelPolicy>;
  balances(options?: CallOptions): Promise<ChannelBalances>;
  /** Forwards in pages, oldest first. */
  forwards(request?: PageRequest, options?: CallOptions): Promise<Page<Forward>>;
  /** Circular payment. @throws LightningError `UNSUPPORTED` without the capability `rebalance`. */
  rebalance(request: Rebalance, options?: CallOptions): Promise<PaymentOutcome & { readonly paymentHash: PaymentHash }>;
}
