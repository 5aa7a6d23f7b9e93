import { type Msat, msat } from '../../core/lightning/amount.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { paymentHash } from '../../core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice, InvoiceState } from '../../core/lightning/invoice.ts';
import type { Settlement, SettlementCursor } from '../../core/lightning/settlement.ts';
import { readBolt11 } from '../shared/bolt11.ts';
import type { ClnCreatedInvoice, ClnInvoice, ClnPaidInvoice } from './schema-invoices.ts';

const STATES: Readonly<Record<ClnInvoice['status'], InvoiceState>> = { unpaid: 'open', paid: 'settled', expired: 'expired' };

/** An invoice of lightningd's list. What the list leaves out is read from the BOLT 11 text. */
export function toInvoice(invoice: ClnInvoice): Invoice {
  const fields = invoice.bolt11 === undefined ? undefined : readBolt11(invoice.bolt11);
  const expiresAt = invoice.expires_at * 1000;
  return {
    paymentHash: paymentHash(invoice.payment_hash),
    paymentRequest: invoice.bolt11 ?? invoice.bolt12 ?? '',
    amountMsat: invoice.amount_msat,
    // lightningd keeps the long description of an invoice that was made for its hash.
    description: fields === undefined ? invoice.description : fields.description,
    descriptionHash: fields?.descriptionHash,
    state: STATES[invoice.status],
    receivedMsat: invoice.amount_received_msat ?? msat(0n),
    createdAt: fields?.createdAt ?? expiresAt,
    expiresAt,
    settledAt: invoice.paid_at === undefined ? undefined : invoice.paid_at * 1000,
    label: invoice.label,
    index: invoice.created_index === undefined ? undefined : BigInt(invoice.created_index),
  };
}

/** The invoice that was just made, of the request and the short answer. */
export function toCreatedInvoice(created: ClnCreatedInvoice, label: string): Invoice {
  const fields = readBolt11(created.bolt11);
  return {
    paymentHash: paymentHash(created.payment_hash),
    paymentRequest: created.bolt11,
    amountMsat: fields.amountMsat,
    description: fields.description,
    descriptionHash: fields.descriptionHash,
    state: 'open',
    receivedMsat: msat(0n),
    createdAt: fields.createdAt,
    expiresAt: created.expires_at * 1000,
    settledAt: undefined,
    label,
    index: created.created_index === undefined ? undefined : BigInt(created.created_index),
  };
}

/** Whether an invoice that is there is the one that a request asks for again. */
export function isSameInvoice(invoice: Invoice, request: CreateInvoice, wantedHash: string | undefined): boolean {
  const amount: Msat | undefined = request.amountMsat === 'any' ? undefined : request.amountMsat;
  const expirySeconds = Math.round((invoice.expiresAt - invoice.createdAt) / 1000);
  return (
    invoice.amountMsat === amount &&
    invoice.description === request.description &&
    // The node counts the expiry from its own second, which may have turned in between.
    Math.abs(expirySeconds - request.expirySeconds) <= 1 &&
    (wantedHash === undefined || invoice.paymentHash === wantedHash)
  );
}

/** A paid invoice as the settlement that it is. */
export function toSettlement(invoice: ClnPaidInvoice): Settlement {
  return {
    paymentHash: paymentHash(invoice.payment_hash),
    amountMsat: invoice.amount_msat,
    receivedMsat: invoice.amount_received_msat,
    settledAt: invoice.paid_at * 1000,
    expiresAt: invoice.expires_at * 1000,
    label: invoice.label,
  };
}

const CURSOR = /^cln:(\d{1,15})$/;

/** The cursor after the invoice of a pay index: lightningd's own count of paid invoices, from 1. */
export function toCursor(payIndex: number): SettlementCursor {
  return `cln:${payIndex}` as SettlementCursor;
}

/** The pay index of a cursor. @throws LightningError `INVALID_ARGUMENT` for one that is not ours. */
export function fromCursor(cursor: SettlementCursor | undefined): number {
  if (cursor === undefined) return 0;
  const index = CURSOR.exec(cursor)?.[1];
  if (index === undefined) {
    throw new LightningError('INVALID_ARGUMENT', 'not a cursor of the cln adapter', { operation: 'invoices.settlements' });
  }
  return Number(index);
}
