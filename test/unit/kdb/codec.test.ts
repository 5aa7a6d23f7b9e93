import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chars, list, long, symbol, symbols } from '../../../src/kdb/build.ts';
import { decode } from '../../../src/kdb/decode.ts';
import { encode } from '../../../src/kdb/encode.ts';
import { KdbCodecError } from '../../../src/kdb/errors.ts';
import { encodeMessage, readHeader, readMessage } from '../../../src/kdb/message.ts';
import { textOf } from '../../../src/kdb/text.ts';
import type { K } from '../../../src/kdb/types.ts';
import { anyValue, atomOf, BASIC_TYPES, vectorOf } from './support/arbitrary.ts';
import { bigEndian, compress, hex, read, shown } from './support/wire.ts';

const int = (...values: number[]): K => ({ kind: 'vector', type: 'int', attribute: 'none', values: Int32Array.from(values) });
const ab = symbols(['a', 'b']);
const enlisted = (name: string, value: number): K => ({
  kind: 'table',
  attribute: 'none',
  columns: [{ name, values: { kind: 'vector', type: 'int', attribute: 'none', values: Int32Array.of(value) } }],
});

/** The examples of the kdb+ reference on serialisation, what `-8!` answers. */
const DOCUMENTED: readonly (readonly [string, K, string])[] = [
  ['1i', { kind: 'atom', type: 'int', value: 1 }, '0x010000000d000000fa01000000'],
  ['enlist 1i', int(1), '0x010000001200000006000100000001000000'],
  [
    '`byte$til 5',
    { kind: 'vector', type: 'byte', attribute: 'none', values: Uint8Array.of(0, 1, 2, 3, 4) },
    '0x01000000130000000400050000000001020304',
  ],
  [
    '`byte$enlist til 5',
    list({ kind: 'vector', type: 'byte', attribute: 'none', values: Uint8Array.of(0, 1, 2, 3, 4) }),
    '0x01000000190000000000010000000400050000000001020304',
  ],
  [
    '`a`b!2 3i',
    { kind: 'dictionary', sorted: false, keys: ab, values: int(2, 3) },
    '0x0100000021000000630b0002000000610062000600020000000200000003000000',
  ],
  [
    '`s#`a`b!2 3i',
    { kind: 'dictionary', sorted: true, keys: symbols(['a', 'b'], 'sorted'), values: int(2, 3) },
    '0x01000000210000007f0b0102000000610062000600020000000200000003000000',
  ],
  [
    '`a`b!enlist each 2 3i',
    { kind: 'dictionary', sorted: false, keys: ab, values: list(int(2), int(3)) },
    '0x010000002d000000630b0002000000610062000000020000000600010000000200000006000100000003000000',
  ],
  [
    '([]a:enlist 2i;b:enlist 3i)',
    {
      kind: 'table',
      attribute: 'none',
      columns: [
        { name: 'a', values: { kind: 'vector', type: 'int', attribute: 'none', values: Int32Array.of(2) } },
        { name: 'b', values: { kind: 'vector', type: 'int', attribute: 'none', values: Int32Array.of(3) } },
      ],
    },
    '0x010000002f0000006200630b0002000000610062000000020000000600010000000200000006000100000003000000',
  ],
  [
    '([a:enlist 2i]b:enlist 3i)',
    { kind: 'dictionary', sorted: false, keys: enlisted('a', 2), values: enlisted('b', 3) },
    '0x010000003f000000636200630b00010000006100000001000000060001000000020000006200630b0001000000620000000100000006000100000003000000',
  ],
  ['{x+y}', { kind: 'lambda', namespace: '', source: Buffer.from('{x+y}') }, '0x010000001500000064000a00050000007b782b797d'],
  ['{x+y} in .d', { kind: 'lambda', namespace: 'd', source: Buffer.from('{x+y}') }, '0x01000000160000006464000a00050000007b782b797d'],
  ['::', { kind: 'unary', code: 0 }, '0x010000000a0000006500'],
];

test.each(DOCUMENTED)('the documentation’s %s is written and read byte by byte', (_, value, bytes) => {
  expect(shown(encodeMessage('async', value))).toBe(bytes);
  expect(same(read(hex(bytes)).value, value)).toBe(true);
});

test.each(BASIC_TYPES)('atoms and vectors of %s come back as they went, nulls and infinities too', (type) => {
  fc.assert(
    fc.property(atomOf(type), (atom) => same(decode(encode(atom), true), atom)),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(vectorOf(type, { max: 40 }), (vector) => same(decode(encode(vector), true), vector)),
    { numRuns: 100 },
  );
});

test('whatever is nested comes back as it went', () => {
  fc.assert(
    fc.property(anyValue, (value) => same(decode(encode(value), true), value)),
    { numRuns: 500 },
  );
});

test('what is written and read again is the same bytes', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encode(value);
      expect(shown(encode(decode(bytes, true)))).toBe(shown(bytes));
    }),
    { numRuns: 300 },
  );
});

test('nulls have kdb+’s own bits', () => {
  expect(shown(encode({ kind: 'atom', type: 'float', value: Number.NaN }))).toBe('0xf7000000000000f8ff');
  expect(shown(encode({ kind: 'atom', type: 'real', value: Number.NaN }))).toBe('0xf80000c0ff');
  expect(shown(encode({ kind: 'atom', type: 'long', value: -(2n ** 63n) }))).toBe('0xf90000000000000080');
  expect(shown(encode({ kind: 'atom', type: 'timestamp', value: 2n ** 63n - 1n }))).toBe('0xf4ffffffffffffff7f');
});

