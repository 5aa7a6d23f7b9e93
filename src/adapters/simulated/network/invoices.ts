import { type Msat, msat } from '../../../core/lightning/amount.ts';
import { hashOfPreimage, type PaymentHash, type Preimage, preimage as parsePreimage } from '../../../core/lightning/identifiers.ts';
import { type CreateInvoice, type InvoiceState, MAX_DESCRIPTION_BYTES } from '../../../core/lightning/invoice.ts';
import type { RouteHint } from '../../../core/lightning/payment.ts';
import { signInvoice } from './bolt11.ts';
import type { Channels } from './channels.ts';
import { failure } from './failures.ts';
import type { Nodes } from './nodes.ts';
import type { InvoiceRecord } from './records.ts';
import { Sequence } from './sequence.ts';
import type { NetworkState } from './state.ts';

/** lnd's default for the blocks that the last hop must leave. */
export const DEFAULT_FINAL_CLTV = 80;

const MAX_EXPIRY_SECONDS = 365 * 86_400;
const MAX_FINAL_CLTV = 2016;
const MAX_LABEL_LENGTH = 1024;

/** The invoices of all nodes. */
export class InvoiceBook {
  readonly #state: NetworkState;
  readonly #nodes: Nodes;
  readonly #channels: Channels;
  readonly #labels = new Map<string, string>();
  readonly #added: Sequence<InvoiceRecord>;
  readonly #settled: Sequence<InvoiceRecord>;
  /** Gives back the HTLCs that an invoice holds. */
  releaseHeld: (invoice: InvoiceRecord) => void = () => {};
  /** Takes the HTLCs that an invoice holds. */
  takeHeld: (invoice: InvoiceRecord) => void = () => {};

  constructor(state: NetworkState, nodes: Nodes, channels: Channels) {
    this.#state = state;
    this.#nodes = nodes;
    this.#channels = channels;
    this.#added = new Sequence(state.tables.invoices, (invoice) => invoice.addNumber);
    this.#settled = new Sequence(state.tables.invoices, (invoice) => invoice.settleNumber);
    state.tables.invoices.onChange((before, after) => {
      if (before?.label !== undefined) this.#labels.delete(invoiceKey(before.node, before.label));
      if (after?.label !== undefined) this.#labels.set(invoiceKey(after.node, after.label), invoiceKey(after.node, after.paymentHash));
    });
  }

