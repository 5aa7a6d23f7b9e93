import type { DeviceHolder } from '../../core/devices/service.ts';
import type { DeviceTerms } from '../../core/devices/terms.ts';
import type { DeviceCounters, DeviceInvoice, DeviceSettlement } from '../../core/ports/device-ledger.ts';
import type { TickerplantError } from '../../core/tickerplant/errors.ts';
import { isoTime, type ServerMessage } from './messages.ts';

type RequestId = string | number | undefined;

/** Who the device is, what it may do, and where its counters stand. */
export function welcomeMessage({ device, name, terms }: DeviceHolder, counters: DeviceCounters, id: RequestId): ServerMessage {
  return { op: 'welcome', id, device, name, ...termsPart(terms), counters: countersPart(counters) };
}

/** An invoice for the device's customer. */
export function invoicedMessage(invoice: DeviceInvoice, id: RequestId): ServerMessage {
  return { op: 'invoiced', id, ...invoicePart(invoice) };
}

/** A payment, to be acknowledged. */
export function settledMessage(settlement: DeviceSettlement): ServerMessage {
  return { op: 'settled', ...settlementPart(settlement) };
}

/** What was acknowledged. */
export function ackedMessage(settlements: readonly string[], counters: DeviceCounters, id: RequestId): ServerMessage {
  return { op: 'acked', id, settlements, counters: countersPart(counters) };
}

/** A refusal, as every door sends it. */
export function refusedMessage({ code, message, retry }: TickerplantError, id: RequestId): ServerMessage {
  return { op: 'error', id, code, message, retry };
}

/** What a token allows; what it does not limit is left out. */
export function termsPart({ items, minMsat, maxMsat, quotesPerHour, until }: DeviceTerms): Readonly<Record<string, unknown>> {
  return {
    items: items && [...items],
    minMsat: minMsat?.toString(),
    maxMsat: maxMsat?.toString(),
    quotesPerHour,
    until: until === undefined ? undefined : isoTime(until),
  };
}

/** Counters, money as text. */
export function countersPart({ invoices, settled, receivedMsat, acknowledged }: DeviceCounters): Readonly<Record<string, unknown>> {
  return { invoices, settled, receivedMsat: receivedMsat.toString(), acknowledged };
}

/** An invoice as its device sees it. */
export function invoicePart(invoice: DeviceInvoice): Readonly<Record<string, unknown>> {
  return {
    quote: invoice.id,
    state: invoice.state,
    item: invoice.item,
    amountMsat: invoice.amountMsat.toString(),
    invoice: invoice.paymentRequest,
    paymentHash: invoice.paymentHash,
    expiresAt: isoTime(invoice.expiresAt),
  };
}

/** A payment as its device sees it. */
export function settlementPart(settlement: DeviceSettlement): Readonly<Record<string, unknown>> {
  return {
    settlement: settlement.id,
    quote: settlement.invoice,
    item: settlement.item,
    kind: settlement.kind,
    late: settlement.late,
    amountMsat: settlement.amountMsat.toString(),
    receivedMsat: settlement.receivedMsat.toString(),
    paymentHash: settlement.paymentHash,
    settledAt: isoTime(settlement.settledAt),
  };
}
