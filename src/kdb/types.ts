/**
 * What kdb+ values are in here. Numbers of up to 32 bits are `number`, longer ones `bigint`, so that timestamps keep their
 * nanoseconds; nulls and infinities are kdb+'s own bit patterns (see nulls.ts). Characters are bytes: a char vector may
 * hold anything. Source: the kdb+ reference on data types and on serialisation.
 */

/** The names of kdb+'s basic types. */
export type BasicType = keyof AtomValues;

/** An atom's value by type. */
export interface AtomValues {
  readonly boolean: boolean;
  /** Lower-case, with dashes. */
  readonly guid: string;
  readonly byte: number;
  readonly short: number;
  readonly int: number;
  readonly long: bigint;
  readonly real: number;
  readonly float: number;
  /** A byte. */
  readonly char: number;
  readonly symbol: string;
  /** Nanoseconds since 2000-01-01. */
  readonly timestamp: bigint;
  /** Months since 2000-01. */
  readonly month: number;
  /** Days since 2000-01-01. */
  readonly date: number;
  /** Days since 2000-01-01, with a fraction. */
  readonly datetime: number;
  /** Nanoseconds. */
  readonly timespan: bigint;
  readonly minute: number;
  readonly second: number;
  /** Milliseconds. */
  readonly time: number;
}

/** A vector's values by type. */
export interface VectorValues {
  /** 0 and 1. */
  readonly boolean: Uint8Array;
  readonly guid: readonly string[];
  readonly byte: Uint8Array;
  readonly short: Int16Array;
  readonly int: Int32Array;
  readonly long: BigInt64Array;
  readonly real: Float32Array;
  readonly float: Float64Array;
  readonly char: Uint8Array;
  readonly symbol: readonly string[];
  readonly timestamp: BigInt64Array;
  readonly month: Int32Array;
  readonly date: Int32Array;
  readonly datetime: Float64Array;
  readonly timespan: BigInt64Array;
  readonly minute: Int32Array;
  readonly second: Int32Array;
  readonly time: Int32Array;
}

/** `s#` sorted, `u#` unique, `p#` parted, `g#` grouped. */
export type Attribute = 'none' | 'sorted' | 'unique' | 'parted' | 'grouped';

/** A single value. */
export type KAtom = {
  readonly [Type in BasicType]: { readonly kind: 'atom'; readonly type: Type; readonly value: AtomValues[Type] };
}[BasicType];

/** Values of one type. */
export type KVector = {
  readonly [Type in BasicType]: {
    readonly kind: 'vector';
    readonly type: Type;
    readonly attribute: Attribute;
    readonly values: VectorValues[Type];
  };
}[BasicType];

/** A general list (type 0). */
export interface KList {
  readonly kind: 'list';
  readonly items: readonly K[];
}

/** A dictionary (99; sorted 127). Where keys and values are tables, it is a keyed table. */
export interface KDictionary {
  readonly kind: 'dictionary';
  readonly sorted: boolean;
  readonly keys: K;
  readonly values: K;
}

/** A table (98): columns of one length. */
export interface KTable {
  readonly kind: 'table';
  readonly attribute: Attribute;
  readonly columns: readonly KColumn[];
}

/** A column of a {@link KTable}; of text where it is a list of char vectors. */
export interface KColumn {
  readonly name: string;
  readonly values: KVector | KList;
}

/** An error (128): what a response holds in place of a value. */
export interface KError {
  readonly kind: 'error';
  readonly message: string;
}

/** The generic null `::`, and the other unary primitives (101), by number: 0 is `::`. */
export interface KUnary {
  readonly kind: 'unary';
  readonly code: number;
}

/** A lambda (100): its text, and the namespace that it was written in. Never run here. */
export interface KLambda {
  readonly kind: 'lambda';
  readonly namespace: string;
  readonly source: Uint8Array;
}

/** A primitive with two or more arguments (102, 103), by number. */
export interface KOperator {
  readonly kind: 'operator';
  readonly type: 102 | 103;
  readonly code: number;
}

/** A projection (104) or composition (105): what it is made of. */
export interface KCompound {
  readonly kind: 'compound';
  readonly type: 104 | 105;
  readonly items: readonly K[];
}

/** A function derived by an iterator (106 to 111), and the function that it was derived from. */
export interface KDerived {
  readonly kind: 'derived';
  readonly type: 106 | 107 | 108 | 109 | 110 | 111;
  readonly of: K;
}

/** Any value that goes over kdb+'s wire. */
export type K = KAtom | KVector | KList | KDictionary | KTable | KError | KUnary | KLambda | KOperator | KCompound | KDerived;

/** The number that stands for a type on the wire: negative for an atom, positive for a vector. */
export const TYPE_NUMBERS: Readonly<Record<BasicType, number>> = {
  boolean: 1,
  guid: 2,
  byte: 4,
  short: 5,
  int: 6,
  long: 7,
  real: 8,
  float: 9,
  char: 10,
  symbol: 11,
  timestamp: 12,
  month: 13,
  date: 14,
  datetime: 15,
  timespan: 16,
  minute: 17,
  second: 18,
  time: 19,
};

/** The letter of a type, as `meta` shows it. */
export const TYPE_LETTERS: Readonly<Record<BasicType, string>> = {
  boolean: 'b',
  guid: 'g',
  byte: 'x',
  short: 'h',
  int: 'i',
  long: 'j',
  real: 'e',
  float: 'f',
  char: 'c',
  symbol: 's',
  timestamp: 'p',
  month: 'm',
  date: 'd',
  datetime: 'z',
  timespan: 'n',
  minute: 'u',
  second: 'v',
  time: 't',
};

/** Attributes by their number on the wire. */
export const ATTRIBUTES: readonly Attribute[] = ['none', 'sorted', 'unique', 'parted', 'grouped'];

/** The numbers of what is not a basic type. */
export const OTHER_TYPES = {
  list: 0,
  table: 98,
  dictionary: 99,
  lambda: 100,
  unary: 101,
  sortedDictionary: 127,
  error: -128,
} as const;
