import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { AnswerReader } from '../../../src/adapters/cln/framing.ts';
import * as clnChannels from '../../../src/adapters/cln/mapping-channels.ts';
import * as clnInvoices from '../../../src/adapters/cln/mapping-invoices.ts';
import * as clnPayments from '../../../src/adapters/cln/mapping-payments.ts';
import { toWalletBalance } from '../../../src/adapters/cln/mapping-wallet.ts';
import { toNodeInfo as clnNodeInfo } from '../../../src/adapters/cln/node.ts';
import * as clnSchema from '../../../src/adapters/cln/schema.ts';
import * as clnChannelSchemas from '../../../src/adapters/cln/schema-channels.ts';
import * as clnInvoiceSchemas from '../../../src/adapters/cln/schema-invoices.ts';
import * as clnPaymentSchemas from '../../../src/adapters/cln/schema-payments.ts';
import * as clnWalletSchemas from '../../../src/adapters/cln/schema-wallet.ts';
import { ApiError, readAnswer } from '../../../src/adapters/eclair/http-answer.ts';
import * as eclairChannels from '../../../src/adapters/eclair/mapping-channels.ts';
import * as eclairInvoices from '../../../src/adapters/eclair/mapping-invoices.ts';
import * as eclairPayments from '../../../src/adapters/eclair/mapping-payments.ts';
import { toNodeInfo as eclairNodeInfo } from '../../../src/adapters/eclair/node.ts';
import * as eclairSchema from '../../../src/adapters/eclair/schema.ts';
import * as eclairChannelSchemas from '../../../src/adapters/eclair/schema-channels.ts';
import * as eclairInvoiceSchemas from '../../../src/adapters/eclair/schema-invoices.ts';
import * as eclairPaymentSchemas from '../../../src/adapters/eclair/schema-payments.ts';
import * as lndChannels from '../../../src/adapters/lnd/mapping/channel.ts';
import * as lndInvoices from '../../../src/adapters/lnd/mapping/invoice.ts';
import * as lndNode from '../../../src/adapters/lnd/mapping/node.ts';
import * as lndPayments from '../../../src/adapters/lnd/mapping/payment.ts';
import * as lndChannelSchemas from '../../../src/adapters/lnd/schema/channel.ts';
import * as lndInvoiceSchemas from '../../../src/adapters/lnd/schema/invoice.ts';
import * as lndNodeSchemas from '../../../src/adapters/lnd/schema/node.ts';
import * as lndPaymentSchemas from '../../../src/adapters/lnd/schema/payment.ts';
import { parseAnswer } from '../../../src/adapters/shared/parse.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { nodeId, paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { clnRecordings, eclairRecordings } from '../../fixtures/wire/recordings.ts';
import { type FuzzParser, of } from '../parser.ts';

const HASH = paymentHash('4'.repeat(64));
const NODE = nodeId(`02${'5'.repeat(64)}`);

/** How an answer is read: by the schema, and what is made of it. */
type Reader = (answer: unknown) => void;

function reading<T>(schema: z.ZodType<T>, use: (value: T) => unknown = () => undefined): Reader {
  return (answer) => {
    use(parseAnswer(schema, answer, 'fuzz', 'a node') as T);
  };
}

const each = <T>(items: readonly T[], use: (item: T) => unknown): void => {
  for (const item of items) use(item);
};

const CLN: Readonly<Record<string, Reader>> = {
  getinfo: reading(clnSchema.getInfoSchema, clnNodeInfo),
  listfunds: reading(clnWalletSchemas.listFundsSchema, ({ outputs }) => toWalletBalance(outputs)),
  listpeers: reading(clnChannelSchemas.listPeersSchema, ({ peers }) => each(peers, clnChannels.toPeer)),
  listpeerchannels: reading(clnChannelSchemas.listPeerChannelsSchema, ({ channels }) => each(channels, clnChannels.toChannel)),
  listclosedchannels: reading(clnChannelSchemas.listClosedChannelsSchema, ({ closedchannels }) =>
    each(closedchannels, clnChannels.toClosedChannel),
  ),
  listforwards: reading(clnChannelSchemas.listForwardsSchema, ({ forwards }) => each(forwards, clnChannels.toForward)),
  invoice: reading(clnInvoiceSchemas.createdInvoiceSchema, (created) => clnInvoices.toCreatedInvoice(created, 'label')),
  listinvoices: reading(clnInvoiceSchemas.listInvoicesSchema, ({ invoices }) => each(invoices, clnInvoices.toInvoice)),
  waitanyinvoice: reading(clnInvoiceSchemas.paidInvoiceSchema, clnInvoices.toSettlement),
  decode: reading(clnSchema.decodedBolt11Schema, (decoded) => clnPayments.toDecoded(decoded, 'regtest')),
  xpay: reading(clnPaymentSchemas.paidSchema, (paid) => clnPayments.toSettled(HASH, '4'.repeat(64), paid, undefined)),
  listsendpays: reading(clnPaymentSchemas.listSendPaysSchema, ({ payments }) => {
    clnPayments.outcomeOfParts(HASH, payments);
    clnPayments.toPayment(HASH, payments);
  }),
  listpays: reading(clnPaymentSchemas.listPaysSchema),
  fundchannel: reading(clnChannelSchemas.fundChannelSchema),
  close: reading(clnChannelSchemas.closeSchema),
  setchannel: reading(clnChannelSchemas.setChannelSchema),
};

