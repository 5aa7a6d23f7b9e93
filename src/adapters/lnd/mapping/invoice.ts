import { type Msat, msat } from '../../../core/lightning/amount.ts';
import { paymentHash } from '../../../core/lightning/identifiers.ts';
import type { Invoice, InvoiceState } from '../../../core/lightning/invoice.ts';
import type { Settlement } from '../../../core/lightning/settlement.ts';
import type { LndInvoice } from '../schema/invoice.ts';

/** An invoice in the port's terms. `now` tells an invoice that ran out from one that was cancelled: lnd cancels both. */
export function toInvoice(invoice: LndInvoice, now: number, label?: string): Invoice {
  const expiresAt = expiryOf(invoice);
  const { description_hash: descriptionHash } = invoice;
  return {
    paymentHash: paymentHash(invoice.r_hash),
    paymentRequest: invoice.payment_request,
    amountMsat: amountOf(invoice),
    description: descriptionHash === '' ? invoice.memo : undefined,
    descriptionHash: descriptionHash === '' ? undefined : descriptionHash,
    state: stateOf(invoice, expiresAt, now),
    receivedMsat: receivedOf(invoice),
    createdAt: invoice.creation_date * 1000,
    expiresAt,
    settledAt: invoice.state === 'SETTLED' ? invoice.settle_date * 1000 : undefined,
    label,
    index: invoice.add_index,
  };
}

/** A settled invoice as what was paid. */
export function toSettlement(invoice: LndInvoice): Settlement {
  return {
    paymentHash: paymentHash(invoice.r_hash),
    amountMsat: amountOf(invoice),
    receivedMsat: msat(invoice.amt_paid_msat),
    settledAt: invoice.settle_date * 1000,
    expiresAt: expiryOf(invoice),
    label: undefined,
  };
}

function stateOf({ state }: LndInvoice, expiresAt: number, now: number): InvoiceState {
  switch (state) {
    case 'SETTLED':
      return 'settled';
    case 'ACCEPTED':
      return 'held';
    case 'OPEN':
      return now >= expiresAt ? 'expired' : 'open';
    case 'CANCELED':
      return now >= expiresAt ? 'expired' : 'cancelled';
  }
}

/** lnd writes the amount paid when it settles; what is held stands in the HTLCs. */
function receivedOf({ state, amt_paid_msat, htlcs }: LndInvoice): Msat {
  if (state !== 'ACCEPTED') return msat(amt_paid_msat);
  return msat(htlcs.filter((htlc) => htlc.state === 'ACCEPTED').reduce((sum, { amt_msat }) => sum + amt_msat, 0n));
}

function amountOf({ value_msat }: LndInvoice): Msat | undefined {
  return value_msat === 0n ? undefined : msat(value_msat);
}

function expiryOf({ creation_date, expiry }: LndInvoice): number {
  return (creation_date + expiry) * 1000;
}
