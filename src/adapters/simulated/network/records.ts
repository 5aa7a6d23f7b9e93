import type { Msat } from '../../../core/lightning/amount.ts';
import type { ChannelPolicy } from '../../../core/lightning/channel.ts';
import type { NodeId, Outpoint, PaymentHash, Preimage, ShortChannelId, TxId } from '../../../core/lightning/identifiers.ts';
import type { PaymentFailure } from '../../../core/lightning/payment.ts';

/**
 * What the network remembers, as immutable records: a change is a new record in place of the old one. Nodes are named by
 * the short name they were given (`seller`). Fields whose name ends in `Msat` hold bigints. Times are milliseconds since 1970.
 */
export interface Records {
  readonly chain: ChainRecord;
  readonly nodes: NodeRecord;
  readonly addresses: AddressRecord;
  readonly transactions: TransactionRecord;
  readonly channels: ChannelRecord;
  readonly peers: PeerRecord;
  readonly invoices: InvoiceRecord;
  readonly payments: PaymentRecord;
  readonly forwards: ForwardRecord;
}

/** The chain and the miner, who has what was mined and not yet given away, and all fees. There is one, with id `chain`. */
export interface ChainRecord {
  readonly height: number;
  /** All that ever came into being. */
  readonly minedMsat: Msat;
  readonly minerMsat: Msat;
  /** The part of what the miner earned that was fees. */
  readonly feesMsat: Msat;
  /** What was sent to addresses that belong to none of our nodes. */
  readonly externalMsat: Msat;
  /** How often the network was started from its store. */
  readonly starts: number;
  readonly nodeCount: number;
  readonly transactionCount: number;
}

/** A node. `secretKey` signs its invoices. */
export interface NodeRecord {
  readonly name: string;
  readonly secretKey: string;
  readonly nodeId: NodeId;
  readonly port: number;
  readonly online: boolean;
  /** On chain, confirmed and spendable. */
  readonly walletMsat: Msat;
  readonly addCount: number;
  readonly settleCount: number;
  readonly paymentCount: number;
  readonly forwardCount: number;
}

/** Whose an address is. */
export interface AddressRecord {
  readonly address: string;
  readonly owner: string;
}

/** Where an output of a transaction goes: a node by name, the miner, or somebody outside the network. */
export interface OutputRecord {
  readonly to: { readonly node: string } | 'miner' | 'outside' | 'channel';
  readonly amountMsat: Msat;
  /** Blocks after the confirmation until it can be spent: a forced close makes its own side wait. */
  readonly delayBlocks: number;
  /** It has reached the wallet. */
  readonly paid: boolean;
}

/** A transaction on the chain or waiting for a block. */
export interface TransactionRecord {
  readonly txId: TxId;
  readonly number: number;
  readonly kind: 'fund' | 'send' | 'open' | 'close' | 'force-close';
  readonly at: number;
  /** Who paid for it out of a wallet. */
  readonly payer: string | undefined;
  readonly spentMsat: Msat;
  readonly feeMsat: Msat;
  readonly outputs: readonly OutputRecord[];
  /** Undefined while unconfirmed. */
  readonly height: number | undefined;
}

/** One end of a channel. */
export type Side = 'a' | 'b';

/** An HTLC in flight over a channel: the amount left `from`'s balance and is nobody's yet. */
export interface HtlcRecord {
  readonly from: Side;
  readonly amountMsat: Msat;
}

/** A channel; `a` opened it. */
export interface ChannelRecord {
  readonly outpoint: Outpoint;
  readonly shortChannelId: ShortChannelId | undefined;
  readonly a: string;
  readonly b: string;
  readonly capacityMsat: Msat;
  readonly aMsat: Msat;
  readonly bMsat: Msat;
  readonly htlcs: Readonly<Record<string, HtlcRecord>>;
  readonly private: boolean;
  readonly aPolicy: ChannelPolicy;
  readonly bPolicy: ChannelPolicy;
  readonly state: 'pending' | 'open' | 'closing' | 'closed';
  readonly closingTxId: TxId | undefined;
}

/** A connection between two nodes; `from` made it. */
export interface PeerRecord {
  readonly from: string;
  readonly to: string;
  readonly persistent: boolean;
  readonly connected: boolean;
}

/** An invoice at its payee. Without `preimage` it is a hold invoice that is not settled. */
export interface InvoiceRecord {
  readonly node: string;
  readonly paymentHash: PaymentHash;
  readonly paymentRequest: string;
  readonly paymentSecret: string;
  readonly preimage: Preimage | undefined;
  readonly hold: boolean;
  readonly amountMsat: Msat | undefined;
  readonly description: string | undefined;
  readonly descriptionHash: string | undefined;
  readonly label: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly state: 'open' | 'held' | 'settled' | 'cancelled';
  readonly receivedMsat: Msat;
  readonly settledAt: number | undefined;
  /** The place among the node's invoices, from 1. */
  readonly addNumber: number;
  /** The place among the node's settlements, from 1. */
  readonly settleNumber: number | undefined;
  /** The payment whose HTLCs are held or were taken. */
  readonly payer: string | undefined;
}

/** One hop of a part: an HTLC of `amountMsat` over `channel`, offered by `from`. */
export interface HopRecord {
  readonly channel: Outpoint;
  readonly from: string;
  readonly to: string;
  readonly amountMsat: Msat;
}

/**
 * One part of a payment on its way. `out` HTLCs are being offered, `at` of them are locked · `held` all are locked, the payee
 * has them · `settling` and `failing` they are taken or given back from the payee's end, `at` are left · `settled`, `failed` done.
 */
export interface PartRecord {
  readonly hops: readonly HopRecord[];
  readonly phase: 'out' | 'held' | 'settling' | 'failing' | 'settled' | 'failed';
  readonly at: number;
  readonly amountMsat: Msat;
  readonly feeMsat: Msat;
  /** The block at which the payee gives a held part back. */
  readonly expiryHeight: number;
}

/** A payment at its payer. */
export interface PaymentRecord {
  readonly node: string;
  readonly paymentHash: PaymentHash;
  /** The place among the node's payments, from 1. */
  readonly number: number;
  readonly kind: 'invoice' | 'keysend' | 'rebalance';
  readonly paymentRequest: string | undefined;
  readonly paymentSecret: string | undefined;
  readonly payee: string;
  readonly amountMsat: Msat;
  readonly maxFeeMsat: Msat;
  readonly finalCltvDelta: number;
  readonly hints: readonly { readonly nodeId: NodeId; readonly channel: ShortChannelId }[];
  /** Rebalancing: the channels to leave and to come back by. */
  readonly via: { readonly first: Outpoint; readonly last: Outpoint } | undefined;
  /** Keysend carries it; else known once settled. */
  readonly preimage: Preimage | undefined;
  readonly createdAt: number;
  readonly status: 'pending' | 'settled' | 'failed';
  /** Why it will fail, as soon as everything that is out has come back. */
  readonly givingUp: { readonly reason: PaymentFailure; readonly detail: string } | undefined;
  readonly settledAt: number | undefined;
  readonly attempts: number;
  readonly parts: readonly PartRecord[];
}

/** A payment that a node forwarded. */
export interface ForwardRecord {
  readonly node: string;
  readonly number: number;
  readonly at: number;
  readonly incoming: ShortChannelId;
  readonly outgoing: ShortChannelId;
  readonly inMsat: Msat;
  readonly outMsat: Msat;
}