const ECLAIR: Readonly<Record<string, Reader>> = {
  '/getinfo': reading(eclairSchema.getInfoSchema, eclairNodeInfo),
  '/peers': reading(eclairSchema.peersSchema, (peers) => each(peers, eclairChannels.toPeer)),
  '/channels': reading(eclairChannelSchemas.channelsSchema, (channels) =>
    each(channels, (channel) => {
      eclairChannels.toChannelState(channel);
      eclairChannels.toChannel(channel);
      eclairChannels.closingTxOf(channel);
    }),
  ),
  '/closedchannels': reading(eclairChannelSchemas.closedChannelsSchema, (channels) => each(channels, eclairChannels.toClosedChannel)),
  '/createinvoice': reading(eclairInvoiceSchemas.invoiceSchema, (invoice) => eclairInvoices.toInvoice(invoice)),
  '/parseinvoice': reading(eclairInvoiceSchemas.invoiceSchema, (invoice) => eclairInvoices.toDecoded(invoice, 'regtest')),
  '/getreceivedinfo': reading(eclairInvoiceSchemas.receivedSchema, (received) => eclairInvoices.toSettlement(received)),
  '/listreceivedpayments': reading(eclairInvoiceSchemas.receivedListSchema),
  '/listinvoices': reading(eclairInvoiceSchemas.invoicesSchema, (invoices) =>
    each(invoices, (invoice) => eclairInvoices.toInvoice(invoice)),
  ),
  '/getsentinfo': reading(eclairPaymentSchemas.sentInfoSchema, (record) => eclairPayments.outcomeOfRecord(HASH, record)),
  '/payinvoice': reading(eclairPaymentSchemas.payResultSchema),
  '/audit': reading(eclairPaymentSchemas.auditSchema),
  '/onchainbalance': reading(eclairSchema.onchainBalanceSchema),
  '/usablebalances': reading(eclairSchema.usableBalancesSchema),
};

const LND: Readonly<Record<string, Reader>> = {
  'get-info': reading(lndNodeSchemas.lndInfo, lndNode.toNodeInfo),
  transactions: reading(lndNodeSchemas.lndTransactions, ({ transactions }) => each(transactions, lndNode.toTransaction)),
  'list-peers': reading(lndNodeSchemas.lndPeers),
  'wallet-balance': reading(lndNodeSchemas.lndWalletBalance),
  'list-channels': reading(lndChannelSchemas.lndChannels, ({ channels }) => each(channels, lndChannels.toOpenChannel)),
  'closed-channels': reading(lndChannelSchemas.lndClosedChannels, ({ channels }) => each(channels, lndChannels.toClosedChannel)),
  'pending-open': reading(lndChannelSchemas.lndPendingChannels),
  'pending-force-closing': reading(lndChannelSchemas.lndPendingChannels),
  'chan-info': reading(lndChannelSchemas.lndChannelEdge, (edge) => lndChannels.toPolicy(edge, NODE)),
  'invoice-open': reading(lndInvoiceSchemas.lndInvoice, (invoice) => lndInvoices.toInvoice(invoice, 0)),
  'invoice-settled': reading(lndInvoiceSchemas.lndInvoice, (invoice) => {
    lndInvoices.toInvoice(invoice, 0);
    lndInvoices.toSettlement(invoice);
  }),
  'list-invoices': reading(lndInvoiceSchemas.lndInvoiceList, ({ invoices }) =>
    each(invoices, (invoice) => lndInvoices.toInvoice(invoice, 0)),
  ),
  'payment-settled': reading(lndPaymentSchemas.lndPayment, (payment) => {
    lndPayments.toOutcome(payment);
    lndPayments.toPayment(payment);
  }),
  'payment-failed-no-route': reading(lndPaymentSchemas.lndPayment, lndPayments.toOutcome),
  'list-payments': reading(lndPaymentSchemas.lndPaymentList, ({ payments }) => each(payments, lndPayments.toPayment)),
  'forwarding-history': reading(lndPaymentSchemas.lndForwards, ({ forwarding_events: events }) => each(events, lndPayments.toForward)),
};

