import { createHash } from 'node:crypto';
import { MAX_DESCRIPTION_BYTES } from '../lightning/invoice.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeviceInvoice, DeviceLedger } from '../ports/device-ledger.ts';
import type { Random } from '../ports/random.ts';
import { TickerplantError } from '../tickerplant/errors.ts';
import type { Invoicing } from '../tickerplant/invoicing.ts';
import type { QuoteSweeper } from '../tickerplant/quote-sweeper.ts';
import type { SellerBackend } from '../tickerplant/seller-node.ts';
import type { UnpaidQuotes } from '../tickerplant/unpaid-quotes.ts';
import { type DevicesOptions, priceOf } from './items.ts';
import type { AskedInvoice, DeviceHolder, DeviceRequest } from './service.ts';
import { checkTerms, checkTime } from './terms.ts';

/** A device's invoice as something that waits for its payment; it adds to its device. */
export type OpenInvoice = DeviceInvoice & { readonly subscription: string };

/** @see OpenInvoice */
export function toOpen(invoice: DeviceInvoice): OpenInvoice {
  return { ...invoice, subscription: invoice.device };
}

/** What making invoices leans on. */
export interface InvoiceMakerDependencies {
  readonly options: DevicesOptions;
  readonly open: UnpaidQuotes<OpenInvoice>;
  readonly sweeper: QuoteSweeper<OpenInvoice>;
  readonly invoicing: Invoicing;
  readonly backend: SellerBackend;
  readonly ledger: DeviceLedger;
  readonly clock: Clock;
  readonly random: Random;
}

/** Requests of one device that wait for each other. */
const MOST_WAITING = 16;
const HOUR_MS = 3_600_000;

/** Prices, asks the node, and makes devices' invoices durable before they leave the house; one at a time for each device. */
export class InvoiceMaker {
  readonly #dependencies: InvoiceMakerDependencies;
  readonly #queues = new Map<string, { last: Promise<unknown>; length: number }>();

