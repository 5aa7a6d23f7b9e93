import { status as grpc } from '@grpc/grpc-js';
import type { ReadInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import type { PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import { nodeId, type PaymentHash, paymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import { amountArgument } from './amount-argument.ts';
import { GrpcFailure, notFound } from './grpc-failure.ts';
import { KEYSEND_RECORD } from './invoice-message.ts';
import { type LndNode, listen, read, type StreamCalls, self, type UnaryCalls } from './node.ts';
import { payAround } from './pay-around.ts';
import { toBegunMessage, toPaymentMessage } from './payment-message.ts';
import type { InvoicePayment, SendRequest } from './send-request.ts';
import { entriesOf, type Message } from './values.ts';

const BATCH = 1000;
/** lnd's channels take nothing less unless told to (`bitcoin.minhtlcout`). */
const MIN_HTLC_MSAT = 1000n;

/** Looking at payments. */
export const paymentCalls: UnaryCalls = { 'lnrpc.Lightning/ListPayments': list };

/** Paying, and following payments. */
export const paymentStreams: StreamCalls = {
  'routerrpc.Router/SendPaymentV2': async function* (node, request: SendRequest, signal) {
    const changes = listen(node, signal, (event) => event.kind === 'payment' && event.node === node.name);
    const hash = await send(node, request);
    const begun = need(node, hash);
    if (!request.no_inflight_updates) yield toBegunMessage(node, begun);
    yield* updates(node, hash, request.no_inflight_updates, changes);
  },
  'routerrpc.Router/TrackPaymentV2': async function* (node, request: TrackRequest, signal) {
    const hash = paymentHash(request.payment_hash.toString('hex'));
    const changes = listen(node, signal, (event) => event.kind === 'payment' && event.node === node.name);
    need(node, hash);
    yield* updates(node, hash, request.no_inflight_updates, changes);
  },
};

type TrackRequest = { readonly payment_hash: Buffer; readonly no_inflight_updates: boolean };

/** How it stands, then how it ends. HTLCs in flight are waited for as long as they are: no time-out ends them. */
async function* updates(node: LndNode, hash: PaymentHash, onlyFinal: boolean, changes: ReturnType<typeof listen>): AsyncIterable<Message> {
  let payment = need(node, hash);
  if (payment.status === 'pending') {
    if (!onlyFinal) yield toPaymentMessage(node, payment);
    for await (const _ of changes.drain()) {
      payment = need(node, hash);
      if (payment.status !== 'pending') break;
    }
  }
  if (payment.status !== 'pending') yield toPaymentMessage(node, payment);
}

/** Begins a payment and answers its hash. @throws GrpcFailure where lnd begins none. */
async function send(node: LndNode, request: SendRequest): Promise<PaymentHash> {
  const maxFeeMsat = msat(amountArgument(request.fee_limit_sat, request.fee_limit_msat));
  const given = amountArgument(request.amt, request.amt_msat);
  if (request.payment_request === '') return await sendKeysend(node, request, given, maxFeeMsat);
  if (request.dest.length > 0) throw new GrpcFailure('dest and payment_request cannot appear together');
  if (request.payment_hash.length > 0) throw new GrpcFailure('payment_hash and payment_request cannot appear together');
  if (request.final_cltv_delta !== 0) throw new GrpcFailure('final_cltv_delta and payment_request cannot appear together');
  const invoice = decode(node, request.payment_request);
  if (node.network.now() > invoice.expiresAt) throw new GrpcFailure(`invoice expired. Valid until ${goTime(invoice.expiresAt)}`);
  if (invoice.paymentSecret === undefined) {
    throw new GrpcFailure('payment request must contain either a payment address or blinded paths');
  }
  if (invoice.amountMsat === undefined && given === 0n) {
    throw new GrpcFailure('amount must be specified when paying a zero amount invoice');
  }
  if (invoice.amountMsat !== undefined && given !== 0n) {
    throw new GrpcFailure('amount must not be specified when paying a non-zero amount invoice');
  }
  const isOwn = invoice.payee === self(node).nodeId;
  if (isOwn && !request.allow_self_payment) throw new GrpcFailure('self-payments not allowed');
  requireNew(node, invoice.paymentHash);
  const amountMsat = invoice.amountMsat ?? msat(given);
  const payment = { paymentRequest: request.payment_request, invoice, amountMsat, maxFeeMsat };
  if (isOwn) payAround(node, payment, request);
  else if (amountMsat < MIN_HTLC_MSAT) refuse(node, payment);
  else {
    const amount = invoice.amountMsat === undefined ? { amountMsat } : {};
    await node.calls.call('pay', { paymentRequest: request.payment_request, maxFeeMsat, timeoutMs: 0, ...amount });
  }
  return invoice.paymentHash;
}

/** Reads a payment request, of this network only. @throws GrpcFailure */
export function decode(node: LndNode, paymentRequest: string): ReadInvoice {
  try {
    const invoice = read(node, paymentRequest);
    if (invoice.network !== 'regtest') throw new GrpcFailure("invoice not for current active network 'regtest'");
    return invoice;
  } catch (error) {
    throw isLightningError(error, 'INVALID_ARGUMENT') ? new GrpcFailure('checksum failed. Expected another, got this one.') : error;
  }
}

async function sendKeysend(node: LndNode, request: SendRequest, amountMsat: bigint, maxFee: ReturnType<typeof msat>): Promise<PaymentHash> {
  const destination = request.dest.toString('hex');
  if (!/^0[23][0-9a-f]{64}$/.test(destination)) throw new GrpcFailure('invalid vertex string');
  if (amountMsat === 0n) throw new GrpcFailure('amount must be specified');
  if (destination === self(node).nodeId && !request.allow_self_payment) throw new GrpcFailure('self-payments not allowed');
  const secret = entriesOf(request.dest_custom_records).find(([type]) => type === KEYSEND_RECORD)?.[1];
  if (secret === undefined) throw new GrpcFailure('the emulated lnd pays invoices and keysends only', grpc.UNIMPLEMENTED);
  const hash = paymentHash(request.payment_hash.toString('hex'));
  requireNew(node, hash);
  const order = {
    destination: nodeId(destination),
    amountMsat: msat(amountMsat),
    maxFeeMsat: maxFee,
    preimage: preimage(secret.toString('hex')),
  };
  await node.calls.call('keysend', { ...order, timeoutMs: 0 });
  return hash;
}

/** lnd itself refuses to pay twice. @throws GrpcFailure */
function requireNew(node: LndNode, hash: PaymentHash): void {
  const known = node.network.payments.find(node.name, hash);
  if (known === undefined || known.status === 'failed') return;
  throw new GrpcFailure(known.status === 'settled' ? 'invoice is already paid' : 'payment is in transition', grpc.ALREADY_EXISTS);
}

/** A payment that no channel takes: it is begun and fails, as lnd's does. */
function refuse(node: LndNode, { invoice, paymentRequest, amountMsat, maxFeeMsat }: InvoicePayment): void {
  const order = {
    node: node.name,
    paymentHash: invoice.paymentHash,
    kind: 'invoice',
    paymentRequest,
    paymentSecret: invoice.paymentSecret,
    payee: node.network.nodes.byId(invoice.payee)?.name ?? invoice.payee,
    amountMsat,
    maxFeeMsat,
    finalCltvDelta: invoice.finalCltvDelta,
    hints: [],
    via: undefined,
    preimage: undefined,
  } as const;
  node.network.payments.start(order, { reason: 'no-route', detail: 'less than the least amount that a channel takes' });
}

function need(node: LndNode, hash: PaymentHash): PaymentRecord {
  const payment = node.network.payments.find(node.name, hash);
  if (payment === undefined) throw notFound("payment isn't initiated");
  return payment;
}

type ListRequest = {
  readonly include_incomplete: boolean;
  readonly index_offset: string;
  readonly max_payments: string;
  readonly reversed: boolean;
  readonly count_total_payments: boolean;
};

function list(node: LndNode, request: ListRequest): Message {
  const offset = BigInt(request.index_offset);
  const all: PaymentRecord[] = [];
  for (let batch = node.network.payments.list(node.name, 0, BATCH); ; batch = node.network.payments.list(node.name, all.length, BATCH)) {
    all.push(...batch);
    if (batch.length < BATCH) break;
  }
  const wanted = BigInt(request.max_payments) === 0n ? all.length : Number(request.max_payments);
  const fits = all.filter(({ status }) => request.include_incomplete || status === 'settled');
  const found = request.reversed
    ? fits.filter(({ number }) => offset === 0n || BigInt(number) < offset).slice(-wanted)
    : fits.filter(({ number }) => BigInt(number) > offset).slice(0, wanted);
  return {
    payments: found.map((payment) => toPaymentMessage(node, payment)),
    first_index_offset: String(found[0]?.number ?? 0),
    last_index_offset: String(found.at(-1)?.number ?? 0),
    total_num_payments: request.count_total_payments ? String(all.length) : '0',
  };
}

/** A time as Go prints it. */
function goTime(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} +0000 UTC`;
}
