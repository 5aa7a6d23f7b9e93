import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, paymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { CreateInvoice } from '../../../src/core/lightning/invoice.ts';
import { amountArgument } from './amount-argument.ts';
import { GrpcFailure, notFound } from './grpc-failure.ts';
import { lndState, toInvoiceMessage } from './invoice-message.ts';
import { type LndNode, self, type UnaryCalls } from './node.ts';
import { bytesOf, type Message } from './values.ts';

const HASH_BYTES = 32;
const DEFAULT_EXPIRY_SECONDS = 86_400;
const MAX_EXPIRY_SECONDS = 31_536_000;
const MAX_MEMO_BYTES = 1024;
/** What the length field of BOLT 11 can say, in groups of five bits. */
const MAX_FIELD_GROUPS = 1023;
const MIN_CLTV = 18n;
const DEFAULT_PAGE = 100;
const BATCH = 1000;

/** What AddInvoice and AddHoldInvoice share. */
type Terms = {
  readonly memo: string;
  readonly value: string;
  readonly value_msat: string;
  readonly description_hash: Buffer;
  readonly expiry: string;
  readonly cltv_expiry: string;
  readonly private: boolean;
};

/** Making, finding and ending invoices. */
export const invoiceCalls: UnaryCalls = {
  'lnrpc.Lightning/AddInvoice': async (node, request: Terms & { readonly r_preimage: Buffer }) => {
    const secret = request.r_preimage.length === 0 ? {} : { preimage: preimage(hexOf(request.r_preimage, 'preimage')) };
    const added = await add(node, { ...termsOf(request), ...secret });
    return { r_hash: bytesOf(added.paymentHash), payment_request: added.paymentRequest, ...indexOf(added) };
  },
  'invoicesrpc.Invoices/AddHoldInvoice': async (node, request: Terms & { readonly hash: Buffer }) => {
    const hash = paymentHash(hexOf(request.hash, 'hash'));
    const added = await add(node, { ...termsOf(request), hold: { paymentHash: hash } });
    return { payment_request: added.paymentRequest, ...indexOf(added) };
  },
  'lnrpc.Lightning/LookupInvoice': (
    node,
    { r_hash_str: text, r_hash: bytes }: { readonly r_hash_str: string; readonly r_hash: Buffer },
  ) => {
    const hash = text === '' ? bytes : Buffer.from(text, 'hex');
    if (hash.length !== HASH_BYTES) throw new GrpcFailure(`payment hash must be exactly 32 bytes, is instead ${hash.length}`);
    return toInvoiceMessage(node, find(node, hash));
  },
  'invoicesrpc.Invoices/LookupInvoiceV2': (node, { payment_hash: hash }: { readonly payment_hash?: Buffer }) => {
    if (hash === undefined) throw new GrpcFailure('invoice ref must be set', 3);
    return toInvoiceMessage(node, find(node, hash));
  },
  'lnrpc.Lightning/ListInvoices': list,
  'invoicesrpc.Invoices/CancelInvoice': async (node, { payment_hash: hash }: { readonly payment_hash: Buffer }) => {
    await ended(node.calls.call('cancelInvoice', { paymentHash: paymentHash(hexOf(hash, 'hash')) }), () => 'invoice already settled');
    return {};
  },
  'invoicesrpc.Invoices/SettleInvoice': async (node, { preimage: bytes }: { readonly preimage: Buffer }) => {
    const secret = preimage(hexOf(bytes, 'preimage'));
    const isOver = (): boolean => {
      const state = node.network.invoices.find(node.name, hashOf(bytes))?.state;
      return state === 'cancelled';
    };
    if (node.network.invoices.find(node.name, hashOf(bytes))?.state === 'settled') return {};
    await ended(node.calls.call('settleHeld', { preimage: secret }), () => (isOver() ? 'invoice already canceled' : 'invoice still open'));
    return {};
  },
};

