import fc from 'fast-check';
import { codePoint } from '../support/code-point.ts';
import { type JsonPath, type JsonValue, pathsOf, withAt } from './json.ts';
import type { FuzzParser } from './parser.ts';

/** Values that are at the edge of something somewhere. */
const ODD_VALUES: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  1e308,
  1e-308,
  '',
  ' ',
  '0',
  '-1',
  '1e9',
  '0x10',
  '9223372036854775808',
  '18446744073709551616',
  '99999999999999999999999999999999',
  '0msat',
  '1.5msat',
  'x'.repeat(300),
  '\0',
  '\ud800',
  '__proto__',
  'constructor',
  '0'.repeat(64),
  `02${'f'.repeat(64)}`,
  [],
  [null],
  [[]],
  {},
  { '': null },
];
const ODD_TEXTS = [
  '\0',
  '\ufeff',
  '\u2028',
  '\r\n',
  '\n',
  '\t',
  '"',
  "'",
  '\\',
  ',',
  ':',
  '=',
  '{',
  '}',
  '[',
  ']',
  '-',
  '.',
  '9'.repeat(40),
  '__proto__',
];

const BIG = 0x7fff_ffff;

/** Edits that a text or bytes goes through, as numbers to be taken by what there is to edit. */
const edit = fc.record({
  how: fc.integer({ min: 0, max: 6 }),
  at: fc.nat(BIG),
  length: fc.integer({ min: 0, max: 12 }),
  what: fc.nat(BIG),
});
type Edit = { readonly how: number; readonly at: number; readonly length: number; readonly what: number };

/** Inputs for a parser: its good ones with something done to them, its words in any order, and anything at all. */
export function inputsFor(parser: FuzzParser, corpus: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const seeds = [...parser.seeds().map((seed) => Buffer.from(seed)), ...corpus.map((bytes) => Buffer.from(bytes))];
  const words = [...(parser.tokens ?? []), ...ODD_TEXTS].map((word) => Buffer.from(word));
  const chosen: fc.Arbitrary<Buffer> = fc.nat(BIG).map((number) => seeds[number % seeds.length] ?? Buffer.alloc(0));
  const edited = fc
    .tuple(chosen, fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([seed, edits]) => edits.reduce<Buffer>((bytes, each) => editBytes(bytes, each, words), seed));
  const spoken = fc
    .array(fc.nat(words.length - 1), { maxLength: 12 })
    .map((picked) => Buffer.concat(picked.map((index) => words[index] ?? Buffer.alloc(0))));
  const anything = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 60 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
  );
  if (parser.kind !== 'json')
    return fc.oneof({ weight: 6, arbitrary: edited }, { weight: 1, arbitrary: spoken }, { weight: 1, arbitrary: anything });
  return fc.oneof({ weight: 8, arbitrary: editedJson(seeds) }, { weight: 1, arbitrary: edited }, { weight: 1, arbitrary: anything });
}

function editBytes(bytes: Buffer, { how, at, length, what }: Edit, words: readonly Buffer[]): Buffer {
  const place = bytes.length === 0 ? 0 : at % (bytes.length + 1);
  const word = words[what % words.length] ?? Buffer.alloc(0);
  switch (how) {
    case 0:
      return Buffer.concat([bytes.subarray(0, place), word, bytes.subarray(place)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + length)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, place), word, bytes.subarray(place + length)]);
    case 3:
      return bytes.subarray(0, place);
    case 4: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at % changed.length] = what & 0xff;
      return changed;
    }
    case 5:
      return Buffer.concat([
        bytes.subarray(0, place),
        bytes.subarray(what % (bytes.length + 1), (what % (bytes.length + 1)) + length * 8),
        bytes.subarray(place),
      ]);
    default: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << (what & 7));
      return changed;
    }
  }
}

interface JsonSeed {
  readonly value: JsonValue;
  readonly paths: readonly JsonPath[];
}

function editedJson(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const values = seeds.flatMap((seed): JsonSeed[] => {
    try {
      const value = JSON.parse(seed.toString()) as JsonValue;
      return [{ value, paths: pathsOf(value) }];
    } catch {
      return [];
    }
  });
  const number = fc.nat(BIG);
  const odd = fc.oneof(
    { weight: 4, arbitrary: number.map((index) => ODD_VALUES[index % ODD_VALUES.length] ?? null) },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }) as fc.Arbitrary<JsonValue> },
    { weight: 1, arbitrary: fc.double() as fc.Arbitrary<JsonValue> },
  );
  const change = fc.tuple(number, fc.integer({ min: 0, max: 5 }), odd);
  return fc.tuple(number, fc.array(change, { minLength: 0, maxLength: 3 })).map(([index, changes]) => {
    const seed = values[index % values.length];
    if (seed === undefined) return Buffer.from('null');
    let { value } = seed;
    for (const [place, how, put] of changes) value = changeJson(value, seed.paths[place % seed.paths.length] ?? [], how, put);
    return Buffer.from(JSON.stringify(value));
  });
}

function changeJson(value: JsonValue, path: JsonPath, how: number, put: JsonValue): JsonValue {
  if (how <= 3) return withAt(value, path, put);
  if (how === 4) return withAt(value, path, undefined);
  // One more field, or one more item, beside what stands there.
  const parent = path.slice(0, -1);
  const there = at(value, parent);
  if (Array.isArray(there)) return withAt(value, parent, [...there, put]);
  if (typeof there === 'object' && there !== null)
    return withAt(value, parent, { ...there, [typeof put === 'string' ? put : 'extra']: put });
  return value;
}

function at(value: JsonValue, path: JsonPath): JsonValue | undefined {
  let there: JsonValue | undefined = value;
  for (const step of path) {
    if (typeof there !== 'object' || there === null) return undefined;
    there = (there as Readonly<Record<string, JsonValue>>)[step];
  }
  return there;
}
