import { expect, test } from 'vitest';
import type { z } from 'zod';
import { toChannel, toChannelState } from '../../../src/adapters/cln/mapping-channels.ts';
import { toCreatedInvoice, toInvoice, toSettlement } from '../../../src/adapters/cln/mapping-invoices.ts';
import { outcomeOfParts, toDecoded } from '../../../src/adapters/cln/mapping-payments.ts';
import { toWalletBalance, toWalletTransaction } from '../../../src/adapters/cln/mapping-wallet.ts';
import { toNodeInfo } from '../../../src/adapters/cln/node.ts';
import { RpcError, refusal } from '../../../src/adapters/cln/rpc-error.ts';
import { anythingSchema, decodedBolt11Schema, getInfoSchema } from '../../../src/adapters/cln/schema.ts';
import {
  closeSchema,
  fundChannelSchema,
  listClosedChannelsSchema,
  listForwardsSchema,
  listPeerChannelsSchema,
  listPeersSchema,
  setChannelSchema,
} from '../../../src/adapters/cln/schema-channels.ts';
import {
  createdInvoiceSchema,
  invoiceSchema,
  listInvoicesSchema,
  paidInvoiceSchema,
  waitUpdatedSchema,
} from '../../../src/adapters/cln/schema-invoices.ts';
import { listPaysSchema, listSendPaysSchema, paidSchema } from '../../../src/adapters/cln/schema-payments.ts';
import { listFundsSchema, listTransactionsSchema, newAddressSchema, withdrawSchema } from '../../../src/adapters/cln/schema-wallet.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { clnRecordings, named } from '../../fixtures/wire/recordings.ts';

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  getinfo: getInfoSchema,
  newaddr: newAddressSchema,
  listfunds: listFundsSchema,
  listtransactions: listTransactionsSchema,
  connect: anythingSchema,
  disconnect: anythingSchema,
  listpeers: listPeersSchema,
  fundchannel: fundChannelSchema,
  listpeerchannels: listPeerChannelsSchema,
  listclosedchannels: listClosedChannelsSchema,
  listforwards: listForwardsSchema,
  setchannel: setChannelSchema,
  close: closeSchema,
  invoice: createdInvoiceSchema,
  listinvoices: listInvoicesSchema,
  delinvoice: invoiceSchema,
  waitanyinvoice: paidInvoiceSchema,
  waitinvoice: paidInvoiceSchema,
  wait: waitUpdatedSchema,
  decode: decodedBolt11Schema,
  xpay: paidSchema,
  pay: paidSchema,
  xkeysend: paidSchema,
  listpays: listPaysSchema,
  listsendpays: listSendPaysSchema,
  withdraw: withdrawSchema,
  // Not called by the adapter.
  createrune: anythingSchema,
  feerates: anythingSchema,
  listnodes: anythingSchema,
};

const recordings = clnRecordings();

function result<T>(schema: z.ZodType<T>, name: string): T {
  return schema.parse(named(recordings, name).result);
}

test.each(recordings.map((recording, index) => [`${index + 1} ${recording.name}`, recording] as const))(
  'recording %s parses',
  (_, recording) => {
    if (recording.error !== undefined) {
      const error = refusal(new RpcError(recording.error.code, recording.error.message, recording.error.data), 'test');
      expect(error.context['rpcCode']).toBe(recording.error.code);
      return;
    }
    const schema = SCHEMAS[recording.method];
    expect(schema, `a schema for ${recording.method}`).toBeDefined();
    expect(schema?.safeParse(recording.result)).toMatchObject({ success: true });
  },
);

test('the node about itself', () => {
  expect(toNodeInfo(result(getInfoSchema, 'getinfo'))).toEqual({
    nodeId: '035ce69811fa301b74b1e258972f06cdb5ee540607d111aea275ae20290f4b0a93',
    network: 'regtest',
    alias: 'cln1',
    version: 'v26.06-258-g090f4b0',
    blockHeight: 122,
    synced: true,
    uris: ['035ce69811fa301b74b1e258972f06cdb5ee540607d111aea275ae20290f4b0a93@127.0.0.1:9741'],
  });
});

