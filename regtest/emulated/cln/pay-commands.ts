import { type ReadInvoice, readInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { NodeId, PaymentHash, Preimage } from '../../../src/core/lightning/identifiers.ts';
import type { PaymentFailure, PaymentOutcome } from '../../../src/core/lightning/payment.ts';
import { channelsOf } from '../shared/channels-of.ts';
import { type Commands, command } from './command.ts';
import type { ClnContext } from './context.ts';
import type { Params } from './params.ts';
import { CODE, Refusal } from './refusal.ts';
import type { SendPays } from './send-pays.ts';

const RETRY_SECONDS = 60;
/** What is paid in fees where nobody says: a hundredth, or 5 sat. */
const DEFAULT_FEE_DIVISOR = 100n;
const DEFAULT_FEE_MSAT = 5_000n;

/** `xpay`, `pay` and the two keysends. */
export function payCommands(context: ClnContext, sendPays: SendPays): Commands {
  return {
    xpay: command('invstring [amount_msat] [maxfee] [layers] [retry_for] [partial_msat] [maxdelay] [payer_note]', async (params) => {
      const invoice = readable(params.text('invstring'), 'invstring');
      if (isPaid(sendPays, invoice)) throw new Refusal(219, 'Already paid this invoice successfully');
      const settled = await pay(context, sendPays, params, invoice, params.text('invstring'));
      return { ...settled, failed_parts: 0, successful_parts: parts(sendPays, invoice.paymentHash) };
    }),
    pay: command(
      'bolt11 [amount_msat] [label] [riskfactor] [maxfeepercent] [retry_for] [maxdelay] [exemptfee] [localinvreqid] [exclude] [maxfee] [description] [partial_msat]',
      async (params) => {
        const invoice = readable(params.text('bolt11'), 'bolt11');
        const beganAt = context.now() / 1000;
        const known = sendPays.of(invoice.paymentHash).filter(({ status }) => status === 'complete');
        const paid =
          known[0] === undefined
            ? await pay(context, sendPays, params, invoice, params.text('bolt11'))
            : {
                payment_preimage: known[0].preimage,
                amount_msat: known.reduce((sum, part) => sum + part.amountMsat, 0n),
                amount_sent_msat: known.reduce((sum, part) => sum + part.sentMsat, 0n),
              };
        return {
          ...paid,
          parts: parts(sendPays, invoice.paymentHash),
          destination: invoice.payee,
          payment_hash: invoice.paymentHash,
          status: 'complete',
          created_at: known[0]?.createdAt ?? beganAt,
        };
      },
    ),
    keysend: command(
      '[destination] [amount_msat] [label] [maxfeepercent] [retry_for] [maxdelay] [exemptfee] [routehints] [extratlvs]',
      () => {
        throw new Refusal(CODE.methodNotFound, 'Command "keysend" is deprecated');
      },
    ),
    xkeysend: command('destination amount_msat [maxfee] [layers] [retry_for] [maxdelay] [extratlvs]', (params) =>
      xkeysend(context, sendPays, params),
    ),
  };
}

function readable(text: string, name: string): ReadInvoice {
  try {
    return readInvoice(text);
  } catch {
    throw new Refusal(CODE.invalidParams, `${name}: Invalid bolt11: Bad bech32 string`);
  }
}

async function pay(context: ClnContext, sendPays: SendPays, params: Params, invoice: ReadInvoice, text: string) {
  const { network, name } = context;
  if (invoice.network !== 'regtest')
    throw new Refusal(CODE.invalidParams, `Invalid bolt11: Wrong network! The invoice is for ${invoice.network}`);
  const given = params.msat('amount_msat');
  if (invoice.amountMsat === undefined && given === undefined) throw new Refusal(CODE.invalidParams, 'amount_msat required');
  if (invoice.amountMsat !== undefined && given !== undefined) throw new Refusal(CODE.invalidParams, 'amount_msat unnecessary');
  const amountMsat = invoice.amountMsat ?? (given as Msat);
  const late = Math.floor((context.now() - invoice.expiresAt) / 1000);
  if (context.now() > invoice.expiresAt) throw new Refusal(207, `Invoice expired ${late} seconds ago`);
  if (invoice.payee === context.self.nodeId) return paySelf(context, sendPays, invoice, amountMsat, text);
  if (network.payments.find(name, invoice.paymentHash)?.status === 'pending')
    throw stillPending(sendPays.groupOf(invoice.paymentHash) ?? 0);
  sendPays.begin(invoice.paymentHash);
  const request = {
    paymentRequest: text,
    maxFeeMsat: feeCap(params, amountMsat),
    timeoutMs: (params.number('retry_for') ?? RETRY_SECONDS) * 1000,
    ...(given !== undefined && { amountMsat: given }),
  };
  return settledOrRefused(context, await context.node.call('pay', request), amountMsat);
}

async function xkeysend(context: ClnContext, sendPays: SendPays, params: Params): Promise<unknown> {
  const destination = params.nodeId('destination') as NodeId;
  const amountMsat = params.msat('amount_msat') as Msat;
  const preimage = context.randomHex(32) as Preimage;
  const timeoutMs = (params.number('retry_for') ?? RETRY_SECONDS) * 1000;
  const request = { destination, amountMsat, preimage, timeoutMs, maxFeeMsat: feeCap(params, amountMsat) };
  const outcome = await context.node.call('keysend', request);
  const settled = settledOrRefused(context, outcome, amountMsat);
  return { ...settled, failed_parts: 0, successful_parts: parts(sendPays, outcome.paymentHash) };
}

/** lightningd pays itself without a channel: the invoice settles, and no money moves. */
function paySelf(context: ClnContext, sendPays: SendPays, invoice: ReadInvoice, amountMsat: Msat, bolt11: string) {
  const { network, name } = context;
  const record = network.invoices.find(name, invoice.paymentHash);
  const { preimage } = record ?? {};
  if (record === undefined || preimage === undefined || network.invoices.stateOf(record) !== 'open') {
    throw new Refusal(203, "Failed: Destination said it doesn't know invoice: incorrect_or_unknown_payment_details");
  }
  network.atomically(() => network.invoices.settle(record, preimage, amountMsat));
  sendPays.addSelf({ hash: invoice.paymentHash, amountMsat, bolt11, preimage });
  return { payment_preimage: preimage, amount_msat: amountMsat, amount_sent_msat: amountMsat };
}

function settledOrRefused(context: ClnContext, outcome: PaymentOutcome, amountMsat: Msat) {
  if (outcome.status === 'settled') {
    return {
      payment_preimage: outcome.preimage,
      amount_msat: outcome.amountMsat,
      amount_sent_msat: msat(outcome.amountMsat + outcome.feeMsat),
    };
  }
  if (outcome.status === 'failed') throw failed(context, outcome.reason, amountMsat);
  throw new Refusal(209, 'Timed out after 1 attempts, parts are still in flight');
}

function failed(context: ClnContext, reason: PaymentFailure, amountMsat: Msat): Refusal {
  const channels = channelsOf(context.network, context.name).filter(({ record }) => context.network.channels.usable(record));
  const most = channels.reduce((sum, { spendableMsat }) => sum + spendableMsat, 0n);
  switch (reason) {
    case 'insufficient-balance':
      return new Refusal(
        215,
        `Failed: We could not find a usable set of paths. We know from auto.localchans that source has maximum capacity ${most}msat (in ${channels.length} channels).`,
      );
    case 'fee-cap':
      return new Refusal(206, `Failed: Could not find route for ${amountMsat}msat without excessive cost`);
    case 'rejected':
      return new Refusal(203, "Failed: Destination said it doesn't know invoice: incorrect_or_unknown_payment_details");
    case 'expired':
      return new Refusal(207, 'Invoice expired');
    case 'attempts-exhausted':
      return new Refusal(209, 'Failed after several attempts');
    default:
      return new Refusal(205, 'Failed: We could not find a usable set of paths.');
  }
}

function stillPending(groupId: number): Refusal {
  const inner = { code: 200, message: `Payment with groupid=${groupId} still in progress, cannot retry before that completes.` };
  return new Refusal(CODE.pluginError, `Unexpected injectpaymentonion error 200: ${JSON.stringify(inner)}`);
}

function feeCap(params: Params, amountMsat: Msat): Msat {
  const share = amountMsat / DEFAULT_FEE_DIVISOR;
  return params.msat('maxfee') ?? msat(share > DEFAULT_FEE_MSAT ? share : DEFAULT_FEE_MSAT);
}

function isPaid(sendPays: SendPays, invoice: ReadInvoice): boolean {
  return sendPays.of(invoice.paymentHash).some(({ status }) => status === 'complete');
}

function parts(sendPays: SendPays, hash: PaymentHash): number {
  return sendPays.of(hash).filter(({ status }) => status === 'complete').length;
}
