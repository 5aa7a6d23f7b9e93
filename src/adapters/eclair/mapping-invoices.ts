import { type Msat, msat } from '../../core/lightning/amount.ts';
import type { Network } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { nodeId, paymentHash, shortChannelId } from '../../core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice, InvoiceState } from '../../core/lightning/invoice.ts';
import type { DecodedInvoice } from '../../core/lightning/payment.ts';
import type { Settlement, SettlementCursor } from '../../core/lightning/settlement.ts';
import type { EclairInvoice, EclairReceived, EclairReceivedStatus } from './schema-invoices.ts';

const STATES: Readonly<Record<EclairReceivedStatus['type'], InvoiceState>> = { pending: 'open', expired: 'expired', received: 'settled' };

/** An invoice and how it stands; one that was just made is pending. eclair has no labels: ours is told if it is known. */
export function toInvoice(invoice: EclairInvoice, status: EclairReceivedStatus = { type: 'pending' }, label?: string): Invoice {
  const createdAt = invoice.timestamp * 1000;
  return {
    paymentHash: paymentHash(invoice.paymentHash),
    paymentRequest: invoice.serialized,
    amountMsat: invoice.amount,
    description: invoice.description,
    descriptionHash: invoice.descriptionHash,
    state: STATES[status.type],
    receivedMsat: status.type === 'received' ? status.amount : msat(0n),
    createdAt,
    expiresAt: createdAt + invoice.expiry * 1000,
    settledAt: status.type === 'received' ? status.receivedAt : undefined,
    label,
    index: undefined,
  };
}

/** Whether an invoice that is there is the one that a request asks for again. */
export function isSameInvoice(invoice: Invoice, request: CreateInvoice): boolean {
  const amount: Msat | undefined = request.amountMsat === 'any' ? undefined : request.amountMsat;
  const { description } = request;
  const sameText =
    typeof description === 'string' ? invoice.description === description : invoice.descriptionHash === description.sha256.toLowerCase();
  return invoice.amountMsat === amount && sameText && invoice.expiresAt - invoice.createdAt === request.expirySeconds * 1000;
}

/** A received payment as the settlement that it is; undefined while it is not. */
export function toSettlement(received: EclairReceived, label?: string): Settlement | undefined {
  if (received.status.type !== 'received') return undefined;
  const { invoice } = received;
  return {
    paymentHash: paymentHash(invoice.paymentHash),
    amountMsat: invoice.amount,
    receivedMsat: received.status.amount,
    settledAt: received.status.receivedAt,
    expiresAt: expiryOf(invoice),
    label,
  };
}

/** `parseinvoice` as the port has it. */
export function toDecoded(invoice: EclairInvoice, network: Network): DecodedInvoice {
  return {
    paymentHash: paymentHash(invoice.paymentHash),
    payee: nodeId(invoice.nodeId),
    network,
    amountMsat: invoice.amount,
    description: invoice.description,
    descriptionHash: invoice.descriptionHash,
    createdAt: invoice.timestamp * 1000,
    expiresAt: (invoice.timestamp + invoice.expiry) * 1000,
    finalCltvDelta: invoice.minFinalCltvExpiry,
    routeHints: invoice.routingInfo.map((route) =>
      route.map((hop) => ({
        nodeId: nodeId(hop.nodeId),
        channel: shortChannelId(hop.shortChannelId),
        baseFeeMsat: hop.feeBase,
        feeRatePpm: hop.feeProportionalMillionths,
        cltvDelta: hop.cltvExpiryDelta,
      })),
    ),
  };
}

const CURSOR = /^eclair:(\d{1,15})$/;

/** The cursor after a position in the log of first observation. */
export function toCursor(position: number): SettlementCursor {
  return `eclair:${position}` as SettlementCursor;
}

/** The position of a cursor. @throws LightningError `INVALID_ARGUMENT` for one that is not ours. */
export function fromCursor(cursor: SettlementCursor | undefined): number {
  if (cursor === undefined) return 0;
  const position = CURSOR.exec(cursor)?.[1];
  if (position === undefined) {
    throw new LightningError('INVALID_ARGUMENT', 'not a cursor of the eclair adapter', { operation: 'invoices.settlements' });
  }
  return Number(position);
}

function expiryOf(invoice: EclairReceived['invoice']): number | undefined {
  if ('timestamp' in invoice) return (invoice.timestamp + invoice.expiry) * 1000;
  return invoice.expiresAt === undefined ? undefined : invoice.expiresAt * 1000;
}
