import { Buffer } from 'node:buffer';
import type { CallOptions } from '../../core/lightning/common.ts';
import { isLightningError } from '../../core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, type Preimage } from '../../core/lightning/identifiers.ts';
import type { KeysendRequest, PaymentOutcome } from '../../core/lightning/payment.ts';
import type { ClnClient } from './client.ts';
import { failureOf } from './mapping-payments.ts';
import { forwardPayload, htlcsOf, keysendPayload } from './onion-payload.ts';
import type { ClnPaymentRecord } from './payment-record.ts';
import { isRefusal, RPC, refusal } from './rpc-error.ts';
import { atLeast, getInfoSchema } from './schema.ts';
import { type ClnRoute, createOnionSchema, getRoutesSchema, sendPaySchema } from './schema-payments.ts';
import { toWireMsat } from './wire-values.ts';

const OPERATION = 'payments.keysend';
const DEFAULT_TIMEOUT_MS = 60_000;
/** What LDK asks for at least, the most of the implementations. */
const FINAL_CLTV = 22;

/** What a keysend needs. */
export interface KeysendAttempt {
  readonly client: ClnClient;
  readonly record: ClnPaymentRecord;
  readonly request: KeysendRequest & { readonly preimage: Preimage };
}

/**
 * Pays without an invoice. `keysend` and `xkeysend` make the preimage themselves, so that a crash would leave us not
 * knowing which payment was ours; so the onion is made here of lightningd's parts, with the preimage that is stored
 * already (record 5482373484, bLIP 3). One route, within the fee cap.
 * @throws LightningError what failed before anything was sent.
 */
export async function keysend(attempt: KeysendAttempt, options: CallOptions): Promise<PaymentOutcome> {
  const { client, request } = attempt;
  const hash = hashOfPreimage(request.preimage);
  const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const failed = (code: number, detail: string): PaymentOutcome => ({
    status: 'failed',
    paymentHash: hash,
    reason: failureOf(code),
    detail,
  });
  const info = await client.call('getinfo', {}, { ...options, operation: OPERATION, schema: getInfoSchema, readOnly: true });
  if (info.id === request.destination) {
    return { status: 'failed', paymentHash: hash, reason: 'self-payment', detail: 'the destination is this node itself' };
  }
  let route: ClnRoute | undefined;
  try {
    route = await findRoute(client, request, info.id, options);
  } catch (error) {
    if (isRefusal(error, RPC.invalidParams, RPC.methodNotFound)) throw refusal(error, OPERATION);
    if (isRefusal(error)) return failed(error.code, error.message);
    throw error;
  }
  if (route === undefined || route.path.length === 0) return failed(RPC.noRoute, 'no single route to the destination');
  const htlcs = htlcsOf(route);
  const first = htlcs[0];
  if (first === undefined) return failed(RPC.noRoute, 'no single route to the destination');
  const feeMsat = first.amountMsat - request.amountMsat;
  if (feeMsat > request.maxFeeMsat) return failed(RPC.tooExpensive, `the route costs ${feeMsat} msat, ${request.maxFeeMsat} are allowed`);
  const height = info.blockheight + 1;
  const hops = htlcs.map((htlc, index) => {
    const next = htlcs[index + 1];
    const payload = next === undefined ? keysendPayload(htlc, height, request.preimage) : forwardPayload(next, height);
    return { pubkey: htlc.nodeId, payload: Buffer.from(payload).toString('hex') };
  });
  const onion = await client.call(
    'createonion',
    { hops, assocdata: hash },
    { ...options, operation: OPERATION, schema: createOnionSchema, readOnly: true },
  );
  const params = {
    onion: onion.onion,
    shared_secrets: onion.shared_secrets,
    first_hop: { id: first.nodeId, amount_msat: toWireMsat(first.amountMsat), delay: first.cltvDelta },
    payment_hash: hash,
    amount_msat: toWireMsat(request.amountMsat),
    destination: request.destination,
  };
  return await send(attempt, hash, params, timeoutMs, options);
}

async function findRoute(client: ClnClient, request: KeysendRequest, source: string, options: CallOptions): Promise<ClnRoute | undefined> {
  // One part only: more would need one preimage each.
  const single = atLeast(client.version, 25, 9);
  const params = {
    source,
    destination: request.destination,
    amount_msat: toWireMsat(request.amountMsat),
    layers: ['auto.localchans', 'auto.sourcefree', ...(single ? [] : ['auto.no_mpp_support'])],
    maxfee_msat: toWireMsat(request.maxFeeMsat),
    final_cltv: FINAL_CLTV,
    ...(single ? { maxparts: 1 } : {}),
  };
  const call = { ...options, operation: OPERATION, schema: getRoutesSchema, readOnly: true, rawRefusal: true } as const;
  const { routes } = await client.call('getroutes', params, call);
  return routes.length === 1 ? routes[0] : undefined;
}

async function send(
  { client, record }: KeysendAttempt,
  hash: PaymentHash,
  params: Readonly<Record<string, unknown>>,
  timeoutMs: number,
  options: CallOptions,
): Promise<PaymentOutcome> {
  const timeout = Math.max(1, Math.ceil(timeoutMs / 1000));
  try {
    await client.call('sendonion', params, { ...options, operation: OPERATION, schema: sendPaySchema, rawRefusal: true });
    const wait = { ...options, operation: OPERATION, schema: sendPaySchema, rawRefusal: true, timeoutMs } as const;
    await client.call('waitsendpay', { payment_hash: hash, timeout }, wait);
  } catch (error) {
    if (isRefusal(error, RPC.invalidParams, RPC.methodNotFound)) throw refusal(error, OPERATION);
    const known = await record.lookup(hash).catch(() => undefined);
    if (isRefusal(error) && (known === undefined || known.status === 'failed')) {
      return { status: 'failed', paymentHash: hash, reason: failureOf(error.code), detail: error.message };
    }
    if (known !== undefined) return known;
    if (isLightningError(error) && error.retry !== 'lookup-first') throw error;
    return { status: 'unknown', paymentHash: hash, detail: error instanceof Error ? error.message : 'no answer' };
  }
  return (await record.lookup(hash, options)) ?? { status: 'pending', paymentHash: hash };
}
