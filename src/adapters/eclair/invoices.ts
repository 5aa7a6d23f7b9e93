import type { CallOptions, Page } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, type Preimage, paymentHash } from '../../core/lightning/identifiers.ts';
import type { CreateInvoice, Invoice, Invoices, ListInvoices } from '../../core/lightning/invoice.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent } from '../../core/lightning/settlement.ts';
import type { AdapterDependencies } from '../shared/definition.ts';
import { KeyedLock } from '../shared/keyed-lock.ts';
import { checkInvoiceRequest, unsupported } from '../shared/limits.ts';
import { RecentMap, RecentSet } from '../shared/remembered.ts';
import type { EclairClient } from './client.ts';
import { isRefusal, refusal } from './http-answer.ts';
import { listInvoices } from './invoice-list.ts';
import { LabelKeys } from './label-keys.ts';
import { isSameInvoice, toInvoice } from './mapping-invoices.ts';
import { anythingSchema } from './schema.ts';
import { channelsSchema } from './schema-channels.ts';
import { type EclairReceived, invoiceSchema, receivedSchema } from './schema-invoices.ts';
import { EclairSettlements } from './settlements.ts';

/** Invoices of eclair. */
export class EclairInvoices implements Invoices {
  readonly #client: EclairClient;
  readonly #settlements: EclairSettlements;
  readonly #labelKeys: LabelKeys;
  readonly #locks = new KeyedLock();
  /** A withdrawn invoice is gone at the node: that it was us is all that tells it from one that never was. */
  readonly #withdrawn = new RecentSet<PaymentHash>();
  /** The labels that this process has used; the node keeps none. */
  readonly #labels = new RecentMap<PaymentHash, string>();
  readonly #labelled = new RecentMap<string, PaymentHash>();

  constructor(client: EclairClient, dependencies: AdapterDependencies) {
    this.#client = client;
    this.#labelKeys = new LabelKeys(client);
    this.#settlements = new EclairSettlements(client, dependencies, (hash) => this.#labels.get(hash));
  }