  /** Makes an invoice, or answers the one made under the same label. @throws LightningError as `Invoices.create` does. */
  create(name: string, request: CreateInvoice): InvoiceRecord {
    checkRequest(request);
    const labelled = request.label === undefined ? undefined : this.#labels.get(invoiceKey(name, request.label));
    if (labelled !== undefined) return sameInvoice(this.#state.tables.invoices.need(labelled), request);
    const secret = request.hold === undefined ? (request.preimage ?? parsePreimage(this.#state.randomHex(32))) : undefined;
    const hash = secret === undefined ? (request.hold as { paymentHash: PaymentHash }).paymentHash : hashOfPreimage(secret);
    if (this.find(name, hash) !== undefined) throw failure('ALREADY_EXISTS', 'createInvoice', 'there is an invoice with this payment hash');
    // BOLT 11 counts in whole seconds.
    const createdAt = Math.floor(this.#state.now() / 1000) * 1000;
    const terms = {
      paymentHash: hash,
      paymentSecret: this.#state.randomHex(32),
      amountMsat: request.amountMsat === 'any' ? undefined : request.amountMsat,
      description: typeof request.description === 'string' ? request.description : undefined,
      descriptionHash: typeof request.description === 'string' ? undefined : request.description.sha256.toLowerCase(),
      createdAt,
      expiresAt: createdAt + request.expirySeconds * 1000,
    };
    const finalCltvDelta = request.finalCltvDelta ?? DEFAULT_FINAL_CLTV;
    const routeHints = request.privateHints === true ? this.#privateHints(name) : [];
    const { secretKey, nodeId } = this.#nodes.need(name);
    const paymentRequest = signInvoice({ ...terms, finalCltvDelta, routeHints }, secretKey, nodeId);
    return this.#add(name, { ...terms, paymentRequest, preimage: secret, hold: request.hold !== undefined, label: request.label });
  }

  /** Notes a payment that came without an invoice, as the nodes do: an invoice that is settled at once. Call in a transaction. */
  addKeysend(name: string, secret: Preimage, amountMsat: Msat): InvoiceRecord {
    const at = this.#state.now();
    return this.#add(name, {
      paymentHash: hashOfPreimage(secret),
      paymentRequest: '',
      paymentSecret: '',
      preimage: secret,
      hold: false,
      amountMsat,
      description: undefined,
      descriptionHash: undefined,
      label: undefined,
      createdAt: at,
      expiresAt: at + 3_600_000,
    });
  }

  find(node: string, hash: PaymentHash): InvoiceRecord | undefined {
    return this.#state.tables.invoices.get(invoiceKey(node, hash));
  }

  /** How an invoice stands now: an open one may have run out. */
  stateOf(invoice: InvoiceRecord): InvoiceState {
    return invoice.state === 'open' && this.#state.now() > invoice.expiresAt ? 'expired' : invoice.state;
  }

  /** Invoices after a number, in the order of making. */
  list(node: string, after: number, limit: number): readonly InvoiceRecord[] {
    return this.#added.after(node, after, limit);
  }

  /** Settled invoices after a settlement's number, in the order of settling. */
  settledAfter(node: string, after: number, limit: number): readonly InvoiceRecord[] {
    return this.#settled.after(node, after, limit);
  }

  /** The number of the last settlement, 0 before the first. */
  settledHead(node: string): number {
    return this.#nodes.need(node).settleCount;
  }

  /** Withdraws an invoice; what it holds goes back. @throws LightningError `NOT_FOUND`, `CONFLICT` (settled). */
  cancel(node: string, hash: PaymentHash): void {
    const invoice = this.find(node, hash);
    if (invoice === undefined) throw failure('NOT_FOUND', 'cancelInvoice', 'no invoice has this payment hash');
    if (invoice.state === 'settled') throw failure('CONFLICT', 'cancelInvoice', 'the invoice is settled');
    if (invoice.state === 'cancelled') return;
    this.#state.transact(() => {
      this.change(invoice, { state: 'cancelled' });
      if (invoice.state === 'held') this.releaseHeld(invoice);
    });
  }

