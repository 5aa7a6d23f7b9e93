import { controlCallSchemas, nodeCallSchemas, nodeStreamSchemas } from '../../../src/adapters/simulated/gateway/schemas.ts';
import { decode } from '../../../src/adapters/simulated/network/codec.ts';
import { LineReader } from '../../../src/adapters/simulated/socket/lines.ts';
import { requestSchema } from '../../../src/adapters/simulated/socket/messages.ts';
import { MessageError, readMessage } from '../../../src/client/messages.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { parseRequest } from '../../../src/transport/websocket/requests.ts';
import { type FuzzParser, never, of } from '../parser.ts';

const LIMITS = { maxSymbolsPerMessage: 100 };
const TIME = '2026-11-20T14:30:00.000Z';
const HASH = '41e7813c91b7e084f4ce84c27d8522f155a318ec34e9f9b0643e546400294126';
const NODE = '025ef113b0e7b8fc2f488c14348695c1660033fee831542dba48f088d352ed0b53';
const SCHEMA = [{ name: 'time', type: 'timestamp' }];

const requests = [
  { op: 'sub', id: '1', table: 'trade', syms: ['AAPL', 'GOOG'], key: 'a key of the buyer', slow: 'conflate' },
  { op: 'sub', table: '*', syms: '*', pricing: 'flat', subscription: 's' },
  { op: 'resume', id: 2, token: 'AgJC', after: { trade: { epoch: 1, seqs: { AAPL: 17 } } }, slow: 'drop' },
  { op: 'unsub', subscription: 's', table: 'trade', syms: ['AAPL'] },
  { op: 'ping', id: 'x' },
];

const offer = {
  op: 'quote',
  id: '1',
  quote: 'q',
  subscription: 's',
  token: 't',
  table: 'trade',
  schema: SCHEMA,
  syms: ['AAPL'],
  amountMsat: '100000',
  invoice: 'lnbcrt1',
  paymentHash: HASH,
  expiresAt: TIME,
  until: TIME,
  node: { id: NODE, uris: [`${NODE}@127.0.0.1:9735`] },
};
const messages = [
  offer,
  { ...offer, tables: [{ table: 'trade', schema: SCHEMA, syms: ['AAPL'] }] },
  { op: 'active', subscription: 's', quote: 'q', table: 'trade', syms: ['AAPL'], until: TIME, epoch: 1, next: { AAPL: 5 } },
  { op: 'upd', table: 'trade', sym: 'AAPL', epoch: 1, seq: 5, rows: [[TIME, 'AAPL', 39.81, 100]], conflated: true },
  { op: 'snapshot', table: 'trade', sym: 'AAPL', epoch: 1, seq: 5, rows: [[TIME, 'AAPL', 39.81, 9_007_199_254_740_991]] },
  { op: 'resumed', id: '2', subscription: 's', tables: [{ table: 'trade', syms: ['AAPL'], until: TIME, epoch: 1 }] },
  { op: 'gap', table: 'trade', sym: 'AAPL', epoch: 1, from: 5, to: 9, reason: 'retention' },
  { op: 'end', date: '2026-11-20' },
  { op: 'expired', quote: 'q', reason: 'unpaid' },
  { op: 'superseded', subscription: 's' },
  { op: 'heartbeat' },
  { op: 'error', id: '1', code: 'RATE_LIMITED', message: 'too many', retry: 'later', retryAfterMs: 100 },
];

const lines = [
  { id: 1, node: 'seller', call: 'createInvoice', params: { amountMsat: '100000', description: 'd', expirySeconds: 3600 } },
  { id: 2, node: 'buyer', call: 'pay', params: { paymentRequest: 'lnbcrt1', maxFeeMsat: '10000' } },
  { id: 3, node: 'seller', follow: 'settlements', params: { after: 0 } },
  { id: 4, control: 'faults', params: { kind: 'settlement-events', node: 'seller', how: 'drop', count: 1 } },
  { id: 5, control: 'openChannel', params: { from: 'a', to: 'b', capacityMsat: '100000000' } },
  { cancel: 3 },
];

function readSimnet(input: Buffer): void {
  const reader = new LineReader((line) => {
    let message: unknown;
    try {
      message = decode(line);
    } catch (error) {
      // What is no JSON is answered with an error.
      if (error instanceof SyntaxError || error instanceof LightningError) return;
      throw error;
    }
    const parsed = requestSchema.safeParse(message);
    if (!parsed.success || 'cancel' in parsed.data) return;
    const { data } = parsed;
    const [schemas, method] =
      'call' in data
        ? [nodeCallSchemas, data.call]
        : 'follow' in data
          ? [nodeStreamSchemas, data.follow]
          : [controlCallSchemas, data.control];
    if (Object.hasOwn(schemas, method))
      (schemas as Readonly<Record<string, { safeParse(value: unknown): unknown }>>)[method]?.safeParse(data.params);
  });
  const cut = input.length >> 1;
  reader.push(input.subarray(0, cut));
  reader.push(input.subarray(cut));
  reader.push(Buffer.from('\n'));
}

/** What comes over sockets of our own. */
export const NETWORK_PARSERS: readonly FuzzParser[] = [
  {
    name: 'websocket-request',
    kind: 'json',
    seeds: () => requests.map((message) => JSON.stringify(message)),
    read: (input) => parseRequest(input.toString(), LIMITS),
    declared: never,
  },
  {
    name: 'websocket-message',
    kind: 'json',
    seeds: () => messages.map((message) => JSON.stringify(message)),
    read: (input) => readMessage(input.toString()),
    declared: of(MessageError),
  },
  { name: 'simnet-line', kind: 'json', seeds: () => lines.map((line) => JSON.stringify(line)), read: readSimnet, declared: of(RangeError) },
];
