import { ByteReader } from './byte-reader.ts';
import { KdbCodecError } from './errors.ts';
import { textOf } from './text.ts';
import {
  ATTRIBUTES,
  type AtomValues,
  type Attribute,
  type BasicType,
  type K,
  type KAtom,
  type KColumn,
  type KDerived,
  type KDictionary,
  type KList,
  type KTable,
  type KVector,
  OTHER_TYPES,
  TYPE_NUMBERS,
} from './types.ts';

/** What a value may cost that somebody else sent. */
export interface DecodeLimits {
  /** How deeply lists, dictionaries and tables may be nested. */
  readonly depth: number;
  /** Values in all, where each atom in a general list and each vector counts as one, and each symbol of a vector too. */
  readonly values: number;
}

/** Enough for every honest message of a tickerplant's. */
export const DEFAULT_DECODE_LIMITS: DecodeLimits = Object.freeze({ depth: 32, values: 2_000_000 });

const TYPES: readonly (BasicType | undefined)[] = Array.from({ length: 20 }, (_, number) =>
  (Object.keys(TYPE_NUMBERS) as BasicType[]).find((type) => TYPE_NUMBERS[type] === number),
);

/** Bytes of one item of a vector; a symbol has at least its NUL. */
const SIZES: Readonly<Record<BasicType, number>> = {
  boolean: 1,
  guid: 16,
  byte: 1,
  short: 2,
  int: 4,
  long: 8,
  real: 4,
  float: 8,
  char: 1,
  symbol: 1,
  timestamp: 8,
  month: 4,
  date: 4,
  datetime: 8,
  timespan: 8,
  minute: 4,
  second: 4,
  time: 4,
};

/**
 * Reads one value, all of the bytes. Nothing is allocated for a count before that many bytes are known to be there.
 * @throws KdbCodecError `TRUNCATED`, `TRAILING`, `TYPE`, `LENGTH`, `DEPTH`, `TOO_LARGE`.
 */
export function decode(bytes: Uint8Array, littleEndian: boolean, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): K {
  const reader = new ByteReader(bytes, littleEndian);
  const value = new Decoder(reader, limits).value(0);
  if (reader.left > 0) throw new KdbCodecError('TRAILING', 'bytes after the value');
  return value;
}

class Decoder {
  readonly #reader: ByteReader;
  readonly #limits: DecodeLimits;
  #left: number;

  constructor(reader: ByteReader, limits: DecodeLimits) {
    this.#reader = reader;
    this.#limits = limits;
    this.#left = limits.values;
  }

