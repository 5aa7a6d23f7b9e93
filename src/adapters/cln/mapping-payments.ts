import { type Msat, msat, sumMsat } from '../../core/lightning/amount.ts';
import type { Network } from '../../core/lightning/common.ts';
import { nodeId, type PaymentHash, paymentHash, preimage, shortChannelId } from '../../core/lightning/identifiers.ts';
import type { DecodedInvoice, Payment, PaymentFailure, PaymentOutcome, PaymentPart } from '../../core/lightning/payment.ts';
import type { ClnDecodedBolt11 } from './schema.ts';
import type { ClnPaid, ClnSendPay } from './schema-payments.ts';

/** `decode` of a BOLT 11 invoice as the port has it. */
export function toDecoded(decoded: ClnDecodedBolt11, network: Network): DecodedInvoice {
  return {
    paymentHash: paymentHash(decoded.payment_hash),
    payee: nodeId(decoded.payee),
    network,
    amountMsat: decoded.amount_msat,
    description: decoded.description,
    descriptionHash: decoded.description_hash,
    createdAt: decoded.created_at * 1000,
    expiresAt: (decoded.created_at + decoded.expiry) * 1000,
    finalCltvDelta: decoded.min_final_cltv_expiry,
    routeHints: decoded.routes.map((route) =>
      route.map((hop) => ({
        nodeId: nodeId(hop.pubkey),
        channel: shortChannelId(hop.short_channel_id),
        baseFeeMsat: hop.fee_base_msat,
        feeRatePpm: hop.fee_proportional_millionths,
        cltvDelta: hop.cltv_expiry_delta,
      })),
    ),
  };
}

/**
 * What the parts of a payment hash come to. One part that went through settles it: the preimage is out, and the other
 * parts of its attempt go through too. Undefined where there is no part: it was never tried, or found no route.
 */
export function outcomeOfParts(hash: PaymentHash, parts: readonly ClnSendPay[]): PaymentOutcome | undefined {
  if (parts.length === 0) return undefined;
  const complete = parts.find((part) => part.status === 'complete' && part.payment_preimage !== undefined);
  if (complete?.payment_preimage !== undefined) {
    const attempt = parts.filter((part) => part.groupid === complete.groupid && part.status !== 'failed');
    const completedAt = Math.max(...attempt.map((part) => part.completed_at ?? 0));
    const settled = attempt.map(toPart);
    return {
      status: 'settled',
      paymentHash: hash,
      preimage: preimage(complete.payment_preimage),
      amountMsat: sumMsat(settled.map((part) => part.amountMsat)),
      feeMsat: sumMsat(settled.map((part) => part.feeMsat)),
      settledAt: completedAt > 0 ? completedAt * 1000 : undefined,
      parts: settled,
    };
  }
  if (parts.some((part) => part.status !== 'failed')) return { status: 'pending', paymentHash: hash };
  return { status: 'failed', paymentHash: hash, reason: 'attempts-exhausted', detail: 'every part that was sent came back' };
}

/** The answer of `xpay` or `pay` that went through; the parts are those of the node's record, where it has them. */
export function toSettled(hash: PaymentHash, secret: string, paid: ClnPaid, record: PaymentOutcome | undefined): PaymentOutcome {
  const known = record?.status === 'settled' ? record : undefined;
  const feeMsat = feeOf(paid.amount_msat, paid.amount_sent_msat);
  return {
    status: 'settled',
    paymentHash: hash,
    preimage: preimage(secret),
    amountMsat: paid.amount_msat,
    feeMsat,
    settledAt: known?.settledAt,
    parts: known?.parts ?? [{ amountMsat: paid.amount_msat, feeMsat, hops: [] }],
  };
}

/** One entry of the list: all parts of one payment hash. */
export function toPayment(hash: PaymentHash, parts: readonly ClnSendPay[]): Payment | undefined {
  const outcome = outcomeOfParts(hash, parts);
  const first = parts[0];
  if (outcome === undefined || first === undefined) return undefined;
  return {
    outcome,
    paymentRequest: parts.find((part) => part.bolt11 !== undefined)?.bolt11,
    createdAt: Math.min(...parts.map((part) => part.created_at)) * 1000,
  };
}

const FAILURES: Readonly<Record<number, PaymentFailure>> = {
  203: 'rejected',
  205: 'no-route',
  206: 'fee-cap',
  207: 'expired',
  209: 'attempts-exhausted',
  210: 'attempts-exhausted',
  215: 'insufficient-balance',
  216: 'no-route',
  220: 'no-route',
};

/** Why a payment failed, by the number lightningd gave up with. */
export function failureOf(rpcCode: number): PaymentFailure {
  return FAILURES[rpcCode] ?? 'error';
}

function toPart(part: ClnSendPay): PaymentPart {
  const amountMsat = part.amount_msat ?? part.amount_sent_msat;
  return { amountMsat, feeMsat: feeOf(amountMsat, part.amount_sent_msat), hops: [] };
}

function feeOf(amount: Msat, sent: Msat): Msat {
  return msat(sent > amount ? sent - amount : 0n);
}