  constructor(dependencies: InvoiceMakerDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws TickerplantError as `DeviceService.ask`. */
  async ask(holder: DeviceHolder, request: DeviceRequest): Promise<AskedInvoice> {
    const { options, clock } = this.#dependencies;
    checkTime(holder.terms, clock.now());
    const { item, amountMsat } = priceOf(options.items, request.item, request.amountMsat);
    checkTerms(holder.terms, request.item, amountMsat);
    const key = request.key === undefined ? undefined : digest([holder.device, request.key]);
    const asked = digest([request.item, String(amountMsat)]);
    return await this.#inTurn(holder.device, async () => {
      const earlier = key === undefined ? undefined : await this.#earlier(holder.device, key, asked);
      if (earlier !== undefined) return { invoice: earlier, fresh: false };
      await this.#checkRate(holder);
      const place = this.#place(holder.device);
      try {
        return await this.#make(holder, { name: request.item, key, asked, amountMsat, ...item });
      } finally {
        place[Symbol.dispose]();
      }
    });
  }

  /** One that its key has already, and that can be paid or was. */
  async #earlier(device: string, key: string, asked: string): Promise<DeviceInvoice | undefined> {
    const { ledger, clock, sweeper } = this.#dependencies;
    const earlier = await ledger.deviceInvoiceByKey(device, key);
    if (earlier?.state === 'open' && earlier.expiresAt <= clock.now()) {
      await sweeper.sweep();
      return undefined;
    }
    return earlier && sameRequest(earlier, asked);
  }

  /** Of those that may be unpaid at a time. @throws TickerplantError `TOO_MANY`, to be tried again later. */
  #place(device: string): Disposable {
    const { open, options } = this.#dependencies;
    if (open.of(device).length >= options.openInvoicesPerDevice) {
      const message = `a device has at most ${options.openInvoicesPerDevice} unpaid invoices at a time; wait until one is paid or runs out`;
      throw new TickerplantError('TOO_MANY', message, { retry: 'later' });
    }
    return open.reserve(undefined);
  }

  async #checkRate({ device, terms }: DeviceHolder): Promise<void> {
    const { ledger, clock } = this.#dependencies;
    if (terms.quotesPerHour === undefined) return;
    const times = await ledger.deviceInvoiceTimes(device, clock.now());
    if (times.length >= terms.quotesPerHour) throw tooOften(terms.quotesPerHour, times.at(-terms.quotesPerHour), clock.now());
  }

  async #make(
    { device, name, terms }: DeviceHolder,
    wanted: {
      readonly name: string;
      readonly key: string | undefined;
      readonly asked: string;
      readonly amountMsat: DeviceInvoice['amountMsat'];
      readonly description: string | undefined;
      readonly expirySeconds: number;
    },
  ): Promise<AskedInvoice> {
    const { invoicing, ledger, clock, random, open, sweeper, backend } = this.#dependencies;
    const { amountMsat, expirySeconds } = wanted;
    const { identity } = await invoicing.node();
    const id = Buffer.from(random.bytes(16)).toString('hex');
    const description = cut(`${name}: ${wanted.description ?? wanted.name}`);
    const made = await invoicing.invoice(id, amountMsat, description, expirySeconds);
    // If we die here, the node has an invoice that nobody has seen; it runs out.
    const now = clock.now();
    const outcome = await ledger.createDeviceInvoice({
      id,
      device,
      node: identity,
      key: wanted.key,
      request: wanted.asked,
      item: wanted.name,
      amountMsat,
      paymentHash: made.paymentHash,
      paymentRequest: made.paymentRequest,
      createdAt: now,
      // The node's word counts: it is what decides whether a payment is taken.
      expiresAt: Math.min(made.expiresAt, now + expirySeconds * 1000),
      perHour: terms.quotesPerHour,
    });
    if (outcome.kind === 'created') {
      open.add(toOpen(outcome.invoice));
      sweeper.schedule();
      return { invoice: outcome.invoice, fresh: true };
    }
    await backend.invoices.cancel(made.paymentHash).catch(() => undefined);
    if (outcome.kind === 'refused')
      throw outcome.reason === 'revoked' ? revokedDevice() : tooOften(terms.quotesPerHour ?? 0, undefined, now);
    return { invoice: sameRequest(outcome.invoice, wanted.asked), fresh: false };
  }

  /** After all that the device asked before; so its limits are not overrun by asking side by side. */
  async #inTurn<T>(device: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(device) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length >= MOST_WAITING)
      throw new TickerplantError('RATE_LIMITED', 'too many requests of this device wait; wait for an answer');
    this.#queues.set(device, queue);
    queue.length += 1;
    const mine = queue.last.then(work, work);
    queue.last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(device);
    }
  }
}

/** What the bearer of a revoked token is told. */
export function revokedDevice(): TickerplantError {
  return new TickerplantError('BAD_TOKEN', "this device's token was revoked by the seller; it is not good any more");
}

function sameRequest(invoice: DeviceInvoice, asked: string): DeviceInvoice {
  if (invoice.request !== asked) throw new TickerplantError('KEY_REUSED', 'this key belongs to a request for something else');
  return invoice;
}

/** `free`: when the invoice was made that has to be an hour old first. */
function tooOften(perHour: number, free: number | undefined, now: number): TickerplantError {
  const seconds = free === undefined ? undefined : Math.max(1, Math.ceil((free + HOUR_MS - now) / 1000));
  const when = seconds === undefined || perHour === 0 ? '' : `; the next in ${seconds} s`;
  return new TickerplantError('RATE_LIMITED', `this device may make ${perHour} invoices an hour${when}`);
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** To what BOLT 11 can hold, between characters. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_DESCRIPTION_BYTES) return text;
  let end = MAX_DESCRIPTION_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}