  async create(request: CreateInvoice, options: CallOptions = {}): Promise<Invoice> {
    const operation = 'invoices.create';
    if (request.hold !== undefined) throw unsupported(operation, 'eclair has no hold invoices');
    if (request.finalCltvDelta !== undefined) throw unsupported(operation, "eclair's final CLTV delta is in its config, not in a request");
    checkInvoiceRequest(request);
    const { label } = request;
    const create = async () => {
      const secret =
        request.preimage ?? (label === undefined ? undefined : await this.#labelKeys.preimageOf(label, operation, options.signal));
      return await this.#createOnce(request, secret, options);
    };
    const key = label === undefined ? request.preimage : `label ${label}`;
    return key === undefined ? await create() : await this.#locks.run(key, create);
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<Invoice | undefined> {
    const found = await this.#find(hash, 'invoices.lookup', options);
    return found === undefined ? undefined : this.#asInvoice(found);
  }

  list(request: ListInvoices = {}, options: CallOptions = {}): Promise<Page<Invoice>> {
    return listInvoices(this.#client, request, options, (hash) => this.#labels.get(hash));
  }

  async cancel(hash: PaymentHash, options: CallOptions = {}): Promise<void> {
    const operation = 'invoices.cancel';
    const before = await this.#find(hash, operation, options);
    if (before === undefined) {
      if (this.#withdrawn.has(hash)) return;
      throw new LightningError('NOT_FOUND', 'there is no invoice of this payment hash', { operation });
    }
    if (before.status.type === 'expired') return;
    if (before.status.type === 'received') throw settledAlready(operation);
    try {
      // It says "deleted" of one that never was, too: that is why we looked first.
      await this.#client.call('/deleteinvoice', { paymentHash: hash }, { ...options, operation, schema: anythingSchema, rawRefusal: true });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const after = await this.#find(hash, operation, options);
      if (after?.status.type === 'received') throw settledAlready(operation, error);
      if (after?.status.type === 'pending') throw refusal(error, operation, { place: 'eclair' });
      return;
    }
    const after = await this.#find(hash, operation, options);
    if (after?.status.type === 'received') throw settledAlready(operation);
    if (after?.status.type === 'pending')
      throw new LightningError('INTERNAL', 'eclair said that the invoice is deleted, and it is still there', { operation });
    this.#withdrawn.add(hash);
  }

  async settleHeld(_secret: Preimage, _options?: CallOptions): Promise<void> {
    throw unsupported('invoices.settleHeld', 'eclair has no hold invoices');
  }

  settlements(options: FollowSettlements = {}): AsyncIterable<SettlementEvent> {
    return this.#settlements.follow(options);
  }

  settlementsHead(options: CallOptions = {}): Promise<SettlementCursor> {
    return this.#settlements.head(options);
  }

  async #createOnce(request: CreateInvoice, secret: Preimage | undefined, options: CallOptions): Promise<Invoice> {
    const operation = 'invoices.create';
    const hash = secret === undefined ? this.#labelled.get(request.label ?? '') : hashOfPreimage(secret);
    // Asked for with a preimage that it knows, eclair says nothing for 30 s and then "timed out".
    const existing = hash === undefined ? undefined : await this.#find(hash, operation, options);
    if (existing !== undefined) return this.#sameOrRefused(existing, request);
    const { description } = request;
    const form = {
      ...(request.amountMsat === 'any' ? {} : { amountMsat: String(request.amountMsat) }),
      ...(typeof description === 'string' ? { description } : { descriptionHash: description.sha256.toLowerCase() }),
      expireIn: request.expirySeconds,
      paymentPreimage: secret,
      privateChannelIds: request.privateHints === true ? await this.#privateChannels(options) : undefined,
    };
    try {
      const made = await this.#client.call('/createinvoice', form, { ...options, operation, schema: invoiceSchema });
      this.#remember(paymentHash(made.paymentHash), request.label);
      return toInvoice(made, { type: 'pending' }, request.label);
    } catch (error) {
      if (hash === undefined || !isLightningError(error) || error.code === 'ABORTED' || error.retry !== 'lookup-first') throw error;
      const found = await this.#find(hash, operation, options).catch(() => undefined);
      if (found === undefined) throw error;
      return this.#sameOrRefused(found, request);
    }
  }

  #sameOrRefused(existing: EclairReceived, request: CreateInvoice): Invoice {
    const operation = 'invoices.create';
    const hash = paymentHash(existing.invoice.paymentHash);
    const label = this.#labels.get(hash);
    const known = request.label !== undefined && (label === undefined || label === request.label);
    const invoice = this.#asInvoice(existing);
    if (known && invoice !== undefined && isSameInvoice(invoice, request)) {
      this.#remember(hash, request.label);
      return { ...invoice, label: request.label };
    }
    throw new LightningError('ALREADY_EXISTS', 'the label or preimage belongs to another invoice', { operation });
  }

  #remember(hash: PaymentHash, label: string | undefined): void {
    this.#withdrawn.delete(hash);
    if (label === undefined) return;
    this.#labels.set(hash, label);
    this.#labelled.set(label, hash);
  }

  #asInvoice(received: EclairReceived): Invoice | undefined {
    const { invoice, status } = received;
    return 'serialized' in invoice ? toInvoice(invoice, status, this.#labels.get(paymentHash(invoice.paymentHash))) : undefined;
  }

  async #find(hash: PaymentHash, operation: string, options: CallOptions): Promise<EclairReceived | undefined> {
    const call = { ...options, operation, schema: receivedSchema, readOnly: true, rawRefusal: true } as const;
    try {
      return await this.#client.call('/getreceivedinfo', { paymentHash: hash }, call);
    } catch (error) {
      if (isRefusal(error, 404)) return undefined;
      throw isRefusal(error) ? refusal(error, operation, { place: 'eclair', readOnly: true }) : error;
    }
  }

  async #privateChannels(options: CallOptions): Promise<string | undefined> {
    const call = { ...options, operation: 'invoices.create', schema: channelsSchema, readOnly: true } as const;
    const channels = await this.#client.call('/channels', {}, call);
    const hidden = channels.filter(({ data }) => data.commitments?.channelParams.channelFlags.announceChannel === false);
    return hidden.length === 0 ? undefined : hidden.map((channel) => channel.channelId).join(',');
  }
}

function settledAlready(operation: string, cause?: unknown): LightningError {
  return new LightningError('CONFLICT', 'the invoice is paid already', { operation, cause });
}
