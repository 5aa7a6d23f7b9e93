import type { HopRecord, PartRecord, PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import { KEYSEND_RECORD } from './invoice-message.ts';
import type { LndNode } from './node.ts';
import { bytesOf, channelNumber, type Message, nanosecondsOf, satOf, secondsOf } from './values.ts';

const NO_PREIMAGE = '0'.repeat(64);
/** What lnd adds to a route's last time lock, so that a few blocks on the way do no harm. */
const BLOCK_PADDING = 3;
/** Attempts are numbered over all payments; no payment has as many. */
const ATTEMPTS_EACH = 1000;

const FAILURES: Readonly<Record<NonNullable<PaymentRecord['givingUp']>['reason'], string>> = {
  'no-route': 'FAILURE_REASON_NO_ROUTE',
  'fee-cap': 'FAILURE_REASON_NO_ROUTE',
  'insufficient-balance': 'FAILURE_REASON_INSUFFICIENT_BALANCE',
  rejected: 'FAILURE_REASON_INCORRECT_PAYMENT_DETAILS',
  expired: 'FAILURE_REASON_INCORRECT_PAYMENT_DETAILS',
  'self-payment': 'FAILURE_REASON_NO_ROUTE',
  'attempts-exhausted': 'FAILURE_REASON_TIMEOUT',
  error: 'FAILURE_REASON_ERROR',
};

/** A payment as `lnrpc.Payment`. */
export function toPaymentMessage(node: LndNode, payment: PaymentRecord): Message {
  const settled = payment.status === 'settled' && payment.preimage !== undefined;
  const feeMsat = settled ? payment.parts.reduce((sum, part) => (part.phase === 'settled' ? sum + part.feeMsat : sum), 0n) : 0n;
  const failed = payment.status === 'failed';
  return {
    payment_hash: payment.paymentHash,
    value: satOf(payment.amountMsat),
    value_sat: satOf(payment.amountMsat),
    value_msat: payment.amountMsat.toString(),
    creation_date: secondsOf(payment.createdAt),
    creation_time_ns: nanosecondsOf(payment.createdAt),
    fee: satOf(feeMsat),
    fee_sat: satOf(feeMsat),
    fee_msat: feeMsat.toString(),
    payment_preimage: settled ? payment.preimage : NO_PREIMAGE,
    payment_request: payment.paymentRequest ?? '',
    status: settled ? 'SUCCEEDED' : failed ? 'FAILED' : 'IN_FLIGHT',
    htlcs: payment.parts.map((part, index) => toAttempt(node, payment, part, index)),
    payment_index: String(payment.number),
    failure_reason: failed ? FAILURES[payment.givingUp?.reason ?? 'error'] : 'FAILURE_REASON_NONE',
    path: [],
    first_hop_custom_records: {},
  };
}

/** The same payment as it stood when nothing had been tried yet: the first message of a payment's stream. */
export function toBegunMessage(node: LndNode, payment: PaymentRecord): Message {
  return toPaymentMessage(node, { ...payment, status: 'pending', preimage: undefined, givingUp: undefined, parts: [] });
}

function toAttempt(node: LndNode, payment: PaymentRecord, part: PartRecord, index: number): Message {
  const status = part.phase === 'settled' ? 'SUCCEEDED' : part.phase === 'failed' ? 'FAILED' : 'IN_FLIGHT';
  const resolvedAt = status === 'IN_FLIGHT' ? undefined : (payment.settledAt ?? node.network.now());
  return {
    attempt_id: String(payment.number * ATTEMPTS_EACH + index),
    status,
    route: toRouteMessage(node, part, lastHop(payment, part)),
    attempt_time_ns: nanosecondsOf(payment.createdAt),
    resolve_time_ns: nanosecondsOf(resolvedAt),
    failure: status === 'FAILED' ? toFailure(node, payment, part) : null,
    preimage: status === 'SUCCEEDED' ? bytesOf(payment.preimage) : Buffer.alloc(0),
  };
}

/** What only the last hop's onion carries. */
interface LastHop {
  readonly finalCltvDelta: number;
  readonly mpp: Message | null;
  readonly records: Message;
}

function lastHop(payment: PaymentRecord, part: PartRecord): LastHop {
  const { finalCltvDelta, kind, paymentSecret, preimage } = payment;
  const keysend = kind === 'keysend' && preimage !== undefined;
  const total = payment.parts.length > 1 ? payment.amountMsat : part.amountMsat;
  return {
    finalCltvDelta,
    mpp: paymentSecret === undefined ? null : { payment_addr: bytesOf(paymentSecret), total_amt_msat: total.toString() },
    records: keysend ? { [KEYSEND_RECORD.toString()]: bytesOf(preimage) } : {},
  };
}

/** A route as `lnrpc.Route`: each hop with the node it leads to, what that passes on and what it keeps. */
export function toRouteMessage(
  node: LndNode,
  route: { readonly hops: readonly HopRecord[]; readonly amountMsat: bigint; readonly feeMsat: bigint },
  last: LastHop = { finalCltvDelta: 0, mpp: null, records: {} },
): Message {
  const { height } = node.network.chain.record;
  const deltas = route.hops.map((hop) => cltvDelta(node, hop));
  const expiry = (at: number): number =>
    height + last.finalCltvDelta + BLOCK_PADDING + deltas.slice(at + 1).reduce((sum, delta) => sum + delta, 0);
  const hops = route.hops.map((hop, at) => {
    const isLast = at === route.hops.length - 1;
    const forwardMsat = route.hops[at + 1]?.amountMsat ?? route.amountMsat;
    const feeMsat = hop.amountMsat - forwardMsat;
    const channel = node.network.channels.need(hop.from, hop.channel, 'route');
    return {
      chan_id: channelNumber(channel.shortChannelId),
      chan_capacity: satOf(channel.capacityMsat),
      amt_to_forward: satOf(forwardMsat),
      amt_to_forward_msat: forwardMsat.toString(),
      fee: satOf(feeMsat),
      fee_msat: feeMsat.toString(),
      // A hop passes on what its own next one asks for; the last has nobody after it.
      expiry: expiry(isLast ? at : at + 1),
      pub_key: node.network.nodes.need(hop.to).nodeId,
      tlv_payload: true,
      mpp_record: isLast ? last.mpp : null,
      custom_records: isLast ? last.records : {},
    };
  });
  const totalMsat = route.amountMsat + route.feeMsat;
  return {
    total_time_lock: expiry(0),
    total_fees: satOf(route.feeMsat),
    total_fees_msat: route.feeMsat.toString(),
    total_amt: satOf(totalMsat),
    total_amt_msat: totalMsat.toString(),
    first_hop_amount_msat: totalMsat.toString(),
    hops,
  };
}

function cltvDelta(node: LndNode, hop: HopRecord): number {
  return node.network.policy(hop.from, hop.channel).cltvDelta;
}

function toFailure(node: LndNode, payment: PaymentRecord, part: PartRecord): Message {
  const byPayee = payment.givingUp?.reason === 'rejected';
  return {
    code: byPayee ? 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS' : 'TEMPORARY_CHANNEL_FAILURE',
    htlc_msat: byPayee ? part.amountMsat.toString() : '0',
    failure_source_index: byPayee ? part.hops.length : Math.max(0, part.at),
    height: byPayee ? node.network.chain.record.height : 0,
  };
}