  /** Takes a held payment. @throws LightningError `NOT_FOUND`, `CONFLICT` (nothing is held). Again on a settled one: nothing. */
  settleHeld(node: string, secret: Preimage): void {
    const invoice = this.find(node, hashOfPreimage(secret));
    if (invoice === undefined) throw failure('NOT_FOUND', 'settleHeld', 'no invoice has the hash of this preimage');
    if (invoice.hold && invoice.state === 'settled') return;
    if (invoice.state !== 'held') throw failure('CONFLICT', 'settleHeld', 'nothing is held for this invoice');
    this.#state.transact(() => {
      const settled = this.settle(invoice, secret, invoice.receivedMsat);
      this.takeHeld(settled);
    });
  }

  /** Marks an invoice as settled by what has arrived. Call in a transaction. */
  settle(invoice: InvoiceRecord, secret: Preimage, receivedMsat: Msat): InvoiceRecord {
    const node = this.#nodes.need(invoice.node);
    const settleNumber = node.settleCount + 1;
    this.#state.tables.nodes.patch(node.name, { settleCount: settleNumber });
    const settled = this.change(invoice, { state: 'settled', preimage: secret, receivedMsat, settledAt: this.#state.now(), settleNumber });
    this.#state.emit({ kind: 'settlement', node: invoice.node, paymentHash: invoice.paymentHash, number: settleNumber });
    return settled;
  }

  /** Changes an invoice and tells of it. Call in a transaction. */
  change(invoice: InvoiceRecord, fields: Partial<InvoiceRecord>): InvoiceRecord {
    this.#state.emit({ kind: 'invoice', node: invoice.node, paymentHash: invoice.paymentHash });
    return this.#state.tables.invoices.patch(invoiceKey(invoice.node, invoice.paymentHash), fields);
  }

  #add(
    name: string,
    fields: Omit<InvoiceRecord, 'node' | 'state' | 'receivedMsat' | 'settledAt' | 'addNumber' | 'settleNumber' | 'payer'>,
  ): InvoiceRecord {
    return this.#state.transact(() => {
      const addNumber = this.#nodes.need(name).addCount + 1;
      this.#state.tables.nodes.patch(name, { addCount: addNumber });
      const open = { state: 'open', receivedMsat: msat(0), settledAt: undefined, settleNumber: undefined, payer: undefined } as const;
      const invoice: InvoiceRecord = { node: name, ...fields, ...open, addNumber };
      this.#state.tables.invoices.put(invoiceKey(name, invoice.paymentHash), invoice);
      this.#state.emit({ kind: 'invoice', node: name, paymentHash: invoice.paymentHash });
      return invoice;
    });
  }

  #privateHints(name: string): readonly (readonly RouteHint[])[] {
    const hints: RouteHint[][] = [];
    for (const channel of this.#channels.of(name)) {
      if (!channel.private || channel.shortChannelId === undefined || !this.#channels.usable(channel)) continue;
      const [peer, policy] = channel.a === name ? [channel.b, channel.bPolicy] : [channel.a, channel.aPolicy];
      hints.push([{ nodeId: this.#nodes.need(peer).nodeId, channel: channel.shortChannelId, ...policy }]);
    }
    return hints;
  }
}

function invoiceKey(node: string, hashOrLabel: string): string {
  return `${node}/${hashOrLabel}`;
}

function sameInvoice(known: InvoiceRecord, request: CreateInvoice): InvoiceRecord {
  const hash = request.hold?.paymentHash ?? (request.preimage === undefined ? known.paymentHash : hashOfPreimage(request.preimage));
  const same =
    known.paymentHash === hash &&
    known.hold === (request.hold !== undefined) &&
    known.amountMsat === (request.amountMsat === 'any' ? undefined : request.amountMsat) &&
    (typeof request.description === 'string'
      ? known.description === request.description
      : known.descriptionHash === request.description.sha256.toLowerCase());
  if (!same) throw failure('ALREADY_EXISTS', 'createInvoice', 'a different invoice has this label');
  return known;
}

function checkRequest(request: CreateInvoice): void {
  const invalid = (message: string) => failure('INVALID_ARGUMENT', 'createInvoice', message);
  const { description, expirySeconds, finalCltvDelta, label } = request;
  if (request.amountMsat === 0n) throw invalid("an invoice asks for at least 1 msat; 'any' lets the payer choose");
  if (typeof description === 'string' && Buffer.byteLength(description) > MAX_DESCRIPTION_BYTES) {
    throw invalid(`a description has at most ${MAX_DESCRIPTION_BYTES} bytes: give the SHA-256 of a longer text`);
  }
  if (typeof description !== 'string' && !/^[0-9a-f]{64}$/i.test(description.sha256)) throw invalid('a description hash is 64 hex digits');
  if (!Number.isInteger(expirySeconds) || expirySeconds < 1 || expirySeconds > MAX_EXPIRY_SECONDS)
    throw invalid('an invoice is good for 1 second to 1 year');
  if (finalCltvDelta !== undefined && (!Number.isInteger(finalCltvDelta) || finalCltvDelta < 1 || finalCltvDelta > MAX_FINAL_CLTV)) {
    throw invalid(`a final CLTV delta is between 1 and ${MAX_FINAL_CLTV} blocks`);
  }
  if (label !== undefined && (label === '' || label.length > MAX_LABEL_LENGTH))
    throw invalid(`a label has 1 to ${MAX_LABEL_LENGTH} characters`);
  if (request.hold !== undefined && request.preimage !== undefined)
    throw invalid('a hold invoice is made for a hash, its preimage comes later');
}