function termsOf(request: Terms): CreateInvoice {
  const { memo, description_hash: hash, expiry, cltv_expiry: cltv } = request;
  const memoBytes = Buffer.byteLength(memo);
  if (memoBytes > MAX_MEMO_BYTES) throw new GrpcFailure(`memo too large: ${memoBytes} bytes (maxsize=${MAX_MEMO_BYTES})`);
  if (hash.length !== 0 && hash.length !== HASH_BYTES) throw new GrpcFailure(`description hash is ${hash.length} bytes, must be 32`);
  const seconds = Number(expiry) > 0 ? Number(expiry) : DEFAULT_EXPIRY_SECONDS;
  if (seconds > MAX_EXPIRY_SECONDS)
    throw new GrpcFailure(`expiry of ${seconds} seconds greater than max expiry of ${MAX_EXPIRY_SECONDS} seconds`);
  if (BigInt(cltv) !== 0n && BigInt(cltv) < MIN_CLTV)
    throw new GrpcFailure(`CLTV delta of ${cltv} must be greater than minimum of ${MIN_CLTV}`);
  const groups = Math.ceil((memoBytes * 8) / 5);
  if (hash.length === 0 && groups > MAX_FIELD_GROUPS) throw new GrpcFailure(`data length too big to fit within 10 bits: ${groups}`);
  const amountMsat = amountArgument(request.value, request.value_msat);
  return {
    amountMsat: amountMsat === 0n ? 'any' : msat(amountMsat),
    description: hash.length === 0 ? memo : { sha256: hash.toString('hex') },
    expirySeconds: seconds,
    privateHints: request.private,
    ...(BigInt(cltv) !== 0n && { finalCltvDelta: Number(cltv) }),
  };
}

async function add(node: LndNode, request: CreateInvoice): Promise<InvoiceRecord> {
  try {
    const { paymentHash: hash } = await node.calls.call('createInvoice', request);
    return find(node, bytesOf(hash));
  } catch (error) {
    throw isLightningError(error, 'ALREADY_EXISTS') ? new GrpcFailure('invoice with payment hash already exists') : error;
  }
}

function indexOf({ addNumber, paymentSecret }: InvoiceRecord): Message {
  return { add_index: String(addNumber), payment_addr: bytesOf(paymentSecret) };
}

function find(node: LndNode, hash: Buffer): InvoiceRecord {
  const invoice = node.network.invoices.find(node.name, paymentHash(hexOf(hash, 'hash')));
  if (invoice === undefined) throw notFound('unable to locate invoice');
  return invoice;
}

/** lnd answers a change of an unknown invoice without a code of its own. */
async function ended(done: Promise<null>, conflict: () => string): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (isLightningError(error, 'NOT_FOUND')) throw new GrpcFailure('unable to locate invoice');
    if (isLightningError(error, 'CONFLICT')) throw new GrpcFailure(conflict());
    throw error;
  }
}

type ListRequest = {
  readonly pending_only: boolean;
  readonly index_offset: string;
  readonly num_max_invoices: string;
  readonly reversed: boolean;
};

function list(node: LndNode, request: ListRequest): Message {
  const wanted = Number(request.num_max_invoices) || DEFAULT_PAGE;
  const fits = (invoice: InvoiceRecord): boolean => !request.pending_only || ['OPEN', 'ACCEPTED'].includes(lndState(node, invoice));
  const found = request.reversed
    ? before(node, Number(request.index_offset), wanted, fits)
    : after(node, Number(request.index_offset), wanted, fits);
  return {
    invoices: found.map((invoice) => toInvoiceMessage(node, invoice)),
    first_index_offset: String(found[0]?.addNumber ?? 0),
    last_index_offset: String(found.at(-1)?.addNumber ?? 0),
  };
}

function after(node: LndNode, offset: number, wanted: number, fits: (invoice: InvoiceRecord) => boolean): InvoiceRecord[] {
  const found: InvoiceRecord[] = [];
  for (let position = offset; ; position += BATCH) {
    const batch = node.network.invoices.list(node.name, position, BATCH);
    found.push(...batch.filter(fits).slice(0, wanted - found.length));
    if (batch.length < BATCH || found.length >= wanted) return found;
  }
}

/** The last ones before an index (0: all), still in the order of adding. */
function before(node: LndNode, offset: number, wanted: number, fits: (invoice: InvoiceRecord) => boolean): InvoiceRecord[] {
  const end = offset === 0 ? self(node).addCount : offset - 1;
  return node.network.invoices.list(node.name, 0, end).filter(fits).slice(-wanted);
}

function hexOf(bytes: Buffer, what: string): string {
  if (bytes.length !== HASH_BYTES) throw new GrpcFailure(`invalid ${what} length of ${bytes.length}, want 32`);
  return bytes.toString('hex');
}

function hashOf(secret: Buffer): PaymentHash {
  return hashOfPreimage(preimage(secret.toString('hex')));
}