  value(depth: number): K {
    if (depth > this.#limits.depth) throw new KdbCodecError('DEPTH', `nested more than ${this.#limits.depth} deep`);
    this.#spend(1);
    const type = this.#reader.int8();
    if (type === OTHER_TYPES.error) return { kind: 'error', message: textOf(this.#reader.untilNul()) };
    if (type < 0) return this.#atom(this.#basicType(-type));
    if (type > 0 && type < TYPES.length) return this.#vector(this.#basicType(type));
    switch (type) {
      case OTHER_TYPES.list:
        return this.#list(depth);
      case OTHER_TYPES.table:
        return this.#table(depth);
      case OTHER_TYPES.dictionary:
      case OTHER_TYPES.sortedDictionary:
        return this.#dictionary(type === OTHER_TYPES.sortedDictionary, depth);
      case OTHER_TYPES.lambda:
        return this.#lambda(depth);
      case OTHER_TYPES.unary:
        return { kind: 'unary', code: this.#reader.uint8() };
      case 102:
      case 103:
        return { kind: 'operator', type, code: this.#reader.uint8() };
      case 104:
      case 105:
        return { kind: 'compound', type, items: this.#items(this.#reader.count(1), depth) };
      default:
        if (type >= 106 && type <= 111) return { kind: 'derived', type: type as KDerived['type'], of: this.value(depth + 1) };
        throw new KdbCodecError('TYPE', `no type ${type} goes over the wire`);
    }
  }

  #spend(values: number): void {
    this.#left -= values;
    if (this.#left < 0) throw new KdbCodecError('TOO_LARGE', `more than ${this.#limits.values} values in a message`);
  }

  #basicType(number: number): BasicType {
    const type = TYPES[number];
    if (type === undefined) throw new KdbCodecError('TYPE', `there is no type ${number}`);
    return type;
  }

  #attribute(): Attribute {
    const attribute = ATTRIBUTES[this.#reader.uint8()];
    if (attribute === undefined) throw new KdbCodecError('TYPE', 'an unknown attribute');
    return attribute;
  }

  #atom(type: BasicType): KAtom {
    return { kind: 'atom', type, value: this.#scalar(type) } as KAtom;
  }

  #scalar(type: BasicType): AtomValues[BasicType] {
    const reader = this.#reader;
    switch (type) {
      case 'boolean':
        return reader.uint8() !== 0;
      case 'guid':
        return guidOf(reader.bytes(16));
      case 'byte':
      case 'char':
        return reader.uint8();
      case 'short':
        return reader.int16();
      case 'long':
      case 'timestamp':
      case 'timespan':
        return reader.int64();
      case 'real':
        return reader.float32();
      case 'float':
      case 'datetime':
        return reader.float64();
      case 'symbol':
        return textOf(reader.untilNul());
      default:
        return reader.int32();
    }
  }

  #vector(type: BasicType): KVector {
    const attribute = this.#attribute();
    const count = this.#reader.count(SIZES[type]);
    return { kind: 'vector', type, attribute, values: this.#values(type, count) } as KVector;
  }

  #values(type: BasicType, count: number): KVector['values'] {
    const reader = this.#reader;
    switch (type) {
      case 'boolean':
        return reader.bytes(count).map((byte) => (byte === 0 ? 0 : 1));
      case 'byte':
      case 'char':
        return reader.bytes(count).slice();
      case 'short':
        return fill(new Int16Array(count), () => reader.int16());
      case 'long':
      case 'timestamp':
      case 'timespan':
        return fill(new BigInt64Array(count), () => reader.int64());
      case 'real':
        return fill(new Float32Array(count), () => reader.float32());
      case 'float':
      case 'datetime':
        return fill(new Float64Array(count), () => reader.float64());
      case 'guid':
      case 'symbol': {
        this.#spend(count);
        const values: string[] = [];
        for (let i = 0; i < count; i++) values.push(this.#scalar(type) as string);
        return values;
      }
      default:
        return fill(new Int32Array(count), () => reader.int32());
    }
  }

  #list(depth: number): KList {
    this.#attribute();
    return { kind: 'list', items: this.#items(this.#reader.count(2), depth) };
  }

  #items(count: number, depth: number): readonly K[] {
    const items: K[] = [];
    for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
    return items;
  }

  #dictionary(sorted: boolean, depth: number): KDictionary {
    const keys = this.value(depth + 1);
    const values = this.value(depth + 1);
    if (lengthOf(keys) !== lengthOf(values)) throw new KdbCodecError('LENGTH', 'a dictionary with more keys than values, or fewer');
    return { kind: 'dictionary', sorted, keys, values };
  }

  #table(depth: number): KTable {
    const attribute = this.#attribute();
    const flipped = this.value(depth + 1);
    if (flipped.kind !== 'dictionary') throw new KdbCodecError('TYPE', 'a table that is no flipped dictionary');
    const { keys, values } = flipped;
    if (keys.kind !== 'vector' || keys.type !== 'symbol') throw new KdbCodecError('TYPE', "a table's columns are named by symbols");
    return { kind: 'table', attribute, columns: columnsOf(keys.values, values) };
  }

  #lambda(depth: number): K {
    const namespace = textOf(this.#reader.untilNul());
    const source = this.value(depth + 1);
    if (source.kind !== 'vector' || source.type !== 'char') throw new KdbCodecError('TYPE', 'a lambda without its text');
    return { kind: 'lambda', namespace, source: source.values };
  }
}

/** How many items a value has; undefined for an atom and a function. A table has its rows. */
export function lengthOf(value: K): number | undefined {
  switch (value.kind) {
    case 'vector':
      return value.values.length;
    case 'list':
      return value.items.length;
    case 'table':
      return value.columns[0] === undefined ? 0 : lengthOf(value.columns[0].values);
    case 'dictionary':
      return lengthOf(value.keys);
    default:
      return undefined;
  }
}

function columnsOf(names: readonly string[], values: K): readonly KColumn[] {
  // Columns that are all empty general lists, or a single vector, don't come as a list of columns.
  if (values.kind !== 'list') throw new KdbCodecError('TYPE', "a table's columns are a list");
  const rows = values.items[0] === undefined ? 0 : lengthOf(values.items[0]);
  return values.items.map((column, i) => {
    if (column.kind !== 'vector' && column.kind !== 'list') throw new KdbCodecError('TYPE', 'a column is a list');
    if (lengthOf(column) !== rows) throw new KdbCodecError('LENGTH', 'columns of different lengths');
    return { name: names[i] as string, values: column };
  });
}

function guidOf(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`;
}

function fill<Item, Values extends { [index: number]: Item; readonly length: number }>(values: Values, next: () => Item): Values {
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}
