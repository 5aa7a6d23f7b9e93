import { type Msat, msat, sumMsat } from '../../core/lightning/amount.ts';
import { nodeId, type PaymentHash, paymentHash, preimage, type ShortChannelId, shortChannelId } from '../../core/lightning/identifiers.ts';
import type { Payment, PaymentFailure, PaymentOutcome, PaymentPart, RouteHop } from '../../core/lightning/payment.ts';
import type { EclairFailure, EclairHop, EclairOutgoing, EclairPaymentFailed, EclairPaymentSent } from './schema-payments.ts';

/** A payment that `payinvoice` saw through, with the routes of its parts. */
export function toSettled(sent: EclairPaymentSent): PaymentOutcome {
  const total = sumMsat(sent.parts.map((part) => part.sentMsat));
  const settledAt = sent.settledAt ?? latest(sent.parts.map((part) => part.settledAt));
  return {
    status: 'settled',
    paymentHash: paymentHash(sent.paymentHash),
    preimage: preimage(sent.paymentPreimage),
    amountMsat: sent.recipientAmount,
    feeMsat: difference(total, sent.recipientAmount),
    settledAt,
    parts: sent.parts.map((part) => toPart(difference(part.sentMsat, part.feesMsat), part.feesMsat, part.route)),
  };
}

/** Why a payment failed, as far as its own reasons tell: only of remote ones do they say whose. */
export function failureOf(
  failed: EclairPaymentFailed,
  payee: string,
): { readonly reason: PaymentFailure; readonly detail: string; readonly isLocal: boolean } {
  const remote = failed.failures.filter((failure) => failure.e !== undefined);
  const detail = failed.failures.map(textOf).join('; ') || 'eclair gave no reason';
  if (remote.some((failure) => failure.e?.originNode === payee)) return { reason: 'rejected', detail, isLocal: false };
  return remote.length > 0 ? { reason: 'attempts-exhausted', detail, isLocal: false } : { reason: 'no-route', detail, isLocal: true };
}

/**
 * What the record of a payment hash comes to. It may hold several attempts, of which one went through: eclair tries a
 * paid invoice again if it is told to. Undefined where it is empty, which right after paying proves nothing.
 */
export function outcomeOfRecord(hash: PaymentHash, record: readonly EclairOutgoing[]): PaymentOutcome | undefined {
  if (record.length === 0) return undefined;
  const paid = record.find((part) => part.status.type === 'sent');
  if (paid?.status.type === 'sent') return settledBy(hash, paid, paid.status.paymentPreimage, record);
  if (record.some((part) => part.status.type === 'pending')) return { status: 'pending', paymentHash: hash };
  const failures = record.flatMap((part) => (part.status.type === 'failed' ? part.status.failures : []));
  const payee = record[0]?.recipientNodeId;
  const local = failures.length > 0 && failures.every((failure) => failure.failureType === 'Local');
  const rejected = failures.some((failure) => failure.failureType === 'Remote' && failure.failedNode === payee);
  return {
    status: 'failed',
    paymentHash: hash,
    reason: rejected ? 'rejected' : local ? 'no-route' : 'attempts-exhausted',
    detail: failures.map((failure) => failure.failureMessage).join('; ') || 'eclair gave no reason',
  };
}

/** One entry of the list of what was sent. */
export function toPayment(sent: EclairPaymentSent, record: readonly EclairOutgoing[]): Payment {
  const hash = paymentHash(sent.paymentHash);
  const known = outcomeOfRecord(hash, record);
  const begun = record.map((part) => part.createdAt);
  return {
    outcome: known?.status === 'settled' ? known : toSettled(sent),
    paymentRequest: record.find((part) => part.invoice?.serialized !== undefined)?.invoice?.serialized,
    createdAt: begun.length > 0 ? Math.min(...begun) : (sent.startedAt ?? sent.settledAt ?? 0),
  };
}

function settledBy(hash: PaymentHash, paid: EclairOutgoing, secret: string, record: readonly EclairOutgoing[]): PaymentOutcome {
  const parts: PaymentPart[] = [];
  const completed: number[] = [];
  for (const part of record) {
    if (part.parentId !== paid.parentId || part.status.type !== 'sent') continue;
    parts.push(toPart(part.amount, part.status.feesPaid, part.status.route));
    completed.push(part.status.completedAt);
  }
  return {
    status: 'settled',
    paymentHash: hash,
    preimage: preimage(secret),
    amountMsat: paid.recipientAmount,
    feeMsat: sumMsat(parts.map((part) => part.feeMsat)),
    settledAt: latest(completed),
    parts,
  };
}

/**
 * A part with its route. eclair tells what each hop asks for forwarding, so the amounts are counted back from the payee;
 * where it does not (its record leaves that out), the hops are told without fees of their own.
 */
function toPart(amountMsat: Msat, feeMsat: Msat, route: readonly EclairHop[]): PaymentPart {
  const hops: RouteHop[] = [];
  let forwarded = amountMsat;
  for (const [index, hop] of [...route.entries()].reverse()) {
    const next = route[index + 1]?.params?.channelUpdate;
    const kept = next === undefined ? msat(0n) : feeFor(forwarded, next.feeBaseMsat, next.feeProportionalMillionths);
    hops.unshift({ nodeId: nodeId(hop.nextNodeId), channel: channelOf(hop.shortChannelId), forwardedMsat: forwarded, feeMsat: kept });
    forwarded = msat(forwarded + kept);
  }
  return { amountMsat, feeMsat, hops };
}

/** BOLT 7: base fee and millionths of what is forwarded, rounded down. */
function feeFor(forwarded: Msat, base: Msat, ppm: number): Msat {
  return msat(base + (forwarded * BigInt(ppm)) / 1_000_000n);
}

/** eclair writes an alias, for a channel without a real id yet, in another form. */
function channelOf(text: string | undefined): ShortChannelId | undefined {
  if (text === undefined || !/^\d{1,8}x\d{1,8}x\d{1,5}$/.test(text)) return undefined;
  return shortChannelId(text);
}

function textOf(failure: EclairFailure): string {
  return failure.e?.failureMessage ?? failure.t ?? 'an unreadable failure';
}

function difference(more: Msat, less: Msat): Msat {
  return msat(more > less ? more - less : 0n);
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
