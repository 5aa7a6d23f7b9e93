import type { CallOptions, Page } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, type Preimage } from '../../../core/lightning/identifiers.ts';
import {
  type CreateInvoice,
  type Invoice,
  type Invoices,
  type ListInvoices,
  MAX_DESCRIPTION_BYTES,
} from '../../../core/lightning/invoice.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../../core/lightning/settlement.ts';
import { decodeInvoice } from '../mapping/decoded-invoice.ts';
import { toInvoice } from '../mapping/invoice.ts';
import { type LndInvoice, lndAddedInvoice, lndInvoice, lndInvoiceList, nothing } from '../schema/invoice.ts';
import { type LndContext, toRange } from './context.ts';
import { LabelKeys } from './label-keys.ts';
import { followSettlements, settlementsHead } from './settlements.ts';

const CREATE = 'invoices.create';
const MAX_EXPIRY_SECONDS = 365 * 24 * 3600;

/** Receiving on lnd. All of it works with `invoice.macaroon`. */
export class LndInvoices implements Invoices {
  readonly #context: LndContext;
  readonly #labels: LabelKeys;

  constructor(context: LndContext) {
    this.#context = context;
    this.#labels = new LabelKeys(context);
  }

  /** @inheritdoc A label is not shown by lnd: only the answer of this call has it. See {@link LabelKeys}. */
  async create(request: CreateInvoice, options: CallOptions = {}): Promise<Invoice> {
    validate(request);
    const { label, hold } = request;
    const secret =
      hold === undefined ? (request.preimage ?? (label === undefined ? undefined : await this.#labels.preimage(label))) : undefined;
    try {
      const added = await this.#add(request, secret, options);
      const { paymentHash } = decodeInvoice(added.payment_request, this.#context.network);
      return await this.#known(paymentHash, label, options);
    } catch (error) {
      if (!isLightningError(error, 'ALREADY_EXISTS') || label === undefined) throw error;
      const hash = hold?.paymentHash ?? (secret === undefined ? undefined : hashOfPreimage(secret));
      if (hash === undefined) throw error;
      const first = await this.#known(hash, label, options);
      if (isSame(first, request)) return first;
      throw new LightningError('ALREADY_EXISTS', 'the label belongs to an invoice with another amount or description', {
        operation: CREATE,
      });
    }
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<Invoice | undefined> {
    try {
      const invoice = await this.#lookup(hash, 'invoices.lookup', options);
      return toInvoice(invoice, this.#context.clock.now());
    } catch (error) {
      if (isLightningError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async list(request: ListInvoices = {}, options: CallOptions = {}): Promise<Page<Invoice>> {
    const { offset, limit } = toRange(request, 'invoices.list');
    const pendingOnly = request.state === 'open' || request.state === 'held';
    const items: Invoice[] = [];
    let after = offset;
    for (;;) {
      const page = await this.#context.client.unary(
        {
          operation: 'invoices.list',
          service: 'default',
          method: 'listInvoices',
          request: { index_offset: after.toString(), num_max_invoices: String(limit), pending_only: pendingOnly },
          schema: lndInvoiceList,
        },
        options,
      );
      for (const lnd of page.invoices) {
        const invoice = toInvoice(lnd, this.#context.clock.now());
        if (request.state === undefined || invoice.state === request.state) items.push(invoice);
        if (items.length === limit) return { items, next: lnd.add_index.toString() };
      }
      if (page.invoices.length < limit) return { items, next: undefined };
      after = page.last_index_offset;
    }
  }

  async cancel(hash: PaymentHash, options: CallOptions = {}): Promise<void> {
    await this.#context.client.unary(
      {
        operation: 'invoices.cancel',
        service: 'invoices',
        method: 'cancelInvoice',
        request: { payment_hash: Buffer.from(hash, 'hex') },
        schema: nothing,
      },
      options,
    );
  }

  async settleHeld(secret: Preimage, options: CallOptions = {}): Promise<void> {
    await this.#context.client.unary(
      {
        operation: 'invoices.settleHeld',
        service: 'invoices',
        method: 'settleInvoice',
        request: { preimage: Buffer.from(secret, 'hex') },
        schema: nothing,
      },
      options,
    );
  }

  settlements(options: FollowSettlements = {}): AsyncIterable<SettlementEvent> {
    return followSettlements(this.#context, options);
  }

  async settlementsHead(options: CallOptions = {}): Promise<SettlementCursor> {
    return await settlementsHead(this.#context, options);
  }

  async #add(request: CreateInvoice, secret: Preimage | undefined, options: CallOptions): Promise<{ readonly payment_request: string }> {
    const { amountMsat, description, expirySeconds, hold, privateHints, finalCltvDelta } = request;
    const terms = {
      ...(typeof description === 'string' ? { memo: description } : { description_hash: Buffer.from(description.sha256, 'hex') }),
      value_msat: amountMsat === 'any' ? '0' : amountMsat.toString(),
      expiry: String(expirySeconds),
      private: privateHints ?? false,
      ...(finalCltvDelta !== undefined && { cltv_expiry: String(finalCltvDelta) }),
    };
    const schema = lndAddedInvoice;
    if (hold !== undefined) {
      const added = { ...terms, hash: Buffer.from(hold.paymentHash, 'hex') };
      return await this.#context.client.unary(
        { operation: CREATE, service: 'invoices', method: 'addHoldInvoice', request: added, schema },
        options,
      );
    }
    const added = { ...terms, ...(secret !== undefined && { r_preimage: Buffer.from(secret, 'hex') }) };
    return await this.#context.client.unary(
      { operation: CREATE, service: 'default', method: 'addInvoice', request: added, schema },
      options,
    );
  }

  async #known(hash: PaymentHash, label: string | undefined, options: CallOptions): Promise<Invoice> {
    return toInvoice(await this.#lookup(hash, CREATE, options), this.#context.clock.now(), label);
  }

  async #lookup(hash: PaymentHash, operation: string, options: CallOptions): Promise<LndInvoice> {
    const request = { r_hash: Buffer.from(hash, 'hex') };
    return await this.#context.client.unary(
      { operation, service: 'default', method: 'lookupInvoice', request, schema: lndInvoice },
      options,
    );
  }
}

function validate({ amountMsat, description, expirySeconds, preimage, hold, finalCltvDelta, label }: CreateInvoice): void {
  const refuse = (message: string): never => {
    throw new LightningError('INVALID_ARGUMENT', message, { operation: CREATE });
  };
  if (amountMsat !== 'any' && amountMsat <= 0n) refuse("the amount is zero: say 'any' to let the payer choose");
  if (typeof description === 'string') {
    if (Buffer.byteLength(description) > MAX_DESCRIPTION_BYTES)
      refuse(`the description is longer than ${MAX_DESCRIPTION_BYTES} bytes of UTF-8`);
  } else if (!/^[0-9a-fA-F]{64}$/.test(description.sha256)) refuse("the description's hash is not 64 hex digits");
  if (!Number.isSafeInteger(expirySeconds) || expirySeconds < 1) refuse('the expiry is not a whole number of seconds above 0');
  if (expirySeconds > MAX_EXPIRY_SECONDS) refuse('the expiry is more than a year, the most that lnd takes');
  if (preimage !== undefined && hold !== undefined) refuse('a hold invoice is made by its hash alone, without preimage');
  if (finalCltvDelta !== undefined && (!Number.isSafeInteger(finalCltvDelta) || finalCltvDelta < 1))
    refuse('the final CLTV delta is not a whole number above 0');
  if (label === '') refuse('the label is empty');
}

function isSame(invoice: Invoice, { amountMsat, description }: CreateInvoice): boolean {
  const same =
    typeof description === 'string' ? invoice.description === description : invoice.descriptionHash === description.sha256.toLowerCase();
  return same && invoice.amountMsat === (amountMsat === 'any' ? undefined : amountMsat);
}
