import { bytesOf } from './text.ts';
import type { Attribute, K, KAtom, KColumn, KDictionary, KError, KList, KTable, KUnary, KVector } from './types.ts';

/** The generic null, `::`. */
export const GENERIC_NULL: KUnary = { kind: 'unary', code: 0 };

/** A symbol. */
export function symbol(value: string): KAtom {
  return { kind: 'atom', type: 'symbol', value };
}

/** A vector of symbols. */
export function symbols(values: readonly string[], attribute: Attribute = 'none'): KVector {
  return { kind: 'vector', type: 'symbol', attribute, values };
}

/** A char vector: text. */
export function chars(text: string): KVector {
  return { kind: 'vector', type: 'char', attribute: 'none', values: bytesOf(text) };
}

/** A long. */
export function long(value: bigint): KAtom {
  return { kind: 'atom', type: 'long', value };
}

/** A general list. */
export function list(...items: readonly K[]): KList {
  return { kind: 'list', items };
}

/** A dictionary of names. */
export function dictionary(entries: Readonly<Record<string, K>>): KDictionary {
  return { kind: 'dictionary', sorted: false, keys: symbols(Object.keys(entries)), values: list(...Object.values(entries)) };
}

/** A table. */
export function table(columns: Readonly<Record<string, KVector | KList>>): KTable {
  const named: KColumn[] = Object.entries(columns).map(([name, values]) => ({ name, values }));
  return { kind: 'table', attribute: 'none', columns: named };
}

/** An error: `'x`. */
export function error(message: string): KError {
  return { kind: 'error', message };
}
