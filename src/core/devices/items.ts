import type { Msat } from '../lightning/amount.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import { shown } from './terms.ts';

/** Something that devices sell. */
export interface DeviceItem {
  /** Least and most that a device may ask for it at a time; the same where the price is fixed. */
  readonly minMsat: Msat;
  readonly maxMsat: Msat;
  /** What the customer's wallet shows, beside the device's name; the item's name unless given. */
  readonly description: string | undefined;
  /** How long an invoice for it can be paid. */
  readonly expirySeconds: number;
}

/** What devices sell here, and what all of them together may cost. */
export interface DevicesOptions {
  /** Name → item. */
  readonly items: ReadonlyMap<string, DeviceItem>;
  /** Unpaid invoices at a time, of all devices and of one. */
  readonly openInvoices: number;
  readonly openInvoicesPerDevice: number;
  /** How long a payment waits for its acknowledgement before it is told again, milliseconds. */
  readonly retellMs: number;
}

/**
 * What an item costs a customer: its fixed price, or what the device asks within the item's range.
 * @throws TickerplantError `FORBIDDEN` for an item that is not sold here, `BAD_REQUEST` for an amount that is not its price.
 */
export function priceOf(
  items: DevicesOptions['items'],
  name: string,
  asked: Msat | undefined,
): { readonly item: DeviceItem; readonly amountMsat: Msat } {
  const item = items.get(name);
  if (item === undefined) throw new TickerplantError('FORBIDDEN', `item: ${shown(name)} is not sold here`);
  const { minMsat, maxMsat } = item;
  const amountMsat = asked ?? minMsat;
  if (minMsat === maxMsat && amountMsat !== minMsat)
    throw new TickerplantError('BAD_REQUEST', `amountMsat: ${name} costs ${minMsat} msat; leave it out, or say just that`);
  if (minMsat !== maxMsat && asked === undefined)
    throw new TickerplantError('BAD_REQUEST', `amountMsat: is missing; ${name} costs ${minMsat} to ${maxMsat} msat`);
  if (amountMsat < minMsat || amountMsat > maxMsat)
    throw new TickerplantError('BAD_REQUEST', `amountMsat: ${name} costs ${minMsat} to ${maxMsat} msat`);
  return { item, amountMsat };
}
