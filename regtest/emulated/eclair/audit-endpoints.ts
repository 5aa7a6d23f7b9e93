import { createHash } from 'node:crypto';
import type { ForwardRecord, InvoiceRecord, PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { PaymentHash } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { type EclairContext, type Endpoints, moment } from './context.ts';
import { listRange } from './form.ts';
import type { Outgoing } from './outgoing.ts';
import { sentView } from './outgoing-view.ts';

/** What eclair keeps for the books. */
export function auditEndpoints(context: EclairContext, outgoing: Outgoing): Endpoints {
  const { network, name } = context;
  return {
    audit: (form) => {
      const range = listRange(form, context.now());
      const sent = outgoing.all().filter(({ status, endedAt }) => status === 'sent' && range.isWithin(endedAt ?? 0));
      const received = network.invoices
        .settledAfter(name, 0, Number.MAX_SAFE_INTEGER)
        .filter(({ settledAt }) => range.isWithin(settledAt ?? 0));
      const relayed = network.forwards(name, 0, Number.MAX_SAFE_INTEGER).filter(({ at }) => range.isWithin(at));
      return {
        sent: range.page(sent).map((attempt) => sentView(context, attempt, false)),
        received: range.page(received).map((record) => receivedEvent(context, record)),
        relayed: range.page(relayed).map((forward) => relayedEvent(context, forward)),
      };
    },
    networkfees: (form) => {
      const range = listRange(form, context.now());
      return channelsOf(network, name).flatMap((channel) => {
        const funding = network.transactions(name).find(({ txId, payer }) => txId === channel.fundingTxId && payer === name);
        if (funding === undefined || !range.isWithin(funding.at)) return [];
        const { peer, channelId, fundingTxId } = channel;
        return [
          {
            remoteNodeId: peer.nodeId,
            channelId,
            txId: fundingTxId,
            fee: funding.feeMsat / 1000n,
            txType: 'funding',
            timestamp: moment(funding.at),
          },
        ];
      });
    },
  };
}

/** `payment-received`: the event and the audit's line. */
export function receivedEvent(
  { network, name }: EclairContext,
  record: InvoiceRecord,
): { readonly type: string } & Readonly<Record<string, unknown>> {
  const [payer] = record.payer?.split('/') ?? [];
  const payment = payer === undefined ? undefined : network.payments.find(payer, record.paymentHash);
  const channels = channelsOf(network, name);
  const receivedAt = moment(record.settledAt ?? 0);
  const parts = (payment?.parts ?? [])
    .filter(({ phase }) => phase !== 'failed' && phase !== 'failing')
    .map((part) => {
      const channel = channels.find(({ record: own }) => own.outpoint === part.hops.at(-1)?.channel);
      return { channelId: channel?.channelId, remoteNodeId: channel?.peer.nodeId, amount: part.amountMsat, receivedAt };
    });
  return { type: 'payment-received', paymentHash: record.paymentHash, parts };
}

/** `payment-relayed`: the event and the audit's line. */
export function relayedEvent(
  context: EclairContext,
  forward: ForwardRecord,
): { readonly type: string } & Readonly<Record<string, unknown>> {
  const channels = channelsOf(context.network, context.name);
  const edge = (shortId: string, amount: bigint) => {
    const channel = channels.find(({ record }) => record.shortChannelId === shortId);
    return { channelId: channel?.channelId, remoteNodeId: channel?.peer.nodeId, amount };
  };
  return {
    type: 'payment-relayed',
    paymentHash: hashOf(context, forward),
    incoming: [{ ...edge(forward.incoming, forward.inMsat), receivedAt: moment(forward.at) }],
    outgoing: [{ ...edge(forward.outgoing, forward.outMsat), settledAt: moment(forward.at) }],
  };
}

/** The simulated network notes no hash with a forward: it is that of a payment that went this way with these amounts. */
function hashOf({ network, name }: EclairContext, forward: ForwardRecord): PaymentHash | string {
  const wentThere = ({ parts }: PaymentRecord) =>
    parts.some(({ hops }) =>
      hops.some(({ to, amountMsat }, at) => to === name && amountMsat === forward.inMsat && hops[at + 1]?.amountMsat === forward.outMsat),
    );
  for (const node of network.nodes.list()) {
    const found = network.payments.list(node.name, 0, Number.MAX_SAFE_INTEGER).find(wentThere);
    if (found !== undefined) return found.paymentHash;
  }
  return createHash('sha256').update(`${name} ${forward.number}`).digest('hex');
}
