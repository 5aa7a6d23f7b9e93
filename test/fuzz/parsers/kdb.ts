import { chars, dictionary, error, list, long, symbol, symbols, table } from '../../../src/kdb/build.ts';
import { KdbCodecError } from '../../../src/kdb/errors.ts';
import { Framing } from '../../../src/kdb/framing.ts';
import { encodeMessage, readMessage } from '../../../src/kdb/message.ts';
import { RowsError, rowsOfData } from '../../../src/kdb/rows.ts';
import { parseCallText } from '../../../src/transport/kdb/calls/parse-text.ts';
import { readCall } from '../../../src/transport/kdb/calls/read-call.ts';
import { CallError } from '../../../src/transport/kdb/errors.ts';
import { parseHandshake } from '../../../src/transport/kdb/login.ts';
import { type FuzzParser, never, of } from '../parser.ts';

const COLUMNS = [
  { name: 'time', type: 'timespan' },
  { name: 'sym', type: 'symbol' },
  { name: 'price', type: 'float' },
] as const;

const rows = table({
  sym: symbols(['AAPL', 'GOOG']),
  price: { kind: 'vector', type: 'float', attribute: 'none', values: Float64Array.of(1.5, Number.NaN) },
});
const values = [
  chars('(.u.sub[`;`];.u `i`L)'),
  list(chars('.u.sub'), symbol('trade'), symbols(['AAPL', 'GOOG'], 'grouped')),
  list(symbol('upd'), symbol('trade'), rows),
  list(symbol('upd'), symbol('trade'), list(symbols(['AAPL']), list(chars('text')))),
  dictionary({ a: long(1n), b: chars('x') }),
  error('type'),
  { kind: 'lambda', namespace: '', source: Buffer.from('{x+y}') },
  { kind: 'compound', type: 104, items: [long(1n), { kind: 'unary', code: 0 }] },
  { kind: 'vector', type: 'guid', attribute: 'none', values: ['8c6b8b64-6815-6084-0a3e-178401251b68'] },
] as const;

/** A compressed message: five literal bytes, then repeats. Made by hand. */
const COMPRESSED = Buffer.from('01010100200000001e0000008000000a0010000000404142434445460400000000', 'hex');

function readWhole(input: Buffer): void {
  const { value } = readMessage(input, { inflatedBytes: 1 << 20, decode: { depth: 8, values: 10_000 } });
  encodeMessage('response', value);
  if (value.kind === 'list' && value.items[2] !== undefined) rowsOfData(COLUMNS, value.items[2], { ignoreOthers: true });
  readCall(value);
}

function frame(input: Buffer): void {
  const framing = new Framing(1 << 20);
  for (let at = 0; at < input.length; at += 7) {
    framing.push(input.subarray(at, at + 7));
    while (framing.next() !== undefined);
  }
}

/** What reads kdb+'s wire. */
export const KDB_PARSERS: readonly FuzzParser[] = [
  {
    name: 'kdb-message',
    kind: 'bytes',
    seeds: () => [...values.map((value) => encodeMessage('sync', value)), COMPRESSED],
    read: readWhole,
    declared: of(KdbCodecError, CallError, RowsError),
  },
  {
    name: 'kdb-framing',
    kind: 'bytes',
    seeds: () => [Buffer.concat(values.map((value) => encodeMessage('async', value)))],
    read: frame,
    declared: of(KdbCodecError),
  },
  {
    name: 'kdb-call',
    kind: 'text',
    seeds: () => [
      '(.u.sub[`;`];.u `i`L)',
      '.u.sub[`trade;`$("A B";"C")]',
      'meta trade;',
      '.u.resume["AgJC";`start]',
      '.u.sub[`trade;enlist[`A]]',
    ],
    tokens: ['`', '`$', '(', ')', '[', ']', ';', '"', 'enlist', '.u.sub', '(),', '::', '0N', '\\'],
    read: (input) => parseCallText(input.toString()),
    declared: of(CallError),
  },
  {
    name: 'kdb-login',
    kind: 'bytes',
    seeds: () => [Buffer.from('user:password\x03'), Buffer.from('anonymous\x06'), Buffer.from('')],
    read: parseHandshake,
    declared: never,
  },
];
