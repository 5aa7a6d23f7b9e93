import { Buffer } from 'node:buffer';
import type { CallOptions, Page } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, type Preimage } from '../../core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice, Invoices, ListInvoices } from '../../core/lightning/invoice.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../core/lightning/settlement.ts';
import type { Random } from '../../core/ports/random.ts';
import { checkInvoiceRequest, pageLimit, pagePosition, unsupported } from '../shared/limits.ts';
import { RecentSet } from '../shared/remembered.ts';
import type { ClnClient } from './client.ts';
import { toChannelState } from './mapping-channels.ts';
import { isSameInvoice, toCreatedInvoice, toInvoice } from './mapping-invoices.ts';
import { isRefusal, RPC, type RpcError, refusal } from './rpc-error.ts';
import { anythingSchema } from './schema.ts';
import { listPeerChannelsSchema } from './schema-channels.ts';
import { type ClnInvoice, createdInvoiceSchema, listInvoicesSchema, statusMismatchSchema } from './schema-invoices.ts';
import { ClnSettlements } from './settlements.ts';
import { toWireMsat } from './wire-values.ts';

/** Invoices of lightningd, idempotent by its unique labels. */
export class ClnInvoices implements Invoices {
  readonly #client: ClnClient;
  readonly #random: Random;
  readonly #settlements: ClnSettlements;
  /** A withdrawn invoice is gone at the node: that it was us is all that tells it from one that never was. */
  readonly #withdrawn = new RecentSet<PaymentHash>();

  constructor(client: ClnClient, random: Random) {
    this.#client = client;
    this.#random = random;
    this.#settlements = new ClnSettlements(client, random);
  }

