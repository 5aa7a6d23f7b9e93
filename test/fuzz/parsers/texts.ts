import { createHash } from 'node:crypto';
import { decodeInvoice } from '../../../src/adapters/lnd/mapping/decoded-invoice.ts';
import { readBolt11 } from '../../../src/adapters/shared/bolt11.ts';
import { type InvoiceTerms, publicKey, readInvoice, signInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { nodeId, paymentHash, preimage, shortChannelId } from '../../../src/core/lightning/identifiers.ts';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import type { ColumnType } from '../../../src/core/tickerplant/schema.ts';
import {
  epochToNs,
  nsToTimespan,
  nsToTimestamp,
  parseDate,
  parseEnglishDate,
  parseTimespan,
  parseTimestamp,
  timespanToNs,
  timestampToNs,
} from '../../../src/core/tickerplant/times.ts';
import { coerceRow, decodeRows, encodeRows, schemaOf, ValueError } from '../../../src/core/tickerplant/values.ts';
import { attenuate, l402Credentials } from '../../../src/credentials/l402.ts';
import { parseColumnMapping, tableColumnName } from '../../../src/feed/column-mapping.ts';
import { type FuzzParser, never, of, plainError } from '../parser.ts';

const ROOT_KEY = '1'.repeat(64);
const SECRET = preimage('2'.repeat(64));
const HASH = createHash('sha256').update(SECRET, 'hex').digest('hex');
const TOKEN = l402Credentials.mint({ paymentHash: paymentHash(HASH), tokenId: '3'.repeat(64) }, ROOT_KEY);

const TYPES: readonly ColumnType[] = [
  'timestamp',
  'symbol',
  'timespan',
  'date',
  'string',
  'float',
  'real',
  'long',
  'int',
  'short',
  'boolean',
];
const TABLE = schemaOf(
  'all',
  Object.fromEntries(TYPES.map((type, index) => [index === 0 ? 'time' : index === 1 ? 'sym' : `c${index}`, type])),
);

/** Reads a time in every way there is, and holds what was read against what it is written as. */
function readTimes(input: Buffer): void {
  const text = input.toString();
  const timestamp = parseTimestamp(text);
  if (timestamp !== undefined) same(nsToTimestamp(timestampToNs(timestamp)), timestamp);
  const timespan = parseTimespan(text);
  if (timespan !== undefined) same(nsToTimespan(timespanToNs(timespan)), timespan);
  const date = parseDate(text) ?? parseEnglishDate(text);
  if (date !== undefined && parseTimestamp(date) === undefined && parseDate(date) === undefined)
    throw new Error(`${date} is read but is no date`);
  for (const unit of ['s', 'ms', 'us', 'ns'] as const) epochToNs(text, unit);
}

function readValues(input: Buffer): void {
  let values: unknown;
  try {
    values = JSON.parse(input.toString());
  } catch {
    return;
  }
  const row = coerceRow(TABLE, values as readonly unknown[], 1_795_000_000_000);
  const again = decodeRows(encodeRows([row]))[0];
  if (JSON.stringify(again, wide) !== JSON.stringify(row, wide)) throw new Error('a row is another one after it was written and read');
}

const wide = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? 0 : value);

function same(one: string, other: string): void {
  if (one !== other) throw new Error(`${other} is read and written as ${one}`);
}

function readToken(input: Buffer): void {
  const token = input.toString();
  l402Credentials.identify(token);
  l402Credentials.verify(token, ROOT_KEY, 1_795_000_000_000);
}

const KEY = '7'.repeat(64);
const NODE = nodeId(publicKey(KEY));
const bolt11 = (): readonly string[] => [
  'lnbcrt2u1p4srfa3pp5tad0hwcy3ktvdmn57g44w0eyrj8ml07z9llqf79uffvmh4njp6es9qyysgqxqrrssdpgf9h8vmmfvdjn5arjv9jx2lpqg9q4qnpqga85736vsp5nrk3rkhvdf9sdah420lzr20r45y4agrkmprsjy2z0md6luy3mlgqnp4q2cq97kgq2zxxanw7z2f7cc66rmt04qm7r6lsadn4snqhcsw9ydj6cqzzs4m2fp882r2gqjxua5x28xlyfpugt4jghn6ratmfsyglrvxaal468ejw789w38875n5euysgvd0f30m45plj25xr4n78ss5nr947rytgp8d8680',
  // From BOLT 11's examples.
  'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql',
];

