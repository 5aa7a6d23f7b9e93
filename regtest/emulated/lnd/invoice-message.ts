import { DEFAULT_FINAL_CLTV } from '../../../src/adapters/simulated/network/invoices.ts';
import type { InvoiceRecord, PartRecord, PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import type { RouteHint } from '../../../src/core/lightning/payment.ts';
import { INVOICE_FEATURES } from './features.ts';
import { type LndNode, read } from './node.ts';
import { bytesOf, channelNumber, type Message, satOf, secondsOf } from './values.ts';

/** The TLV type of an onion's record that carries a keysend's preimage. */
export const KEYSEND_RECORD = 5_482_373_484n;

/** lnd's four states: one that has run out is cancelled there. */
export function lndState(node: LndNode, invoice: InvoiceRecord): 'OPEN' | 'SETTLED' | 'CANCELED' | 'ACCEPTED' {
  switch (node.network.invoices.stateOf(invoice)) {
    case 'open':
      return 'OPEN';
    case 'held':
      return 'ACCEPTED';
    case 'settled':
      return 'SETTLED';
    case 'cancelled':
    case 'expired':
      return 'CANCELED';
  }
}

/** An invoice as `lnrpc.Invoice`. */
export function toInvoiceMessage(node: LndNode, invoice: InvoiceRecord): Message {
  const state = lndState(node, invoice);
  const isKeysend = invoice.paymentRequest === '';
  const decoded = isKeysend ? undefined : read(node, invoice.paymentRequest);
  const paid = state === 'SETTLED' ? invoice.receivedMsat : 0n;
  return {
    memo: invoice.description ?? '',
    r_preimage: bytesOf(invoice.preimage),
    r_hash: bytesOf(invoice.paymentHash),
    value: satOf(invoice.amountMsat ?? 0n),
    value_msat: String(invoice.amountMsat ?? 0n),
    settled: state === 'SETTLED',
    creation_date: secondsOf(invoice.createdAt),
    settle_date: secondsOf(invoice.settledAt),
    payment_request: invoice.paymentRequest,
    description_hash: bytesOf(invoice.descriptionHash),
    expiry: secondsOf(invoice.expiresAt - invoice.createdAt),
    fallback_addr: '',
    cltv_expiry: String(decoded?.finalCltvDelta ?? DEFAULT_FINAL_CLTV),
    route_hints: (decoded?.routeHints ?? []).map(toRouteHint),
    private: (decoded?.routeHints.length ?? 0) > 0,
    add_index: String(invoice.addNumber),
    settle_index: String(invoice.settleNumber ?? 0),
    amt_paid: paid.toString(),
    amt_paid_sat: satOf(paid),
    amt_paid_msat: paid.toString(),
    state,
    htlcs: htlcsOf(node, invoice),
    features: isKeysend ? {} : INVOICE_FEATURES,
    is_keysend: isKeysend,
    payment_addr: bytesOf(invoice.paymentSecret),
    is_amp: false,
    amp_invoice_state: {},
    is_blinded: false,
  };
}

/** An invoice as it was when it was made, for who hears of that only now. */
export function toNewInvoiceMessage(node: LndNode, invoice: InvoiceRecord): Message {
  const untouched = {
    settled: false,
    settle_date: '0',
    settle_index: '0',
    amt_paid: '0',
    amt_paid_sat: '0',
    amt_paid_msat: '0',
    htlcs: [],
  };
  return { ...toInvoiceMessage(node, invoice), ...untouched, state: 'OPEN' };
}

/** A hint of an invoice as `lnrpc.RouteHint`. */
export function toRouteHint(hops: readonly RouteHint[]): Message {
  return {
    hop_hints: hops.map((hop) => ({
      node_id: hop.nodeId,
      chan_id: channelNumber(hop.channel),
      fee_base_msat: Number(hop.baseFeeMsat),
      fee_proportional_millionths: hop.feeRatePpm,
      cltv_expiry_delta: hop.cltvDelta,
    })),
  };
}

/** The HTLCs of the payment that the invoice holds, took or gave back. */
function htlcsOf(node: LndNode, invoice: InvoiceRecord): readonly Message[] {
  const payment = payerOf(node, invoice);
  if (payment === undefined) return [];
  const total = payment.parts.reduce(
    (sum, { amountMsat, phase }) => (phase === 'failed' && invoice.state === 'settled' ? sum : sum + amountMsat),
    0n,
  );
  return payment.parts.flatMap((part, index) => {
    const last = part.hops.at(-1);
    if (last === undefined || part.expiryHeight === 0) return [];
    const state = htlcState(invoice, part);
    return [
      {
        chan_id: channelNumber(node.network.channels.need(node.name, last.channel, 'invoice').shortChannelId),
        htlc_index: String(index),
        amt_msat: part.amountMsat.toString(),
        accept_height: part.expiryHeight - payment.finalCltvDelta,
        accept_time: secondsOf(payment.createdAt),
        resolve_time: secondsOf(state === 'ACCEPTED' ? undefined : (invoice.settledAt ?? node.network.now())),
        expiry_height: part.expiryHeight,
        state,
        custom_records: payment.kind === 'keysend' ? { [KEYSEND_RECORD.toString()]: bytesOf(payment.preimage) } : {},
        mpp_total_amt_msat: payment.kind === 'keysend' ? '0' : total.toString(),
        custom_channel_data: Buffer.alloc(0),
      },
    ];
  });
}

function htlcState(invoice: InvoiceRecord, part: PartRecord): 'ACCEPTED' | 'SETTLED' | 'CANCELED' {
  if (part.phase === 'failed' || part.phase === 'failing' || invoice.state === 'cancelled') return 'CANCELED';
  return invoice.state === 'settled' ? 'SETTLED' : 'ACCEPTED';
}

function payerOf(node: LndNode, invoice: InvoiceRecord): PaymentRecord | undefined {
  const cut = invoice.payer?.lastIndexOf('/') ?? -1;
  if (invoice.payer === undefined || cut < 0) return undefined;
  return node.network.payments.find(invoice.payer.slice(0, cut), paymentHash(invoice.payer.slice(cut + 1)));
}
