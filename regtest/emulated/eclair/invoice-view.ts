import { readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { SimulatedNetwork } from '../../../src/adapters/simulated/network/network.ts';
import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';
import { readInvoiceText, textOf } from '../shared/invoice-text.ts';
import { type EclairContext, moment } from './context.ts';

/** Even bits of BOLT 9 and what eclair calls them. */
const FEATURES: Readonly<Record<number, string>> = {
  8: 'var_onion_optin',
  14: 'payment_secret',
  16: 'basic_mpp',
  24: 'option_route_blinding',
  36: 'option_attribution_data',
  48: 'option_payment_metadata',
};

/** What eclair's own invoices offer beside what every invoice of the network does. */
const OWN_FEATURES = { option_attribution_data: 'optional', option_payment_metadata: 'optional' };
/** What eclair puts in the payment metadata of every invoice. */
const OWN_METADATA = '2a';

/** A BOLT 11 invoice as eclair prints it; one of its own with what eclair adds to each. */
export function invoiceView(text: string, isOwn: boolean): Readonly<Record<string, unknown>> {
  const invoice = readInvoice(text);
  const { prefix, features } = readInvoiceText(text);
  const activated = Object.fromEntries(
    features.map((bit) => [FEATURES[bit - (bit % 2)] ?? `unknown_${bit}`, bit % 2 === 0 ? 'mandatory' : 'optional']),
  );
  return {
    prefix,
    timestamp: invoice.createdAt / 1000,
    nodeId: invoice.payee,
    serialized: text,
    description: invoice.description,
    descriptionHash: invoice.descriptionHash,
    paymentHash: invoice.paymentHash,
    ...(isOwn && { paymentMetadata: OWN_METADATA }),
    expiry: (invoice.expiresAt - invoice.createdAt) / 1000,
    minFinalCltvExpiry: invoice.finalCltvDelta,
    amount: invoice.amountMsat,
    features: { activated: { ...(isOwn && OWN_FEATURES), ...activated } },
    routingInfo: invoice.routeHints.map((route) =>
      route.map((hop) => ({
        nodeId: hop.nodeId,
        shortChannelId: hop.channel,
        feeBase: hop.baseFeeMsat,
        feeProportionalMillionths: hop.feeRatePpm,
        cltvExpiryDelta: hop.cltvDelta,
      })),
    ),
  };
}

/** An invoice of the node's own. */
export function ownInvoiceView(network: SimulatedNetwork, record: InvoiceRecord): Readonly<Record<string, unknown>> {
  return invoiceView(textOf(network, record), true);
}

/** An invoice of the node's own with how it stands, as `getreceivedinfo` has it. */
export function receivedView(context: EclairContext, record: InvoiceRecord): Readonly<Record<string, unknown>> {
  return {
    invoice: ownInvoiceView(context.network, record),
    paymentPreimage: record.preimage,
    paymentType: record.paymentRequest === '' ? 'KeySend' : 'Standard',
    createdAt: moment(Math.floor(record.createdAt / 1000) * 1000),
    status: statusOf(context, record),
  };
}

function statusOf({ network }: EclairContext, record: InvoiceRecord): Readonly<Record<string, unknown>> {
  const state = network.invoices.stateOf(record);
  if (state === 'settled') return { type: 'received', amount: record.receivedMsat, receivedAt: moment(record.settledAt ?? 0) };
  return { type: state === 'expired' ? 'expired' : 'pending' };
}