/** Texts that others write. */
export const TEXT_PARSERS: readonly FuzzParser[] = [
  {
    name: 'times',
    kind: 'text',
    seeds: () => [
      '2026-11-20T14:30:00.123456789Z',
      '2026.11.20D14:30:00.1',
      '0D14:30:00.123456789',
      '-3D00:00:00',
      '14:30:00',
      '2026-11-20',
      'Nov 20, 2026',
      '20-Nov-2026',
      '1795217049',
      '1795217049.123456789',
      '2026-11-20 14:30:00+01:30',
    ],
    tokens: ['D', 'T', 'Z', ':', '.', '-', '+', '00', '59', '24', '1707', '2292', 'Nov', 'September', '0N', '0Np', '0W', '999999999'],
    read: readTimes,
    declared: never,
  },
  {
    name: 'values',
    kind: 'json',
    seeds: () => [
      JSON.stringify(['2026-11-20T14:30:00Z', 'AAPL', '0D14:30:00', '2026-11-20', 'text', 39.81, 1.5, '9223372036854775807', 7, 7, true]),
      JSON.stringify({ sym: 'AAPL', c5: '1e10', c7: '-12', c10: '0b' }),
    ],
    read: readValues,
    declared: of(ValueError),
  },
  {
    name: 'column-mapping',
    kind: 'text',
    seeds: () => ['sym=symbol,time=date,price="last price"', "sym='SEATTLE', price=Price", `a='it''s',b="say ""so"""`],
    tokens: ['sym', 'time', '=', ',', "'", '"', "''", '""', ' '],
    read: (input) => {
      for (const column of parseColumnMapping(input.toString()).keys()) tableColumnName(column);
      tableColumnName(input.toString());
    },
    declared: plainError,
  },
  {
    name: 'macaroon',
    kind: 'text',
    seeds: () => [
      TOKEN,
      attenuate(TOKEN, 'valid_until=1895217049'),
      attenuate(attenuate(TOKEN, 'valid_until=1'), 'tickerplant_valid_until=2'),
    ],
    tokens: ['AgJC', 'AAA', '=', '==', '_', '-', '/', '+'],
    read: readToken,
    declared: of(TickerplantError),
  },
  {
    name: 'macaroon-bytes',
    kind: 'bytes',
    seeds: () => [Buffer.from(TOKEN, 'base64'), Buffer.from(attenuate(TOKEN, 'valid_until=1895217049'), 'base64')],
    tokens: ['\u0000', '\u0001', '\u0002', '\u0004', '\u0006', '\u007f'],
    read: (input) => readToken(Buffer.from(input.toString('base64'))),
    declared: of(TickerplantError),
  },
  {
    name: 'bolt11',
    kind: 'text',
    seeds: bolt11,
    tokens: ['lnbc', 'lnbcrt', 'lntb', 'lnbc1', '2500u', '1p', 'm', 'n', 'q', 'pp5', 'dq'],
    read: (input) => readBolt11(input.toString()),
    declared: of(Error),
  },
  {
    name: 'bolt11-lnd',
    kind: 'text',
    seeds: bolt11,
    tokens: ['lnbc', 'lnbcrt', 'lntb', 'lnbc1', '2500u', '1p'],
    read: (input) => decodeInvoice(input.toString(), 'regtest'),
    declared: of(LightningError),
  },
  {
    name: 'bolt11-simulated',
    kind: 'text',
    seeds: () => [...bolt11(), signInvoice(terms(), KEY, NODE)],
    tokens: ['lnbcrt', '2500u', '1p'],
    read: (input) => readInvoice(input.toString()),
    declared: of(LightningError),
  },
];

function terms(): InvoiceTerms {
  const times = { createdAt: 1_795_000_000_000, expiresAt: 1_795_000_600_000 };
  const hint = { nodeId: NODE, channel: shortChannelId('700123x4x1'), baseFeeMsat: msat(1_000), feeRatePpm: 10, cltvDelta: 40 };
  return {
    ...times,
    paymentHash: paymentHash(HASH),
    paymentSecret: '4'.repeat(64),
    amountMsat: msat(100_000),
    description: 'café',
    descriptionHash: undefined,
    finalCltvDelta: 18,
    routeHints: [[hint]],
  };
}
