import { expect, test } from 'vitest';
import type { z } from 'zod';
import { toChannel, toChannelState, toPeer } from '../../../src/adapters/eclair/mapping-channels.ts';
import { toDecoded, toInvoice, toSettlement } from '../../../src/adapters/eclair/mapping-invoices.ts';
import { failureOf, outcomeOfRecord, toSettled } from '../../../src/adapters/eclair/mapping-payments.ts';
import { toNodeInfo } from '../../../src/adapters/eclair/node.ts';
import {
  anythingSchema,
  getInfoSchema,
  hex32,
  onchainBalanceSchema,
  peersSchema,
  textSchema,
  usableBalancesSchema,
  uuidSchema,
} from '../../../src/adapters/eclair/schema.ts';
import { channelSchema, channelsSchema, closedChannelsSchema, perChannelSchema } from '../../../src/adapters/eclair/schema-channels.ts';
import {
  invoiceSchema,
  invoicesSchema,
  receivedEventSchema,
  receivedListSchema,
  receivedSchema,
} from '../../../src/adapters/eclair/schema-invoices.ts';
import { auditSchema, payResultSchema, sentInfoSchema } from '../../../src/adapters/eclair/schema-payments.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { eclairRecordings, named } from '../../fixtures/wire/recordings.ts';

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  '/getinfo': getInfoSchema,
  '/getnewaddress': textSchema,
  '/onchainbalance': onchainBalanceSchema,
  '/connect': textSchema,
  '/disconnect': textSchema,
  '/peers': peersSchema,
  '/open': textSchema,
  '/channels': channelsSchema,
  '/channel': channelSchema,
  '/closedchannels': closedChannelsSchema,
  '/usablebalances': usableBalancesSchema,
  '/updaterelayfee': perChannelSchema,
  '/close': perChannelSchema,
  '/createinvoice': invoiceSchema,
  '/getinvoice': invoiceSchema,
  '/parseinvoice': invoiceSchema,
  '/getreceivedinfo': receivedSchema,
  '/listreceivedpayments': receivedListSchema,
  '/listinvoices': invoicesSchema,
  '/listpendinginvoices': invoicesSchema,
  '/deleteinvoice': textSchema,
  '/getsentinfo': sentInfoSchema,
  '/audit': auditSchema,
  '/sendonchain': hex32,
  // Not called by the adapter.
  '/sendtonode': uuidSchema,
  '/channelbalances': usableBalancesSchema,
  '/globalbalance': anythingSchema,
  '/networkfees': anythingSchema,
  '/nodes': anythingSchema,
};

const recordings = eclairRecordings();

function body<T>(schema: z.ZodType<T>, name: string): T {
  return schema.parse(named(recordings, name).body);
}

test.each(recordings.map((recording, index) => [`${index + 1} ${recording.name}`, recording] as const))(
  'recording %s parses',
  (_, recording) => {
    if (recording.websocket !== undefined) {
      const event = receivedEventSchema.safeParse(recording.websocket);
      expect(event.success).toBe(recording.websocket['type'] === 'payment-received');
      return;
    }
    if (recording.status !== 200) {
      expect(recording.body).toEqual({ error: expect.any(String) });
      return;
    }
    const { endpoint = '', form = {} } = recording;
    const schema = endpoint === '/payinvoice' ? (form['blocking'] === true ? payResultSchema : uuidSchema) : SCHEMAS[endpoint];
    expect(schema, `a schema for ${endpoint}`).toBeDefined();
    expect(schema?.safeParse(recording.body)).toMatchObject({ success: true });
  },
);

test('the node about itself', () => {
  expect(toNodeInfo(body(getInfoSchema, 'getinfo'))).toEqual({
    nodeId: '025ef113b0e7b8fc2f488c14348695c1660033fee831542dba48f088d352ed0b53',
    network: 'regtest',
    alias: 'ecl1',
    version: '0.14.0-SNAPSHOT-c24c3a7',
    blockHeight: 129,
    synced: true,
    uris: ['025ef113b0e7b8fc2f488c14348695c1660033fee831542dba48f088d352ed0b53@127.0.0.1:9751'],
  });
});