/** An input is `[which call, its answer]`. */
function readReply(readers: Readonly<Record<string, Reader>>, revive?: (key: string, value: unknown) => unknown): (input: Buffer) => void {
  return (input) => {
    let message: unknown;
    try {
      message = JSON.parse(input.toString(), revive);
    } catch {
      return;
    }
    if (!Array.isArray(message) || typeof message[0] !== 'string' || !Object.hasOwn(readers, message[0])) return;
    readers[message[0]]?.(message[1]);
  };
}

const isSmall = (seed: string): boolean => seed.length < 12_000;

function bytesFromHex(_key: string, value: unknown): unknown {
  const isHex =
    typeof value === 'object' && value !== null && 'hex' in value && typeof value.hex === 'string' && Object.keys(value).length === 1;
  return isHex ? Buffer.from((value as { readonly hex: string }).hex, 'hex') : value;
}

const fixture = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../fixtures/lnd/${name}.json`, import.meta.url), 'utf8'));

/**
 * A schema's refusal, or that of what makes identifiers, amounts and times of texts. What is no refusal is the language's own word for
 * something that nobody has thought of: a field that is not there after all.
 */
function refused(error: unknown): boolean {
  if (error instanceof LightningError) return true;
  return (
    error instanceof Error && !/Cannot (?:read|set|destructure|mix)|is not (?:a function|iterable|defined)|call stack/.test(error.message)
  );
}

/** What nodes answer: recordings of real ones, changed. */
export const REPLY_PARSERS: readonly FuzzParser[] = [
  {
    name: 'cln-reply',
    kind: 'json',
    seeds: () =>
      clnRecordings()
        .filter(({ method, result }) => result !== undefined && Object.hasOwn(CLN, method))
        .map(({ method, result }) => JSON.stringify([method, result]))
        .filter(isSmall),
    read: readReply(CLN),
    declared: refused,
  },
  {
    name: 'eclair-reply',
    kind: 'json',
    seeds: () =>
      eclairRecordings()
        .filter(({ endpoint = '', status }) => status === 200 && Object.hasOwn(ECLAIR, endpoint))
        .map(({ endpoint, body }) => JSON.stringify([endpoint, body]))
        .filter(isSmall),
    read: readReply(ECLAIR),
    declared: refused,
  },
  {
    name: 'lnd-reply',
    kind: 'json',
    seeds: () =>
      Object.keys(LND)
        .map((name) => JSON.stringify([name, fixture(name)]))
        .filter(isSmall),
    read: readReply(LND, bytesFromHex),
    declared: refused,
  },
  {
    name: 'cln-framing',
    kind: 'text',
    seeds: () => [
      '{"jsonrpc":"2.0","id":1,"result":{}}\n\n',
      '{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"x"}}\n\n{\n"id":2,\n"result":1}\n\n',
    ],
    tokens: ['{', '}', '"id":1', '"result":{}', ',', '\n', '\n\n', '[', ']', '\u2028'],
    read: (input) => {
      const reader = new AnswerReader();
      const text = input.toString();
      reader.push(text.slice(0, text.length >> 1));
      reader.push(text.slice(text.length >> 1));
    },
    declared: of(SyntaxError),
  },
  {
    name: 'eclair-http',
    kind: 'text',
    seeds: () => ['{"nodeId":"02"}', '"ok"', '{"error":"no"}', '[1,2]'],
    tokens: ['{', '}', '"error"', ':', '"x"', 'null', '<html>'],
    read: (input) => {
      const status = [200, 400, 401, 404, 500, 503][input.length % 6] ?? 200;
      const answer = {
        status,
        contentType: input.length % 2 === 0 ? 'application/json' : 'text/plain',
        text: input.toString(),
        body: input.toString(),
      };
      readAnswer(answer as never, 'eclair', 'fuzz', ['secret']);
    },
    declared: of(LightningError, ApiError),
  },
];
