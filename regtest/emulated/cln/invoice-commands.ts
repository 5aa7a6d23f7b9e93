import { sha256 } from '@noble/hashes/sha2.js';
import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { Msat } from '../../../src/core/lightning/amount.ts';
import type { Preimage } from '../../../src/core/lightning/identifiers.ts';
import { MAX_DESCRIPTION_BYTES } from '../../../src/core/lightning/invoice.ts';
import { type CallContext, type Commands, command } from './command.ts';
import { type ClnContext, seconds, translated } from './context.ts';
import type { IndexName, InvoiceBook } from './invoice-book.ts';
import type { Params } from './params.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';

const WEEK_SECONDS = 604_800;
const FINAL_CLTV = 10;

/** Invoices: making, listing, waiting for, deleting. */
export function invoiceCommands(context: ClnContext, book: InvoiceBook): Commands {
  return {
    invoice: command(
      'amount_msat label description [expiry] [fallbacks] [preimage] [exposeprivatechannels] [cltv] [deschashonly]',
      (params) => create(context, book, params),
    ),
    listinvoices: command('[label] [invstring] [payment_hash] [offer_id] [index] [start] [limit]', (params) => ({
      invoices: chosen(book, params).map((record) => book.view(record)),
    })),
    waitanyinvoice: command('[lastpay_index] [timeout]', (params, call) => waitAny(context, book, params, call)),
    waitinvoice: command('label', (params, call) => waitOne(context, book, params, call)),
    delinvoice: command('label status [desconly]', (params) => remove(context, book, params)),
  };
}

async function create(context: ClnContext, book: InvoiceBook, params: Params): Promise<unknown> {
  const amountMsat: Msat | 'any' | undefined =
    params.raw('amount_msat') === 'any' ? 'any' : params.msat('amount_msat', "should be positive msat or 'any'");
  if (amountMsat === undefined || amountMsat === 0n)
    throw badParameter('amount_msat', "should be positive msat or 'any'", params.raw('amount_msat'));
  const label = params.text('label');
  const description = params.text('description');
  const hashOnly = params.flag('deschashonly') === true;
  const bytes = Buffer.byteLength(description);
  if (bytes > MAX_DESCRIPTION_BYTES && !hashOnly) {
    throw new Refusal(
      CODE.invalidParams,
      `Descriptions greater than ${MAX_DESCRIPTION_BYTES} bytes not yet supported (description length ${bytes})`,
    );
  }
  if (book.byLabel(label) !== undefined) throw new Refusal(900, `Duplicate label '${label}'`);
  const preimage = params.optionalHex('preimage', 32) as Preimage | undefined;
  const request = {
    amountMsat,
    description: hashOnly ? { sha256: Buffer.from(sha256(Buffer.from(description))).toString('hex') } : description,
    expirySeconds: params.number('expiry', 'should be a positive integer') ?? WEEK_SECONDS,
    finalCltvDelta: params.number('cltv') ?? FINAL_CLTV,
    label: book.simulatedLabel(label),
    ...((Array.isArray(params.raw('exposeprivatechannels')) || params.flag('exposeprivatechannels') === true) && { privateHints: true }),
    ...(preimage !== undefined && { preimage }),
  };
  const made = await translated(context.node.call('createInvoice', request), {
    ALREADY_EXISTS: () => new Refusal(901, 'preimage already used'),
    INVALID_ARGUMENT: (message) => new Refusal(CODE.invalidParams, message),
  });
  const record = context.network.invoices.find(context.name, made.paymentHash) as InvoiceRecord;
  book.add(record, label, description);
  return {
    payment_hash: record.paymentHash,
    expires_at: seconds(record.expiresAt),
    bolt11: record.paymentRequest,
    payment_secret: record.paymentSecret,
    created_index: record.addNumber,
  };
}

function chosen(book: InvoiceBook, params: Params): readonly InvoiceRecord[] {
  const one = (record: InvoiceRecord | undefined) => (record === undefined ? [] : [record]);
  const given = ['label', 'invstring', 'payment_hash', 'offer_id'].filter((name) => params.has(name));
  if (given.length > 1) throw new Refusal(CODE.invalidParams, 'Can only specify one of {label}, {invstring}, {payment_hash} or {offer_id}');
  if (params.has('label')) return one(book.byLabel(params.text('label')));
  if (params.has('payment_hash')) return one(book.byHash(params.hex('payment_hash', 32)));
  if (params.has('offer_id')) return [];
  if (params.has('invstring')) {
    const text = params.text('invstring').toLowerCase();
    return book.all().filter((record) => record.paymentRequest === text);
  }
  const limit = params.number('limit') ?? Number.MAX_SAFE_INTEGER;
  if (!params.has('index')) {
    if (params.has('start') || params.has('limit'))
      throw new Refusal(CODE.invalidParams, 'Can only specify {start} or {limit} with {index}');
    return book.all();
  }
  const index = params.text('index');
  if (index !== 'created' && index !== 'updated') throw badParameter('index', "should be 'created' or 'updated'", index);
  return book.page(index as IndexName, params.number('start') ?? 1, limit);
}

/** What is paid after the index is told at once; but who waits is told of the next one paid, whatever its index. */
async function waitAny(context: ClnContext, book: InvoiceBook, params: Params, { signal }: CallContext): Promise<unknown> {
  const { network, name } = context;
  const after = params.number('lastpay_index') ?? 0;
  const timeout = params.number('timeout');
  const [next] = network.invoices.settledAfter(name, after, 1);
  if (next !== undefined) return book.view(next);
  const head = network.invoices.settledHead(name);
  const wait = { signal, ...(timeout !== undefined && { timeoutMs: timeout * 1000 }) };
  const paid = await context.waitFor(wait, () => network.invoices.settledAfter(name, head, 1)[0]);
  if (paid === undefined) throw new Refusal(904, 'Timed out while waiting for invoice to be paid');
  return book.view(paid);
}

async function waitOne(context: ClnContext, book: InvoiceBook, params: Params, { signal }: CallContext): Promise<unknown> {
  const found = book.byLabel(params.text('label'));
  if (found === undefined) throw new Refusal(CODE.generic, 'Label not found');
  const timeoutMs = Math.max(0, found.expiresAt - context.now()) + 1;
  const look = () => {
    const record = book.byHash(found.paymentHash);
    return record === undefined || book.statusOf(record) !== 'unpaid' ? (record ?? null) : undefined;
  };
  const ended = await context.waitFor({ signal, timeoutMs }, look);
  if (ended === null || ended === undefined) throw new Refusal(903, 'invoice deleted during wait');
  if (book.statusOf(ended) === 'expired') throw new Refusal(903, 'invoice expired during wait', book.view(ended));
  return book.view(ended);
}

async function remove(context: ClnContext, book: InvoiceBook, params: Params): Promise<unknown> {
  const record = book.byLabel(params.text('label'));
  const expected = params.text('status');
  if (!['paid', 'unpaid', 'expired'].includes(expected)) throw badParameter('status', 'unknown status', expected);
  if (record === undefined) throw new Refusal(905, 'Unknown invoice');
  const mismatch = (current: string) =>
    new Refusal(906, `Invoice status is ${current} not ${expected}`, { current_status: current, expected_status: expected });
  const current = book.statusOf(record);
  if (current !== expected) throw mismatch(current);
  const view = book.view(record);
  if (current !== 'paid')
    await translated(context.node.call('cancelInvoice', { paymentHash: record.paymentHash }), { CONFLICT: () => mismatch('paid') });
  book.remove(record);
  return view;
}