test('invoices: made, of any amount, of a description hash, open, paid, expired', () => {
  expect(toInvoice(body(invoiceSchema, 'createinvoice'))).toMatchObject({
    paymentHash: '41e7813c91b7e084f4ce84c27d8522f155a318ec34e9f9b0643e546400294126',
    amountMsat: 200_500n,
    description: 'Invoice:trade| AAPL GOOGL\n',
    state: 'open',
    receivedMsat: 0n,
    createdAt: 1_795_217_049_000,
    expiresAt: 1_795_220_649_000,
    index: undefined,
  });
  expect(toInvoice(body(invoiceSchema, 'createinvoice any amount')).amountMsat).toBeUndefined();
  expect(toInvoice(body(invoiceSchema, 'createinvoice description hash'))).toMatchObject({
    description: undefined,
    descriptionHash: '606d43747c99ed94ee9b22d9e9ec37a904ac41d766c7b19a37c28fbd5ffc28cf',
  });
  const stateOf = (name: string) => {
    const { invoice, status } = body(receivedSchema, name);
    return toInvoice(invoice as never, status);
  };
  expect(stateOf('getreceivedinfo pending').state).toBe('open');
  expect(stateOf('getreceivedinfo expired').state).toBe('expired');
  expect(stateOf('getreceivedinfo received')).toMatchObject({ state: 'settled', receivedMsat: 200_500n, settledAt: 1_795_217_080_841 });
});

test('a settlement, and none of what is open', () => {
  expect(toSettlement(body(receivedSchema, 'getreceivedinfo received'))).toEqual({
    paymentHash: '41e7813c91b7e084f4ce84c27d8522f155a318ec34e9f9b0643e546400294126',
    amountMsat: 200_500n,
    receivedMsat: 200_500n,
    settledAt: 1_795_217_080_841,
    expiresAt: 1_795_220_649_000,
    label: undefined,
  });
  expect(toSettlement(body(receivedSchema, 'getreceivedinfo pending'))).toBeUndefined();
});

test('a decoded invoice; what is left out has the defaults of BOLT 11', () => {
  const parsed = body(invoiceSchema, 'parseinvoice');
  expect(toDecoded(parsed, 'regtest')).toMatchObject({ payee: parsed.nodeId, amountMsat: 200_500n, finalCltvDelta: 30, routeHints: [] });
  const { expiry, minFinalCltvExpiry, ...rest } = named(recordings, 'parseinvoice').body as Record<string, unknown>;
  expect([expiry, minFinalCltvExpiry]).toEqual([3600, 30]);
  const routingInfo = [[{ nodeId: parsed.nodeId, shortChannelId: '1x2x3', feeBase: 1, feeProportionalMillionths: 2, cltvExpiryDelta: 3 }]];
  const decoded = toDecoded(invoiceSchema.parse({ ...rest, routingInfo }), 'regtest');
  expect(decoded).toMatchObject({
    finalCltvDelta: 18,
    expiresAt: decoded.createdAt + 3_600_000,
    routeHints: [[{ channel: '1x2x3', baseFeeMsat: 1n }]],
  });
});

test('a payment over two hops with its route, its fee, and what each hop kept', () => {
  const sent = body(payResultSchema, 'payinvoice second hop');
  if (sent.type !== 'payment-sent') throw new Error('not sent');
  expect(toSettled(sent)).toEqual({
    status: 'settled',
    paymentHash: '271f6ee69aa9beaeea0b49322b1829781db34e7278f0ca06dfa984a10c3ae732',
    preimage: 'd92c5fa17ba17e8be04a7d9399438c08d3cfa059b0ab3eb208831f259a033d16',
    amountMsat: 100_000n,
    feeMsat: 1000n,
    settledAt: 1_795_217_086_896,
    parts: [
      {
        amountMsat: 100_000n,
        feeMsat: 1000n,
        hops: [
          {
            nodeId: '025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0',
            channel: '131x1x0',
            forwardedMsat: 100_000n,
            feeMsat: 1000n,
          },
          {
            nodeId: '02e7e8aa8c169ba328e330edce3642c63a7fb896213b9bdbcd730e818f2f29441c',
            channel: '117x1x0',
            forwardedMsat: 100_000n,
            feeMsat: 0n,
          },
        ],
      },
    ],
  });
});

