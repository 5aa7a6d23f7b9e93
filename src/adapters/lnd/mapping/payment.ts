import { msat } from '../../../core/lightning/amount.ts';
import type { Forward } from '../../../core/lightning/channel.ts';
import { nodeId, paymentHash, preimage, shortChannelId } from '../../../core/lightning/identifiers.ts';
import type { Payment, PaymentFailure, PaymentOutcome, PaymentPart } from '../../../core/lightning/payment.ts';
import type { LndForward, LndPayment, LndRoute } from '../schema/payment.ts';
import { toShortChannelId } from './short-channel-id.ts';

const FAILURES: Readonly<Record<string, readonly [PaymentFailure, string]>> = {
  FAILURE_REASON_TIMEOUT: ['attempts-exhausted', 'no attempt succeeded in the time given'],
  FAILURE_REASON_NO_ROUTE: ['no-route', 'no route within the fee cap'],
  FAILURE_REASON_ERROR: ['error', 'lnd failed with an error of its own'],
  FAILURE_REASON_INCORRECT_PAYMENT_DETAILS: ['rejected', 'the payee refused: wrong amount, already paid, expired or cancelled'],
  FAILURE_REASON_INSUFFICIENT_BALANCE: ['insufficient-balance', 'the channels have too little on our side'],
  FAILURE_REASON_CANCELED: ['attempts-exhausted', 'the payment was cancelled at the node'],
};

/** What lnd's record says of a payment. `FAILED` stands there only when nothing is in flight any more. */
export function toOutcome(payment: LndPayment): PaymentOutcome {
  const hash = paymentHash(payment.payment_hash);
  switch (payment.status) {
    case 'SUCCEEDED':
      return {
        status: 'settled',
        paymentHash: hash,
        preimage: preimage(payment.payment_preimage),
        amountMsat: msat(payment.value_msat),
        feeMsat: msat(payment.fee_msat),
        settledAt: settledAt(payment),
        parts: payment.htlcs.flatMap(({ status, route }) => (status === 'SUCCEEDED' && route !== null ? [toPart(route)] : [])),
      };
    case 'FAILED': {
      const known = Object.hasOwn(FAILURES, payment.failure_reason) ? FAILURES[payment.failure_reason] : undefined;
      const [reason, detail] = known ?? ['error', `lnd gave the reason ${payment.failure_reason}`];
      return { status: 'failed', paymentHash: hash, reason, detail };
    }
    case 'IN_FLIGHT':
    case 'INITIATED':
      return { status: 'pending', paymentHash: hash };
    case 'UNKNOWN':
      return { status: 'unknown', paymentHash: hash, detail: 'lnd does not know its status' };
  }
}

/** A payment as the node lists it. */
export function toPayment(payment: LndPayment): Payment {
  return {
    outcome: toOutcome(payment),
    paymentRequest: payment.payment_request === '' ? undefined : payment.payment_request,
    createdAt: Number(payment.creation_time_ns / 1_000_000n),
  };
}

/** A payment that was forwarded for others. */
export function toForward(event: LndForward): Forward {
  return {
    at: Number(event.timestamp_ns / 1_000_000n),
    incoming: toShortChannelId(event.chan_id_in) ?? shortChannelId('0x0x0'),
    outgoing: toShortChannelId(event.chan_id_out) ?? shortChannelId('0x0x0'),
    inMsat: msat(event.amt_in_msat),
    outMsat: msat(event.amt_out_msat),
    feeMsat: msat(event.fee_msat),
  };
}

function settledAt({ htlcs }: LndPayment): number | undefined {
  const resolved = htlcs.filter(({ status }) => status === 'SUCCEEDED').map(({ resolve_time_ns }) => Number(resolve_time_ns / 1_000_000n));
  return resolved.length === 0 ? undefined : Math.max(...resolved);
}

function toPart(route: LndRoute): PaymentPart {
  return {
    amountMsat: msat(route.total_amt_msat - route.total_fees_msat),
    feeMsat: msat(route.total_fees_msat),
    hops: route.hops.map((hop) => ({
      nodeId: nodeId(hop.pub_key),
      channel: toShortChannelId(hop.chan_id),
      forwardedMsat: msat(hop.amt_to_forward_msat),
      feeMsat: msat(hop.fee_msat),
    })),
  };
}
