import { channelsOf } from '../shared/channels-of.ts';
import { type EclairContext, moment } from './context.ts';
import { invoiceView } from './invoice-view.ts';
import type { Attempt, AttemptPart } from './outgoing.ts';
import { fullHopView, hopView } from './update-view.ts';

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

/** `payment-sent`: the answer of `payinvoice` that waited, and the event. In the audit without its route, which is not kept. */
export function sentView(context: EclairContext, attempt: Attempt, withRoute = true): Event {
  const settledAt = moment(attempt.endedAt ?? 0);
  const paid = attempt.parts.filter(({ part }) => part.phase === 'settled');
  const channels = channelsOf(context.network, context.name);
  return {
    type: 'payment-sent',
    id: attempt.id,
    paymentHash: attempt.order.paymentHash,
    paymentPreimage: attempt.preimage,
    recipientAmount: attempt.order.amountMsat,
    recipientNodeId: attempt.order.recipient,
    parts: paid.map(({ id, createdAt, part }) => {
      const [first] = part.hops;
      return {
        id,
        channelId: channels.find(({ record }) => record.outpoint === first?.channel)?.channelId,
        nextNodeId: context.network.nodes.need(first?.to ?? context.name).nodeId,
        amountWithFees: part.amountMsat + part.feeMsat,
        fees: part.feeMsat,
        ...(withRoute && { route: part.hops.map((hop) => fullHopView(context, hop)) }),
        startedAt: withRoute ? moment(createdAt) : settledAt,
        settledAt,
      };
    }),
    fees: paid.reduce((sum, { part }) => sum + part.feeMsat, 0n),
    startedAt: withRoute ? moment(attempt.startedAt) : settledAt,
    settledAt,
  };
}

/** `payment-failed`: the answer of `payinvoice` that waited, and the event. */
export function failedView(context: EclairContext, attempt: Attempt): Event {
  const { failure, order } = attempt;
  const endedAt = moment(attempt.endedAt ?? 0);
  const remote =
    failure !== undefined && 'remote' in failure
      ? {
          amount: failure.part.part.amountMsat,
          route: failure.part.part.hops.map((hop) => fullHopView(context, hop)),
          e: { originNode: failure.origin, index: failure.part.part.hops.length, failureMessage: failure.remote },
          startedAt: moment(failure.part.createdAt),
          failedAt: endedAt,
        }
      : undefined;
  const local = failure !== undefined && 'local' in failure ? { amount: order.amountMsat, route: [], t: failure.local } : undefined;
  return {
    type: 'payment-failed',
    id: attempt.id,
    paymentHash: order.paymentHash,
    failures: [remote ?? local].filter((one) => one !== undefined),
    startedAt: moment(attempt.startedAt),
    settledAt: endedAt,
  };
}

/** An attempt's parts as `getsentinfo` has them. One that never sent anything is told as one part of its own. */
export function sentInfoView(context: EclairContext, attempt: Attempt): readonly unknown[] {
  const { order } = attempt;
  const common = {
    parentId: attempt.id,
    externalId: order.externalId,
    paymentHash: order.paymentHash,
    paymentType: order.invoice === undefined ? 'KeySend' : 'Standard',
  };
  const recipient = { recipientAmount: order.amountMsat, recipientNodeId: order.recipient };
  const invoice = order.invoice === undefined ? undefined : invoiceView(order.invoice, order.recipient === context.self.nodeId);
  if (attempt.parts.length === 0) {
    if (attempt.status === 'pending') return [];
    const text = attempt.failure !== undefined && 'local' in attempt.failure ? attempt.failure.local : 'unknown';
    const failures = [{ failureType: 'Local', failureMessage: text, failedRoute: [] }];
    const status = { type: 'failed', failures, completedAt: moment(attempt.endedAt ?? 0) };
    return [{ id: attempt.id, ...common, amount: order.amountMsat, ...recipient, createdAt: moment(attempt.startedAt), invoice, status }];
  }
  return attempt.parts.map((part) => ({
    id: part.id,
    ...common,
    amount: part.part.amountMsat,
    ...recipient,
    createdAt: moment(part.createdAt),
    invoice,
    status: partStatus(context, attempt, part),
  }));
}

function partStatus(context: EclairContext, attempt: Attempt, { part }: AttemptPart): unknown {
  const route = part.hops.map((hop) => hopView(context, hop));
  const completedAt = moment(attempt.endedAt ?? context.now());
  if (part.phase === 'settled') {
    const paymentPreimage = attempt.preimage ?? context.network.payments.find(context.name, attempt.order.paymentHash)?.preimage;
    return { type: 'sent', paymentPreimage, feesPaid: part.feeMsat, route, completedAt };
  }
  if (part.phase !== 'failed') return { type: 'pending' };
  const { failure } = attempt;
  const [text, failedNode] =
    failure !== undefined && 'remote' in failure ? [failure.remote, failure.origin] : ['temporary channel failure', route[0]?.nextNodeId];
  return { type: 'failed', failures: [{ failureType: 'Remote', failureMessage: text, failedRoute: route, failedNode }], completedAt };
}