  async create(request: CreateInvoice, options: CallOptions = {}): Promise<Invoice> {
    const operation = 'invoices.create';
    if (request.hold !== undefined) throw unsupported(operation, 'Core Lightning has no hold invoices of its own');
    checkInvoiceRequest(request);
    const { description } = request;
    if (typeof description !== 'string') {
      throw unsupported(operation, 'Core Lightning needs the description itself to make an invoice of its hash');
    }
    const label = request.label ?? `tickerplant-${Buffer.from(this.#random.bytes(16)).toString('hex')}`;
    const params = {
      amount_msat: request.amountMsat === 'any' ? 'any' : toWireMsat(request.amountMsat),
      label,
      description,
      expiry: request.expirySeconds,
      ...(request.preimage === undefined ? {} : { preimage: request.preimage }),
      ...(request.finalCltvDelta === undefined ? {} : { cltv: request.finalCltvDelta }),
    };
    const hidden = request.privateHints === true ? await this.#privateChannels(options) : [];
    const ask = (hints: boolean | readonly string[] | undefined) => {
      const asked = { ...params, ...(hints === undefined ? {} : { exposeprivatechannels: hints }) };
      return this.#client.call('invoice', asked, { ...options, operation, schema: createdInvoiceSchema, rawRefusal: true });
    };
    try {
      const created = await ask(hidden.length > 0 ? hidden : request.privateHints).catch((error) => {
        // None of them can be used now: whichever hints lightningd finds are better than no invoice.
        if (hidden.length > 0 && isRefusal(error, RPC.hintsUnusable)) return ask(true);
        throw error;
      });
      const invoice = toCreatedInvoice(created, label);
      this.#withdrawn.delete(invoice.paymentHash);
      return invoice;
    } catch (error) {
      if (isRefusal(error, RPC.labelTaken, RPC.preimageTaken)) return await this.#existing(request, label, error, options);
      throw isRefusal(error) ? refusal(error, operation) : error;
    }
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<Invoice | undefined> {
    const found = await this.#find({ payment_hash: hash }, 'invoices.lookup', options);
    return found === undefined ? undefined : toInvoice(found);
  }

  async list(request: ListInvoices = {}, options: CallOptions = {}): Promise<Page<Invoice>> {
    const operation = 'invoices.list';
    const limit = pageLimit(request, operation);
    let start = pagePosition(request.after, operation) + 1;
    const items: Invoice[] = [];
    for (;;) {
      const params = { index: 'created', start, limit };
      const { invoices } = await this.#client.call('listinvoices', params, {
        ...options,
        operation,
        schema: listInvoicesSchema,
        readOnly: true,
      });
      for (const found of invoices) {
        start = (found.created_index ?? start) + 1;
        const invoice = toInvoice(found);
        if (request.state !== undefined && invoice.state !== request.state) continue;
        items.push(invoice);
        if (items.length === limit) return { items, next: String(start - 1) };
      }
      if (invoices.length < limit) return { items, next: undefined };
    }
  }

  async cancel(hash: PaymentHash, options: CallOptions = {}): Promise<void> {
    const operation = 'invoices.cancel';
    const found = await this.#find({ payment_hash: hash }, operation, options);
    if (found === undefined) {
      if (this.#withdrawn.has(hash)) return;
      throw new LightningError('NOT_FOUND', 'there is no invoice of this payment hash', { operation });
    }
    if (found.status === 'expired') return;
    if (found.status === 'paid') throw settledAlready(operation);
    try {
      const params = { label: found.label, status: 'unpaid' };
      await this.#client.call('delinvoice', params, { ...options, operation, schema: anythingSchema, rawRefusal: true });
      this.#withdrawn.add(hash);
    } catch (error) {
      if (isRefusal(error, RPC.invoiceUnknown)) return;
      if (isRefusal(error, RPC.invoiceStatus)) {
        if (statusMismatchSchema.safeParse(error.data).data?.current_status === 'expired') return;
        throw settledAlready(operation, error);
      }
      throw isRefusal(error) ? refusal(error, operation) : error;
    }
  }

  async settleHeld(_secret: Preimage, _options?: CallOptions): Promise<void> {
    throw unsupported('invoices.settleHeld', 'Core Lightning has no hold invoices of its own');
  }

  settlements(options: FollowSettlements = {}): AsyncIterable<SettlementEvent> {
    return this.#settlements.follow(options);
  }

  settlementsHead(options: CallOptions = {}): Promise<SettlementCursor> {
    return this.#settlements.head(options);
  }

  /**
   * The private channels by name: told only that they may be exposed, lightningd draws one channel of all by lot, public
   * ones with them.
   */
  async #privateChannels(options: CallOptions): Promise<readonly string[]> {
    const call = { ...options, operation: 'invoices.create', schema: listPeerChannelsSchema, readOnly: true } as const;
    const { channels } = await this.#client.call('listpeerchannels', {}, call);
    return channels
      .filter((channel) => channel.private === true && toChannelState(channel) === 'active')
      .map((channel) => channel.short_channel_id ?? channel.alias?.remote)
      .filter((id) => id !== undefined);
  }

  /** What a label or preimage that is taken belongs to: the same invoice asked for again, or another one. */
  async #existing(request: CreateInvoice, label: string, error: RpcError, options: CallOptions): Promise<Invoice> {
    const operation = 'invoices.create';
    if (request.label !== undefined) {
      const found = await this.#find({ label }, operation, options);
      const hash = request.preimage === undefined ? undefined : hashOfPreimage(request.preimage);
      if (found !== undefined) {
        const invoice = toInvoice(found);
        if (isSameInvoice(invoice, request, hash)) return invoice;
        throw new LightningError('ALREADY_EXISTS', `the label ${label} belongs to an invoice that is not the same`, {
          operation,
          cause: error,
        });
      }
    }
    throw refusal(error, operation);
  }

  async #find(
    by: { readonly label: string } | { readonly payment_hash: string },
    operation: string,
    options: CallOptions,
  ): Promise<ClnInvoice | undefined> {
    const { invoices } = await this.#client.call('listinvoices', by, { ...options, operation, schema: listInvoicesSchema, readOnly: true });
    return invoices[0];
  }
}

function settledAlready(operation: string, cause?: unknown): LightningError {
  return new LightningError('CONFLICT', 'the invoice is paid already', { operation, cause });
}
