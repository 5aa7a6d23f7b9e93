import type { Msat } from '../../../core/lightning/amount.ts';
import type { NodeInfo } from '../../../core/lightning/backend.ts';
import type {
  Channel,
  ChannelBalances,
  ChannelPolicy,
  ChannelState,
  CloseStage,
  Forward,
  OpenChannel,
  Peer,
  Rebalance,
} from '../../../core/lightning/channel.ts';
import type { CallOptions, Page, PageRequest } from '../../../core/lightning/common.ts';
import type { NodeId, Outpoint, PaymentHash, Preimage, TxId } from '../../../core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice, ListInvoices } from '../../../core/lightning/invoice.ts';
import type { Payment, PaymentOutcome } from '../../../core/lightning/payment.ts';
import type { Settlement } from '../../../core/lightning/settlement.ts';
import type { WalletBalance, WalletTransaction } from '../../../core/lightning/wallet.ts';

type Call<Params, Result> = { readonly params: Params; readonly result: Result };
type Nothing = Readonly<Record<string, never>>;

/** A settlement with its number in the node's own order, counting from 1 without holes. */
export interface NumberedSettlement {
  readonly number: number;
  readonly settlement: Settlement;
}

/** A payment to begin and to wait for, up to `timeoutMs` (60 s unless given); then its outcome is `pending`. */
export interface PayCall {
  readonly paymentRequest: string;
  /** On an invoice with an amount: pays this one instead. For tests of over-payment. */
  readonly amountMsat?: Msat;
  readonly maxFeeMsat: Msat;
  readonly timeoutMs?: number;
  /** Leaves it to the payee to see that the invoice has expired. For tests of late payment. */
  readonly ignoreExpiry?: boolean;
}

/** What a node can be asked, and what it answers. Null stands where there is nothing. */
export interface NodeCalls {
  info: Call<Nothing, NodeInfo>;
  createInvoice: Call<CreateInvoice, Invoice>;
  lookupInvoice: Call<{ readonly paymentHash: PaymentHash }, Invoice | null>;
  listInvoices: Call<ListInvoices, Page<Invoice>>;
  cancelInvoice: Call<{ readonly paymentHash: PaymentHash }, null>;
  settleHeld: Call<{ readonly preimage: Preimage }, null>;
  /** Settlements after a number, at most `limit` (1000 unless given). */
  settledAfter: Call<{ readonly number: number; readonly limit?: number }, readonly NumberedSettlement[]>;
  /** The number of the last settlement. */
  settledHead: Call<Nothing, number>;
  pay: Call<PayCall, PaymentOutcome>;
  keysend: Call<
    {
      readonly destination: NodeId;
      readonly amountMsat: Msat;
      readonly maxFeeMsat: Msat;
      readonly preimage: Preimage;
      readonly timeoutMs?: number;
    },
    PaymentOutcome
  >;
  lookupPayment: Call<{ readonly paymentHash: PaymentHash }, PaymentOutcome | null>;
  listPayments: Call<PageRequest, Page<Payment>>;
  connectPeer: Call<{ readonly nodeId: NodeId; readonly port: number; readonly persistent?: boolean }, null>;
  listPeers: Call<Nothing, readonly Peer[]>;
  disconnectPeer: Call<{ readonly nodeId: NodeId }, null>;
  openChannel: Call<OpenChannel, { readonly outpoint: Outpoint }>;
  listChannels: Call<{ readonly state?: ChannelState }, readonly Channel[]>;
  closeChannel: Call<{ readonly channel: Outpoint; readonly force?: boolean; readonly feeRateSatPerVbyte?: number }, CloseStage>;
  setPolicy: Call<{ readonly channel: Outpoint | 'all'; readonly policy: ChannelPolicy }, null>;
  policy: Call<{ readonly channel: Outpoint }, ChannelPolicy>;
  balances: Call<Nothing, ChannelBalances>;
  forwards: Call<PageRequest, Page<Forward>>;
  rebalance: Call<Rebalance, PaymentOutcome>;
  newAddress: Call<Nothing, string>;
  walletBalance: Call<Nothing, WalletBalance>;
  transactions: Call<PageRequest, Page<WalletTransaction>>;
  send: Call<{ readonly address: string; readonly amountMsat: Msat; readonly feeRateSatPerVbyte?: number }, { readonly txId: TxId }>;
}

/** What a node can be followed for, and what it tells. */
export interface NodeStreams {
  /** Settlements after a number, then `caught-up`, then live ones. */
  settlements: {
    readonly params: { readonly after: number };
    readonly event: ({ readonly kind: 'settled' } & NumberedSettlement) | { readonly kind: 'caught-up'; readonly number: number };
  };
  /** The stages of a channel's close, from where it stands; ends when it is closed. */
  closing: { readonly params: { readonly channel: Outpoint }; readonly event: CloseStage };
}

export type NodeCall = keyof NodeCalls;
export type NodeStream = keyof NodeStreams;

/**
 * One node of a simulated network, in this process or behind a socket: all that the backend needs of it.
 * Calls and streams throw `LightningError`s.
 */
export interface SimulatedNode extends AsyncDisposable {
  readonly name: string;
  call<M extends NodeCall>(method: M, params: NodeCalls[M]['params'], options?: CallOptions): Promise<NodeCalls[M]['result']>;
  /** Ends when its matter ends or when the signal is aborted; throws `CONNECTION_LOST` or `UNAVAILABLE` when the node goes away. */
  follow<S extends NodeStream>(stream: S, params: NodeStreams[S]['params'], options?: CallOptions): AsyncIterable<NodeStreams[S]['event']>;
}
