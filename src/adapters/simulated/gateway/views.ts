import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { Channel, ChannelState, Forward, Peer } from '../../../core/lightning/channel.ts';
import type { Page } from '../../../core/lightning/common.ts';
import type { Invoice } from '../../../core/lightning/invoice.ts';
import type { Payment, PaymentOutcome, PaymentPart } from '../../../core/lightning/payment.ts';
import type { WalletTransaction } from '../../../core/lightning/wallet.ts';
import { balanceOf, other, sideOf } from '../network/htlcs.ts';
import type { SimulatedNetwork } from '../network/network.ts';
import type {
  ChannelRecord,
  ForwardRecord,
  InvoiceRecord,
  PartRecord,
  PaymentRecord,
  PeerRecord,
  TransactionRecord,
} from '../network/records.ts';
import type { NumberedSettlement } from './calls.ts';

/** An invoice as the port tells it. */
export function toInvoice(network: SimulatedNetwork, record: InvoiceRecord): Invoice {
  return {
    paymentHash: record.paymentHash,
    paymentRequest: record.paymentRequest,
    amountMsat: record.amountMsat,
    description: record.description,
    descriptionHash: record.descriptionHash,
    state: network.invoices.stateOf(record),
    receivedMsat: record.receivedMsat,
    createdAt: record.createdAt,
    expiresAt: record.expiresAt,
    settledAt: record.settledAt,
    label: record.label,
    index: BigInt(record.addNumber),
  };
}

/** A settled invoice as a settlement. */
export function toSettlement(record: InvoiceRecord): NumberedSettlement {
  const { paymentHash, amountMsat, receivedMsat, settledAt, settleNumber, expiresAt, label } = record;
  if (settledAt === undefined || settleNumber === undefined) throw new Error(`invoice ${paymentHash} is not settled`);
  return { number: settleNumber, settlement: { paymentHash, amountMsat, receivedMsat, settledAt, expiresAt, label } };
}

/** How a payment stands, as the port tells it. */
export function toOutcome(network: SimulatedNetwork, record: PaymentRecord): PaymentOutcome {
  const { paymentHash, preimage, givingUp } = record;
  if (record.status === 'failed') {
    return { status: 'failed', paymentHash, reason: givingUp?.reason ?? 'error', detail: givingUp?.detail ?? 'the payment failed' };
  }
  if (record.status === 'pending' || preimage === undefined) return { status: 'pending', paymentHash };
  const settled = record.parts.filter((part) => part.phase === 'settled');
  const sum = (field: 'amountMsat' | 'feeMsat') => msat(settled.reduce((total, part) => total + part[field], 0n));
  const parts = settled.map((part) => toPart(network, part));
  return {
    status: 'settled',
    paymentHash,
    preimage,
    amountMsat: sum('amountMsat'),
    feeMsat: sum('feeMsat'),
    settledAt: record.settledAt,
    parts,
  };
}

/** An outgoing payment as the port lists it. */
export function toPayment(network: SimulatedNetwork, record: PaymentRecord): Payment {
  return { outcome: toOutcome(network, record), paymentRequest: record.paymentRequest, createdAt: record.createdAt };
}

/** A node's channel as the port tells it. */
export function toChannel(network: SimulatedNetwork, node: string, record: ChannelRecord): Channel {
  const mine = sideOf(record, node);
  return {
    outpoint: record.outpoint,
    shortChannelId: record.shortChannelId,
    peer: network.nodes.need(record[other(mine)]).nodeId,
    state: channelState(network, record),
    capacityMsat: record.capacityMsat,
    localMsat: balanceOf(record, mine),
    remoteMsat: balanceOf(record, other(mine)),
    private: record.private,
    initiator: mine === 'a',
    closingTxId: record.closingTxId,
  };
}

/** A peer as the port lists it. */
export function toPeer(network: SimulatedNetwork, node: string, record: PeerRecord): Peer {
  const peer = network.nodes.need(record.from === node ? record.to : record.from);
  return { nodeId: peer.nodeId, connected: record.connected, address: network.nodes.address(peer), inbound: record.to === node };
}

/** A forward as the port lists it. */
export function toForward({ at, incoming, outgoing, inMsat, outMsat }: ForwardRecord): Forward {
  return { at, incoming, outgoing, inMsat, outMsat, feeMsat: msat(inMsat - outMsat) };
}

/** A transaction as a node's wallet sees it. */
export function toTransaction(network: SimulatedNetwork, node: string, record: TransactionRecord): WalletTransaction {
  let deltaMsat = record.payer === node ? -record.spentMsat : 0n;
  for (const { to, amountMsat } of record.outputs) if (typeof to === 'object' && to.node === node) deltaMsat += amountMsat;
  return {
    txId: record.txId,
    deltaMsat,
    feeMsat: record.payer === node ? record.feeMsat : undefined,
    confirmations: record.height === undefined ? 0 : network.chain.record.height - record.height + 1,
    at: record.at,
  };
}

/** The sum of some amounts. */
export function total(amounts: readonly Msat[]): Msat {
  return msat(amounts.reduce((sum, amount) => sum + amount, 0n));
}

/** What a request for a page means, in numbers. */
export interface PageNumbers {
  readonly after: number;
  readonly limit: number;
}

/** A page out of a list that is read by number: one more than asked is read, to see whether there is a next page. */
export function toPage<T, U>(read: (after: number, limit: number) => readonly T[], request: PageNumbers, view: (row: T) => U): Page<U> {
  const rows = read(request.after, request.limit + 1);
  const items = rows.slice(0, request.limit).map(view);
  return { items, next: rows.length > request.limit ? String(request.after + request.limit) : undefined };
}

function channelState(network: SimulatedNetwork, record: ChannelRecord): ChannelState {
  if (record.state !== 'open') return record.state;
  return network.channels.usable(record) ? 'active' : 'inactive';
}

/** Each hop with what it passed on and kept, as lnd tells it: the last one is the payee, who keeps nothing. */
function toPart(network: SimulatedNetwork, part: PartRecord): PaymentPart {
  const hops = part.hops.map((hop, at) => {
    const forwardedMsat = part.hops[at + 1]?.amountMsat ?? part.amountMsat;
    return {
      nodeId: network.nodes.need(hop.to).nodeId,
      channel: network.channels.need(hop.from, hop.channel, 'route').shortChannelId,
      forwardedMsat,
      feeMsat: msat(hop.amountMsat - forwardedMsat),
    };
  });
  return { amountMsat: part.amountMsat, feeMsat: part.feeMsat, hops };
}
