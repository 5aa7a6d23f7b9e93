import type { ChannelRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { Outpoint } from '../../../src/core/lightning/identifiers.ts';
import type { LndNode } from './node.ts';
import type { InvoicePayment, SendRequest } from './send-request.ts';
import { channelNumber } from './values.ts';

/** Pays an invoice of the node's own: out by one of the channels named, back by the peer named, to rebalance them. */
export function payAround(
  node: LndNode,
  { paymentRequest, invoice, amountMsat, maxFeeMsat }: InvoicePayment,
  request: Pick<SendRequest, 'outgoing_chan_id' | 'outgoing_chan_ids' | 'last_hop_pubkey'>,
): void {
  const usable = node.network.channels.of(node.name).filter((channel) => node.network.channels.usable(channel));
  const outgoing = [...request.outgoing_chan_ids, request.outgoing_chan_id].filter((id) => id !== '0');
  const lastHop = request.last_hop_pubkey.toString('hex');
  const isFirst = (channel: ChannelRecord): boolean => outgoing.length === 0 || outgoing.includes(channelNumber(channel.shortChannelId));
  const isLast = (channel: ChannelRecord): boolean => lastHop === '' || peerId(node, channel) === lastHop;
  const first = usable.find(isFirst);
  const last = usable.find((channel) => isLast(channel) && channel.outpoint !== first?.outpoint);
  const found = first !== undefined && last !== undefined;
  const via: { readonly first: Outpoint; readonly last: Outpoint } | undefined = found
    ? { first: first.outpoint, last: last.outpoint }
    : undefined;
  node.network.payments.start(
    {
      node: node.name,
      paymentHash: invoice.paymentHash,
      kind: 'invoice',
      paymentRequest,
      paymentSecret: invoice.paymentSecret,
      payee: node.name,
      amountMsat,
      maxFeeMsat,
      finalCltvDelta: invoice.finalCltvDelta,
      hints: [],
      via,
      preimage: undefined,
    },
    found ? undefined : { reason: 'no-route', detail: 'no two channels to go out and come back by' },
  );
}

function peerId(node: LndNode, { a, b }: ChannelRecord): string {
  return node.network.nodes.need(a === node.name ? b : a).nodeId;
}
