import { readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import { failure } from '../../../src/adapters/simulated/network/failures.ts';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import { hashOfPreimage, type NodeId, type Preimage } from '../../../src/core/lightning/identifiers.ts';
import { feeOf, routesTo } from '../shared/channels-of.ts';
import type { CallContext, EclairContext, Endpoints } from './context.ts';
import type { Form } from './form.ts';
import { invoiceField } from './invoice-endpoints.ts';
import type { Attempt, Outgoing } from './outgoing.ts';
import { failedView, sentInfoView, sentView } from './outgoing-view.ts';
import { ApiRefusal, malformed } from './refusal.ts';

const DEFAULT_FLAT_SAT = 21;
const DEFAULT_PERCENT = 3;
const TIMEOUT_SECONDS = 30;
/** No cap. */
const MANY_MSAT = msat(2n ** 50n);

/** Paying, and what was paid. */
export function payEndpoints(context: EclairContext, outgoing: Outgoing): Endpoints {
  return {
    payinvoice: (form, call) => payInvoice(context, outgoing, form, call),
    sendtonode: (form) => sendToNode(context, outgoing, form),
    getsentinfo: (form) => {
      if (form.has('id')) return outgoing.find({ id: form.text('id') }).flatMap((attempt) => sentInfoView(context, attempt));
      const hash = form.has('invoice') ? readInvoice(invoiceField(form)).paymentHash : form.hex32('paymentHash');
      return outgoing.find({ hash }).flatMap((attempt) => sentInfoView(context, attempt));
    },
    findroute: (form) => findRoute(context, form),
  };
}

async function payInvoice(context: EclairContext, outgoing: Outgoing, form: Form, { signal }: CallContext): Promise<unknown> {
  const text = invoiceField(form);
  const invoice = readInvoice(text);
  const amountMsat = form.optionalMsat('amountMsat') ?? invoice.amountMsat;
  if (amountMsat === undefined)
    throw malformed('invoice', "The invoice must have an amount or you need to specify one using the field 'amountMsat'");
  if (context.now() > invoice.expiresAt) throw new ApiRefusal(400, 'invoice has expired');
  if (invoice.network !== 'regtest') throw new ApiRefusal(400, 'invoice is for another chain');
  const request = { paymentRequest: text, amountMsat, maxFeeMsat: feeCap(form, amountMsat), timeoutMs: 0 };
  const { id, ended } = outgoing.start({
    paymentHash: invoice.paymentHash,
    invoice: text,
    externalId: form.optionalText('externalId'),
    amountMsat,
    recipient: invoice.payee,
    begin: () => context.node.call('pay', request),
  });
  if (form.flag('blocking') !== true) {
    ended.catch((error) => context.options.logger.error({ err: error }, 'the emulated eclair failed at a payment'));
    return id;
  }
  const attempt = await within(context, ended, form.optionalNumber('timeoutSeconds') ?? TIMEOUT_SECONDS, signal);
  if (attempt.replyLost) throw failure('CONNECTION_LOST', 'payinvoice', 'the answer is to be lost');
  return attempt.status === 'sent' ? sentView(context, attempt) : failedView(context, attempt);
}

function sendToNode(context: EclairContext, outgoing: Outgoing, form: Form): unknown {
  const recipient = form.nodeId('nodeId') as NodeId;
  const amountMsat = form.msat('amountMsat');
  const preimage = context.randomHex(32) as Preimage;
  const request = { destination: recipient, amountMsat, maxFeeMsat: feeCap(form, amountMsat), preimage, timeoutMs: 0 };
  const { id, ended } = outgoing.start({
    paymentHash: hashOfPreimage(preimage),
    invoice: undefined,
    externalId: form.optionalText('externalId'),
    amountMsat,
    recipient,
    begin: () => context.node.call('keysend', request),
  });
  ended.catch((error) => context.options.logger.error({ err: error }, 'the emulated eclair failed at a payment'));
  return id;
}

/** How an attempt ends; it goes on when the time is up. @throws ApiRefusal 408. */
async function within(context: EclairContext, ended: Promise<Attempt>, seconds: number, signal: AbortSignal): Promise<Attempt> {
  let attempt: Attempt | undefined;
  const stop = new AbortController();
  const timeUp = context.waitFor({ signal: AbortSignal.any([signal, stop.signal]), timeoutMs: seconds * 1000 }, () => attempt);
  const done = ended.then((result) => {
    attempt = result;
    stop.abort();
    return result;
  });
  const first = await Promise.race([done, timeUp]);
  if (first !== undefined) return first;
  if (attempt !== undefined) return attempt;
  done.catch(() => {});
  throw new ApiRefusal(408, 'request timed out');
}

/** The two limits are "or": the larger of them counts. */
function feeCap(form: Form, amountMsat: Msat): Msat {
  const flat = BigInt(form.optionalNumber('maxFeeFlatSat') ?? DEFAULT_FLAT_SAT) * 1000n;
  const percent = form.optionalFraction('maxFeePct') ?? DEFAULT_PERCENT;
  const share = (amountMsat * BigInt(Math.round(percent * 1_000_000))) / 100_000_000n;
  return msat(share > flat ? share : flat);
}

function findRoute(context: EclairContext, form: Form): unknown {
  const invoice = readInvoice(invoiceField(form));
  const amountMsat = form.optionalMsat('amountMsat') ?? invoice.amountMsat;
  if (amountMsat === undefined)
    throw malformed('invoice', "The invoice must have an amount or you need to specify one using the field 'amountMsat'");
  const payee = context.network.nodes.byId(invoice.payee);
  const routes =
    payee === undefined || payee.name === context.name ? undefined : routesTo(context.network, context.name, payee.name, amountMsat);
  if (routes === undefined || feeOf(routes) > (form.optionalMsat('maxFeeMsat') ?? MANY_MSAT)) throw new ApiRefusal(500, 'route not found');
  return {
    routes: routes.map(({ amountMsat: amount, hops }) => ({
      amount,
      nodeIds: [context.self.nodeId, ...hops.map((hop) => context.network.nodes.need(hop.to).nodeId)],
    })),
  };
}