test('a node that catches up with the chain is not synced, and an IPv6 address is told in brackets', () => {
  const info = {
    ...result(getInfoSchema, 'getinfo'),
    warning_lightningd_sync: 'Still loading latest blocks from bitcoind.',
    address: [{ type: 'ipv6', address: '2001:db8::1', port: 9735 }],
  };
  expect(toNodeInfo(info)).toMatchObject({ synced: false, uris: [`${info.id}@[2001:db8::1]:9735`] });
});

test('an open invoice, a paid one and an expired one', () => {
  const open = toInvoice(result(listInvoicesSchema, 'listinvoices by hash').invoices[0] as never);
  expect(open).toMatchObject({
    paymentHash: '518d917cdcf7ad41b2ef2f12dd859d7e1a10c85da606108cedaeefd87501c090',
    state: 'open',
    amountMsat: 200_500n,
    receivedMsat: 0n,
    description: 'Invoice:trade| AAPL GOOGL\n',
    createdAt: 1_795_216_545_000,
    expiresAt: 1_795_220_145_000,
    settledAt: undefined,
    label: 'inv-1795216545157',
    index: 302n,
  });
  const paid = toInvoice(result(listInvoicesSchema, 'listinvoices paid').invoices[0] as never);
  expect(paid).toMatchObject({ state: 'settled', receivedMsat: 200_500n, settledAt: 1_795_216_546_000 });
  expect(toInvoice(result(listInvoicesSchema, 'listinvoices expired').invoices[0] as never).state).toBe('expired');
});

test('what was made is told as what is listed', () => {
  const made = toCreatedInvoice(result(createdInvoiceSchema, 'invoice'), 'inv-1795216545157');
  expect(made).toEqual(toInvoice(result(listInvoicesSchema, 'listinvoices by hash').invoices[0] as never));
  expect(toCreatedInvoice(result(createdInvoiceSchema, 'invoice any amount'), 'x').amountMsat).toBeUndefined();
});

test('an invoice for the hash of a description tells the hash, not the text that lightningd keeps', () => {
  const invoice = toInvoice(result(invoiceSchema, 'delinvoice unpaid'));
  expect(invoice.description).toBeUndefined();
  expect(invoice.descriptionHash).toBe('606d43747c99ed94ee9b22d9e9ec37a904ac41d766c7b19a37c28fbd5ffc28cf');
});

test('a settlement', () => {
  expect(toSettlement(result(paidInvoiceSchema, 'waitanyinvoice settles'))).toEqual({
    paymentHash: '518d917cdcf7ad41b2ef2f12dd859d7e1a10c85da606108cedaeefd87501c090',
    amountMsat: 200_500n,
    receivedMsat: 200_500n,
    settledAt: 1_795_216_546_000,
    expiresAt: 1_795_220_145_000,
    label: 'inv-1795216545157',
  });
});

test('a decoded invoice with its route hint', () => {
  expect(toDecoded(result(decodedBolt11Schema, 'decode bolt11'), 'regtest')).toMatchObject({
    payee: '035ce69811fa301b74b1e258972f06cdb5ee540607d111aea275ae20290f4b0a93',
    amountMsat: 200_500n,
    createdAt: 1_795_216_545_000,
    expiresAt: 1_795_220_145_000,
    finalCltvDelta: 10,
    routeHints: [[{ channel: '124x1x0', baseFeeMsat: 1000n, feeRatePpm: 1, cltvDelta: 80 }]],
  });
});

test('a payment by its parts; no parts means that it was never tried', () => {
  const hash = paymentHash('91e67d5b9543fbffafbcf39bd75459dc87148f91c714d3c9eb5d2ea96660f745');
  expect(outcomeOfParts(hash, result(listSendPaysSchema, 'listsendpays complete').payments)).toEqual({
    status: 'settled',
    paymentHash: hash,
    preimage: '8b8ffaa9b43a169ad3129c550301e9738a4e041a7662fdc26987e098386e385c',
    amountMsat: 300_000n,
    feeMsat: 0n,
    settledAt: 1_795_216_549_000,
    parts: [{ amountMsat: 300_000n, feeMsat: 0n, hops: [] }],
  });
  expect(outcomeOfParts(hash, [])).toBeUndefined();
});

