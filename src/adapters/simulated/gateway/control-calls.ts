import type { Msat } from '../../../core/lightning/amount.ts';
import type { CallOptions } from '../../../core/lightning/common.ts';
import type { NodeId, Outpoint, ShortChannelId, TxId } from '../../../core/lightning/identifiers.ts';
import type { Audit } from '../network/audit.ts';
import type { FaultOrder } from './faults.ts';

type Call<Params, Result> = { readonly params: Params; readonly result: Result };
type Nothing = Readonly<Record<string, never>>;

/** A node as the network's keeper sees it. */
export interface NodeSummary {
  readonly name: string;
  readonly nodeId: NodeId;
  readonly uri: string;
  readonly online: boolean;
}

/** A channel to be opened between two nodes by name. With `confirm` the blocks it needs are mined at once. */
export interface OpenBetween {
  readonly from: string;
  readonly to: string;
  readonly capacityMsat: Msat;
  readonly pushMsat?: Msat;
  readonly private?: boolean;
  readonly confirm?: boolean;
}

/** A transaction as the chain has it, for who asks `gettransaction`. */
export interface ChainTransaction {
  readonly txId: TxId;
  readonly kind: string;
  readonly confirmations: number;
  readonly feeMsat: Msat;
}

/** What the keeper of a network can tell it to do. */
export interface ControlCalls {
  /** Mines blocks (1 unless given); answers the height. */
  mine: Call<{ readonly blocks?: number }, number>;
  height: Call<Nothing, number>;
  addNode: Call<{ readonly name: string }, NodeSummary>;
  nodes: Call<Nothing, readonly NodeSummary[]>;
  /** Gives a node coins from the miner; `confirm` (unless false) mines the block. */
  fund: Call<{ readonly node: string; readonly amountMsat: Msat; readonly confirm?: boolean }, null>;
  /** Sends from the miner to an address: bitcoind's `sendtoaddress`. Mines nothing. */
  sendToAddress: Call<{ readonly address: string; readonly amountMsat: Msat }, { readonly txId: TxId }>;
  transaction: Call<{ readonly txId: TxId }, ChainTransaction | null>;
  openChannel: Call<OpenBetween, { readonly outpoint: Outpoint; readonly shortChannelId: ShortChannelId | null }>;
  stopNode: Call<{ readonly node: string }, null>;
  startNode: Call<{ readonly node: string }, null>;
  audit: Call<Nothing, Audit>;
  faults: Call<FaultOrder, null>;
}

export type ControlCall = keyof ControlCalls;

/** Drives a network as its keeper: in this process or over the socket. */
export interface SimnetControl extends AsyncDisposable {
  call<M extends ControlCall>(method: M, params: ControlCalls[M]['params'], options?: CallOptions): Promise<ControlCalls[M]['result']>;
}