test('a payment in the words of 0.13 comes to the same', () => {
  const now = named(recordings, 'payinvoice second hop').body as { parts: Record<string, unknown>[] } & Record<string, unknown>;
  const { fees: _fees, startedAt: _started, settledAt: _settled, parts, ...rest } = now;
  const before = payResultSchema.parse({
    ...rest,
    parts: parts.map((part) => ({
      id: part['id'],
      amount: 100_000,
      feesPaid: 1000,
      toChannelId: part['channelId'],
      route: part['route'],
      timestamp: part['settledAt'],
    })),
  });
  if (before.type !== 'payment-sent') throw new Error('not sent');
  expect(toSettled(before)).toEqual(toSettled(payResultSchema.parse(now) as never));
});

test('a paid invoice that was paid again: the record holds both attempts and is settled', () => {
  const hash = paymentHash('04bfcd691ab4e1d5fc3faa8d42c381399bb7a9fd0ff5b24fbb5227a89f20c236');
  const record = body(sentInfoSchema, 'getsentinfo sent');
  expect(record.map((part) => part.status.type)).toEqual(['sent', 'failed']);
  expect(outcomeOfRecord(hash, record)).toMatchObject({
    status: 'settled',
    amountMsat: 300_000n,
    feeMsat: 0n,
    settledAt: 1_795_217_084_173,
  });
  expect(outcomeOfRecord(hash, record.slice(1))).toMatchObject({ status: 'failed', reason: 'rejected' });
});

test('the record: pending, failed, settled; empty proves nothing', () => {
  const hash = paymentHash('bb391415c05e39d77ca17381d3be3f7d0cd5e5332e5a579311adaa0aa62106e9');
  expect(outcomeOfRecord(hash, body(sentInfoSchema, 'getsentinfo pending'))).toEqual({ status: 'pending', paymentHash: hash });
  expect(outcomeOfRecord(hash, body(sentInfoSchema, 'getsentinfo settled'))).toMatchObject({
    status: 'settled',
    preimage: '44'.repeat(32),
  });
  expect(outcomeOfRecord(hash, body(sentInfoSchema, 'getsentinfo failed'))).toMatchObject({ status: 'failed', reason: 'no-route' });
  expect(outcomeOfRecord(hash, body(sentInfoSchema, 'getsentinfo unknown'))).toBeUndefined();
});

test('the parts of one attempt are summed', () => {
  const [part] = body(sentInfoSchema, 'getsentinfo settled');
  if (part?.status.type !== 'sent') throw new Error('not sent');
  const other = { ...part, amount: 200_000n as never, status: { ...part.status, feesPaid: 7n as never } };
  const parts = [{ ...part, amount: 300_000n as never, status: { ...part.status, feesPaid: 5n as never } }, other];
  expect(outcomeOfRecord(paymentHash(part.paymentHash), parts)).toMatchObject({
    amountMsat: 500_000n,
    feeMsat: 12n,
    parts: [{ feeMsat: 5n }, { feeMsat: 7n }],
  });
});

test('why payments fail: told by whose failure it is, not by its words', () => {
  const payee = '025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0';
  const reasonOf = (name: string, whose = payee) => {
    const failed = body(payResultSchema, name);
    if (failed.type !== 'payment-failed') throw new Error('not failed');
    return failureOf(failed, whose);
  };
  expect(reasonOf('payinvoice already paid blocking')).toMatchObject({ reason: 'rejected' });
  expect(reasonOf('payinvoice already paid blocking', `02${'11'.repeat(32)}`)).toMatchObject({ reason: 'attempts-exhausted' });
  expect(reasonOf('payinvoice more than balance')).toMatchObject({ reason: 'no-route', isLocal: true });
});

