import { readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { Msat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { PaymentHash, Preimage } from '../../../src/core/lightning/identifiers.ts';
import type { CallContext, EclairContext, Endpoints } from './context.ts';
import { type Form, listRange } from './form.ts';
import { invoiceView, ownInvoiceView, receivedView } from './invoice-view.ts';
import { ApiRefusal, askTimedOut, malformed } from './refusal.ts';

const HOUR_SECONDS = 3600;
const FINAL_CLTV = 30;
/** How long eclair waits for its own actors. */
const ASK_SECONDS = 30;

/** Invoices: making, listing, reading, deleting. */
export function invoiceEndpoints(context: EclairContext): Endpoints {
  const { network, name } = context;
  const all = () => network.invoices.list(name, 0, Number.MAX_SAFE_INTEGER).filter((record) => !isGone(record));
  const state = (record: InvoiceRecord) => network.invoices.stateOf(record);
  const listed = (form: Form, wanted: (record: InvoiceRecord) => boolean) => {
    const range = listRange(form, context.now());
    return range.page(all().filter((record) => range.isWithin(Math.floor(record.createdAt / 1000) * 1000) && wanted(record)));
  };
  return {
    createinvoice: (form, call) => create(context, form, call),
    getinvoice: (form) => ownInvoiceView(network, need(context, form)),
    getreceivedinfo: (form) => receivedView(context, need(context, form)),
    listinvoices: (form) => listed(form, () => true).map((record) => ownInvoiceView(network, record)),
    listpendinginvoices: (form) =>
      listed(form, (record) => state(record) === 'open' || state(record) === 'held').map((record) => ownInvoiceView(network, record)),
    listreceivedpayments: (form) => listed(form, (record) => state(record) === 'settled').map((record) => receivedView(context, record)),
    deleteinvoice: async (form) => {
      const hash = form.hex32('paymentHash') as PaymentHash;
      const record = network.invoices.find(name, hash);
      if (record?.state === 'settled') throw new ApiRefusal(400, 'Cannot remove a received incoming payment');
      if (record !== undefined) await context.node.call('cancelInvoice', { paymentHash: hash });
      return `deleted invoice ${hash}`;
    },
    parseinvoice: (form) => {
      const text = invoiceField(form);
      return invoiceView(text, readInvoice(text).payee === context.self.nodeId);
    },
  };
}

/** The field `invoice`, known to be readable. @throws ApiRefusal 400. */
export function invoiceField(form: Form): string {
  const text = form
    .text('invoice')
    .trim()
    .toLowerCase()
    .replace(/^lightning:/, '');
  try {
    readInvoice(text);
    return text;
  } catch {
    throw malformed('invoice', text.includes('1') ? 'invalid character' : 'Requested character count -1 is less than zero.');
  }
}

async function create(context: EclairContext, form: Form, { signal }: CallContext): Promise<unknown> {
  const amountMsat: Msat | 'any' = form.optionalMsat('amountMsat') ?? 'any';
  const description = form.optionalText('description');
  const sha256 = form.optionalHex32('descriptionHash');
  const preimage = form.optionalHex32('paymentPreimage') as Preimage | undefined;
  if ((description === undefined) === (sha256 === undefined)) {
    throw new ApiRefusal(500, "Either 'description' (string) or 'descriptionHash' (sha256 hash of description string) must be supplied");
  }
  const request = {
    amountMsat,
    description: sha256 === undefined ? (description ?? '') : { sha256 },
    expirySeconds: form.optionalNumber('expireIn') ?? HOUR_SECONDS,
    finalCltvDelta: FINAL_CLTV,
    ...(form.has('privateChannelIds') && { privateHints: true }),
    ...(preimage !== undefined && { preimage }),
  };
  try {
    const made = await context.node.call('createInvoice', request);
    return invoiceView(made.paymentRequest, true);
  } catch (error) {
    if (isLightningError(error, 'INVALID_ARGUMENT')) throw new ApiRefusal(500, error.message);
    if (!isLightningError(error, 'ALREADY_EXISTS')) throw error;
    // The database refuses the second of a hash, and whoever asked is told nothing until the time is up.
    const seconds = form.optionalNumber('timeoutSeconds') ?? ASK_SECONDS;
    await context.waitFor({ signal, timeoutMs: seconds * 1000 }, () => undefined);
    throw askTimedOut('$f#-2021544805', 'fr.acinq.eclair.payment.receive.MultiPartHandler$ReceiveStandardPayment', seconds);
  }
}

function need({ network, name }: EclairContext, form: Form): InvoiceRecord {
  const hash = form.has('invoice') ? readInvoice(invoiceField(form)).paymentHash : (form.hex32('paymentHash') as PaymentHash);
  const record = network.invoices.find(name, hash);
  if (record === undefined || isGone(record)) throw new ApiRefusal(404, 'Not found');
  return record;
}

/** eclair keeps nothing of an invoice that was deleted. */
function isGone(record: InvoiceRecord): boolean {
  return record.state === 'cancelled';
}