test('messages of big-endian machines are read', () => {
  const value = list(chars('.u.sub'), symbol('trade'), symbols(['AAPL', 'GOOG']), long(-5_000_000_000n));
  const message = bigEndian(1, value);
  expect(readHeader(message)).toEqual({ littleEndian: false, kind: 'sync', compressed: false, length: message.length });
  expect(same(read(message).value, value)).toBe(true);
  expect(same(read(compress(message)).value, value)).toBe(true);
});

test('compressed messages are inflated', () => {
  fc.assert(
    fc.property(anyValue, fc.integer({ min: 1, max: 30 }), (value, times) => {
      const message = encodeMessage('sync', list(...Array.from({ length: times }, () => value)));
      expect(shown(encodeMessage('sync', read(compress(message)).value))).toBe(shown(message));
    }),
    { numRuns: 200 },
  );
  const long = encodeMessage('async', chars('AAPL,'.repeat(4_000)));
  const small = compress(long);
  expect(small.length).toBeLessThan(long.length / 20);
  expect(shown(encodeMessage('async', read(small).value))).toBe(shown(long));
});

test('a compressed message that claims too much is refused before memory is taken for it', () => {
  const bomb = hex(`0x01000100 10000000 ffffffff 00000000`.replaceAll(' ', ''));
  expect(codeOf(() => readMessage(bomb, { inflatedBytes: 2 ** 20 }))).toBe('TOO_LARGE');
  expect(codeOf(() => readMessage(bomb, { inflatedBytes: 2 ** 32 }))).toBe('COMPRESSION');
});

test('a count of more than there are bytes allocates nothing', () => {
  for (const type of [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]) {
    const bytes = Buffer.from([type, 0, 0xff, 0xff, 0xff, 0x7f]);
    expect(
      codeOf(() => decode(bytes, true)),
      `type ${type}`,
    ).toBe('TRUNCATED');
    expect(
      codeOf(() => decode(Buffer.from([type, 0, 0xff, 0xff, 0xff, 0xff]), true)),
      `type ${type}`,
    ).toBe('LENGTH');
  }
});

test('depth and number of values are limited', () => {
  const nested = Buffer.concat([...Array.from({ length: 100 }, () => Buffer.from([0, 0, 1, 0, 0, 0])), Buffer.from([101, 0])]);
  expect(codeOf(() => decode(nested, true))).toBe('DEPTH');
  const derived = Buffer.concat([Buffer.alloc(10_000, 106), Buffer.from([101, 0])]);
  expect(codeOf(() => decode(derived, true))).toBe('DEPTH');
  const many = encode(list(...Array.from({ length: 100 }, () => long(1n))));
  expect(codeOf(() => decode(many, true, { depth: 4, values: 50 }))).toBe('TOO_LARGE');
  expect(codeOf(() => decode(encode(symbols(Array.from({ length: 100 }, () => ''))), true, { depth: 4, values: 50 }))).toBe('TOO_LARGE');
});

test('a table’s columns have one length, a dictionary as many values as keys', () => {
  const table = hex('6200630b00020000006100620000000200000006000100000002000000060002000000 03000000 04000000'.replaceAll(' ', ''));
  expect(codeOf(() => decode(table, true))).toBe('LENGTH');
  expect(
    codeOf(() =>
      encode({
        kind: 'table',
        attribute: 'none',
        columns: [
          { name: 'a', values: ab },
          { name: 'b', values: symbols([]) },
        ],
      }),
    ),
  ).toBe('LENGTH');
  expect(codeOf(() => decode(encode({ kind: 'dictionary', sorted: false, keys: ab, values: int(1) }), true))).toBe('LENGTH');
});

test('whatever bytes come, they are a value or a KdbCodecError', () => {
  const orAnError = (bytes: Uint8Array) => {
    try {
      readMessage(bytes, { inflatedBytes: 65_536 });
    } catch (error) {
      expect(error).toBeInstanceOf(KdbCodecError);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), orAnError), { numRuns: 2_000 });
  const damaged = fc.tuple(anyValue, fc.boolean(), fc.nat(), fc.nat({ max: 255 })).map(([value, compressed, place, byte]) => {
    const whole = Buffer.from(encodeMessage('sync', value));
    const message = compressed ? compress(whole) : whole;
    const at = 8 + (place % (message.length - 8));
    message[at] = byte;
    return message;
  });
  fc.assert(fc.property(damaged, orAnError), { numRuns: 2_000 });
});

test('text is UTF-8 where it can be, else Latin-1', () => {
  expect(textOf(Buffer.from('é'))).toBe('é');
  expect(textOf(Buffer.from([0x63, 0x61, 0x66, 0xe9]))).toBe('café');
  expect(decode(Buffer.from([245, 0xe9, 0]), true)).toEqual(symbol('é'));
});

test('a symbol can hold no NUL', () => {
  expect(codeOf(() => encode(symbol('a\0b')))).toBe('VALUE');
  expect(codeOf(() => encode(symbols(['a\0b'])))).toBe('VALUE');
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof KdbCodecError ? error.code : String(error);
  }
}

/** Equal, where NaN is NaN, -0 is 0 (kdb+ compares so), and bytes are bytes whatever holds them. */
function same(one: K, other: K): boolean {
  expect(plain(one)).toEqual(plain(other));
  return true;
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>, String);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return typeof value === 'number' ? String(value) : value;
}