test('a channel from opening to closing; one that never came to be is none', () => {
  const channelOf = (name: string) =>
    body(channelsSchema, name)
      .map((channel) => toChannel(channel))
      .filter((channel) => channel !== undefined);
  expect(channelOf('channels awaiting confirmation')).toMatchObject([{ state: 'pending', shortChannelId: undefined }]);
  expect(channelOf('channels normal')).toEqual([
    {
      outpoint: '5d3761363af290d99591a7fa98ef09f37549047afcc2d5d4eb3f47120e468af7:0',
      shortChannelId: '131x1x0',
      peer: '025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0',
      state: 'active',
      capacityMsat: 2_000_000_000n,
      localMsat: 1_100_000_000n,
      remoteMsat: 900_000_000n,
      private: false,
      initiator: true,
      closingTxId: undefined,
    },
  ]);
  expect(channelOf('channels normal (2)')).toHaveLength(1);
  expect(channelOf('channels closing')).toMatchObject([{ state: 'closing' }]);
});

test('a channel that is away is judged by the data it keeps', () => {
  const [channel] = body(channelsSchema, 'channels normal');
  if (channel === undefined) throw new Error('no channel');
  const state = (changed: object, data: object = {}) => toChannelState({ ...channel, ...changed, data: { ...channel.data, ...data } });
  expect(state({ state: 'OFFLINE' })).toBe('inactive');
  expect(state({ state: 'SYNCING' })).toBe('inactive');
  expect(state({ state: 'OFFLINE' }, { type: 'DATA_WAIT_FOR_FUNDING_CONFIRMED' })).toBe('pending');
  expect(state({ state: 'OFFLINE' }, { type: 'DATA_NEGOTIATING_SIMPLE' })).toBe('closing');
  expect(state({ state: 'WAIT_FOR_REMOTE_PUBLISH_FUTURE_COMMITMENT' })).toBe('closing');
  const commitTx = { txid: 'ab'.repeat(32) };
  expect(state({ state: 'CLOSING' }, { localCommitPublished: { commitTx, irrevocablySpent: {} } })).toBe('closing');
  expect(state({ state: 'CLOSING' }, { localCommitPublished: { commitTx, irrevocablySpent: { x: commitTx } } })).toBe('closed');
});

test('peers', () => {
  expect(body(peersSchema, 'peers (2)').map(toPeer)).toEqual([
    {
      nodeId: '025bc3e9fb3a6e875fa585875ffdd04bba1ba5daf0b6544dbf7e5008e4a10dc0d0',
      connected: false,
      address: undefined,
      inbound: undefined,
    },
  ]);
});

test('forwards of 0.14 and of 0.13', () => {
  const edge = { channelId: 'aa'.repeat(32), remoteNodeId: `02${'11'.repeat(32)}` };
  const at = { iso: '2026-11-20T23:24:40.841Z', unix: 1_795_217_080 };
  const since = {
    type: 'payment-relayed',
    paymentHash: '00'.repeat(32),
    incoming: [{ ...edge, amount: 1010, receivedAt: at }],
    outgoing: [{ ...edge, channelId: 'bb'.repeat(32), amount: 1000, settledAt: at }],
  };
  const before = {
    type: 'payment-relayed',
    amountIn: 1010,
    amountOut: 1000,
    paymentHash: '00'.repeat(32),
    fromChannelId: 'aa'.repeat(32),
    toChannelId: 'bb'.repeat(32),
    receivedAt: at,
    settledAt: at,
  };
  const { relayed } = auditSchema.parse({ sent: [], received: [], relayed: [since, before] });
  expect(relayed[0]).toMatchObject({ settledAt: 1_795_217_080_841, incoming: [{ amount: 1010n }] });
  expect(relayed[1]).toMatchObject({ settledAt: 1_795_217_080_841, incoming: [{ amount: 1010n }] });
});

test('an invoice of BOLT 12 in a list is left out, a broken one of BOLT 11 is not', () => {
  const good = named(recordings, 'createinvoice').body as Record<string, unknown>;
  const bolt12 = {
    amount: 1,
    nodeId: good['nodeId'],
    paymentHash: '00'.repeat(32),
    features: {},
    blindedPaths: [],
    createdAt: 1,
    expiresAt: 2,
    serialized: 'lni1',
  };
  expect(invoicesSchema.parse([good, bolt12])).toHaveLength(1);
  expect(invoicesSchema.safeParse([{ ...good, timestamp: undefined }]).success).toBe(false);
});
