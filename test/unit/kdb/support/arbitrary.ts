import fc from 'fast-check';
import type { Attribute, BasicType, K, KAtom, KColumn, KList, KVector } from '../../../../src/kdb/types.ts';
import { codePoint } from '../../../support/code-point.ts';

const INT_TYPES = ['int', 'month', 'date', 'minute', 'second', 'time'] as const;
const LONG_TYPES = ['long', 'timestamp', 'timespan'] as const;

const byte = fc.integer({ min: 0, max: 255 });
const int16 = fc.oneof(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }), fc.constantFrom(-(2 ** 15), 2 ** 15 - 1, -(2 ** 15 - 1)));
const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, -(2 ** 31 - 1)));
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 63n - 1n), 0n),
);
const text = fc.string({ unit: codePoint, maxLength: 12 }).map((each) => each.replaceAll('\0', '0'));

const SCALARS: Readonly<Record<BasicType, fc.Arbitrary<KAtom['value']>>> = {
  boolean: fc.boolean(),
  guid: fc.uuid(),
  byte,
  short: int16,
  ...(Object.fromEntries(INT_TYPES.map((type) => [type, int32])) as Record<(typeof INT_TYPES)[number], fc.Arbitrary<number>>),
  ...(Object.fromEntries(LONG_TYPES.map((type) => [type, int64])) as Record<(typeof LONG_TYPES)[number], fc.Arbitrary<bigint>>),
  real: fc.float(),
  float: fc.double(),
  char: byte,
  symbol: text,
  datetime: fc.double(),
};

export const BASIC_TYPES = Object.keys(SCALARS) as BasicType[];

export function atomOf(type: BasicType): fc.Arbitrary<KAtom> {
  return SCALARS[type].map((value) => ({ kind: 'atom', type, value }) as KAtom);
}

export function vectorOf(type: BasicType, size: { readonly min?: number; readonly max?: number } = {}): fc.Arbitrary<KVector> {
  const attribute = fc.constantFrom<Attribute>('none', 'sorted', 'unique', 'parted', 'grouped');
  return fc
    .tuple(attribute, fc.array(SCALARS[type], { minLength: size.min ?? 0, maxLength: size.max ?? 8 }))
    .map(([each, values]) => ({ kind: 'vector', type, attribute: each, values: typed(type, values) }) as KVector);
}

function typed(type: BasicType, values: readonly KAtom['value'][]): KVector['values'] {
  switch (type) {
    case 'boolean':
      return Uint8Array.from(values as boolean[], Number);
    case 'byte':
    case 'char':
      return Uint8Array.from(values as number[]);
    case 'short':
      return Int16Array.from(values as number[]);
    case 'long':
    case 'timestamp':
    case 'timespan':
      return BigInt64Array.from(values as bigint[]);
    case 'real':
      return Float32Array.from(values as number[]);
    case 'float':
    case 'datetime':
      return Float64Array.from(values as number[]);
    case 'guid':
    case 'symbol':
      return values as string[];
    default:
      return Int32Array.from(values as number[]);
  }
}

const basic = fc.constantFrom(...BASIC_TYPES);
const anyAtom = basic.chain(atomOf);
const anyVector = basic.chain((type) => vectorOf(type));

function columns(item: fc.Arbitrary<K>): fc.Arbitrary<readonly KColumn[]> {
  return fc.integer({ min: 0, max: 5 }).chain((rows) => {
    const vector = basic.chain((type) => vectorOf(type, { min: rows, max: rows }));
    const nested = fc.array(item, { minLength: rows, maxLength: rows }).map((items): KList => ({ kind: 'list', items }));
    return fc.array(fc.record({ name: text, values: fc.oneof(vector, nested) }), { minLength: 1, maxLength: 4 });
  });
}

/** Every kind of value, nested. */
export const anyValue: fc.Arbitrary<K> = fc.letrec<{ value: K }>((tie) => {
  const value = tie('value');
  const list = fc.array(value, { maxLength: 4 }).map((items): K => ({ kind: 'list', items }));
  const dictionary = fc
    .integer({ min: 0, max: 4 })
    .chain((count) =>
      fc
        .tuple(fc.boolean(), vectorOf('symbol', { min: count, max: count }), fc.array(value, { minLength: count, maxLength: count }))
        .map(([sorted, keys, items]): K => ({ kind: 'dictionary', sorted, keys, values: { kind: 'list', items } })),
    );
  const table = columns(anyAtom).map((each): K => ({ kind: 'table', attribute: 'none', columns: each }));
  const keyed = fc.integer({ min: 0, max: 4 }).chain((rows) => {
    const side = vectorOf('long', { min: rows, max: rows }).map(
      (values): K => ({ kind: 'table', attribute: 'none', columns: [{ name: 'a', values }] }),
    );
    return fc.tuple(side, side).map(([keys, values]): K => ({ kind: 'dictionary', sorted: false, keys, values }));
  });
  return {
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      anyAtom,
      anyVector,
      list,
      dictionary,
      table,
      keyed,
      text.map((message): K => ({ kind: 'error', message })),
      byte.map((code): K => ({ kind: 'unary', code })),
      fc.tuple(text, fc.uint8Array({ maxLength: 9 })).map(([namespace, source]): K => ({ kind: 'lambda', namespace, source })),
      fc.tuple(fc.constantFrom<102 | 103>(102, 103), byte).map(([type, code]): K => ({ kind: 'operator', type, code })),
      fc
        .tuple(fc.constantFrom<104 | 105>(104, 105), fc.array(value, { maxLength: 3 }))
        .map(([type, items]): K => ({ kind: 'compound', type, items })),
      fc
        .tuple(fc.constantFrom<106 | 107 | 108 | 109 | 110 | 111>(106, 107, 108, 109, 110, 111), value)
        .map(([type, of]): K => ({ kind: 'derived', type, of })),
    ),
  };
}).value;