test('one part that went through settles a payment whose other parts are on their way, and old failures do not count', () => {
  const [part] = result(listSendPaysSchema, 'listsendpays complete').payments;
  if (part === undefined) throw new Error('no part');
  const hash = paymentHash(part.payment_hash);
  const parts = [
    { ...part, groupid: 1, status: 'failed' as const, payment_preimage: undefined },
    { ...part, groupid: 2, amount_sent_msat: 300_100n as never },
    { ...part, groupid: 2, status: 'pending' as const, payment_preimage: undefined, completed_at: undefined },
  ];
  expect(outcomeOfParts(hash, parts)).toMatchObject({ status: 'settled', amountMsat: 600_000n, feeMsat: 100n });
  expect(outcomeOfParts(hash, parts.slice(0, 1))).toMatchObject({ status: 'failed', reason: 'attempts-exhausted' });
  expect(outcomeOfParts(hash, [parts[0] as never, parts[2] as never])).toEqual({ status: 'pending', paymentHash: hash });
});

test('a channel from opening to the end', () => {
  const states = [
    'listpeerchannels awaiting lockin',
    'listpeerchannels normal',
    'listpeerchannels closing',
    'listpeerchannels onchain',
  ].map((name) => {
    const [channel] = result(listPeerChannelsSchema, name).channels;
    if (channel === undefined) throw new Error('no channel');
    return toChannel(channel);
  });
  expect(states.map((channel) => channel?.state)).toEqual(['pending', 'active', 'closing', 'closed']);
  expect(states[1]).toEqual({
    outpoint: '2f2262700558ea3c71421762e401b511c5542cbad94fa63ef2c358c9af2a69c0:0',
    shortChannelId: '124x1x0',
    peer: '025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0',
    state: 'active',
    capacityMsat: 2_000_000_000n,
    localMsat: 1_100_000_000n,
    remoteMsat: 900_000_000n,
    private: false,
    initiator: true,
    closingTxId: undefined,
  });
  // The very id that `close` answered.
  expect(states[2]?.closingTxId).toBe('deab1486d511ab956961524d15f12f30200bdd6175309190171b623a92b40d0f');
});

test('a channel whose peer is away is inactive, whichever way that shows', () => {
  const [channel] = result(listPeerChannelsSchema, 'listpeerchannels normal').channels;
  if (channel === undefined) throw new Error('no channel');
  expect(toChannelState({ ...channel, peer_connected: false })).toBe('inactive');
  expect(toChannelState({ ...channel, reestablished: false })).toBe('inactive');
});

test('the wallet: its balance, and what a transaction changed', () => {
  const { outputs } = result(listFundsSchema, 'listfunds confirmed output');
  expect(toWalletBalance(outputs)).toEqual({ confirmedMsat: 100_000_000_000n, unconfirmedMsat: 0n });
  const [transaction] = result(listTransactionsSchema, 'listtransactions').transactions;
  if (transaction === undefined) throw new Error('no transaction');
  const ours = new Map(outputs.map((output) => [`${output.txid}:${output.output}`, output.amount_msat]));
  expect(toWalletTransaction(transaction, ours, 125)).toEqual({
    txId: '242b895ed4675eda4e6df2ac9f4acadffa8380edb632947089a4ec8954dfb6c2',
    deltaMsat: 100_000_000_000n,
    feeMsat: undefined,
    confirmations: 3,
    at: undefined,
  });
});

test('a transaction of our own tells its fee, and what left', () => {
  const transaction = {
    hash: 'a'.repeat(64),
    blockheight: 0,
    inputs: [{ txid: 'b'.repeat(64), index: 1 }],
    outputs: [
      { index: 0, amount_msat: 60_000n as never },
      { index: 1, amount_msat: 39_000n as never },
    ],
  };
  const ours = new Map([
    [`${'b'.repeat(64)}:1`, 100_000n as never],
    [`${'a'.repeat(64)}:1`, 39_000n as never],
  ]);
  expect(toWalletTransaction(transaction, ours, 100)).toMatchObject({ deltaMsat: -61_000n, feeMsat: 1000n, confirmations: 0 });
});
