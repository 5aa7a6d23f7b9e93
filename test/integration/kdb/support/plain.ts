import { type K, TYPE_LETTERS } from '../../../../src/kdb/types.ts';

/**
 * A value in plain JavaScript, easy to compare: atoms and items as they are, bigints too; strings of chars; a table is
 * its columns by name; a dictionary an object, or a list of pairs where its keys are no symbols.
 */
export function plain(value: K): unknown {
  switch (value.kind) {
    case 'atom':
      return value.value;
    case 'vector':
      return value.type === 'char' ? Buffer.from(value.values).toString() : Array.from(value.values as ArrayLike<unknown>);
    case 'list':
      return value.items.map(plain);
    case 'table':
      return Object.fromEntries(value.columns.map(({ name, values }) => [name, plain(values)]));
    case 'dictionary': {
      const { keys, values } = value;
      if (keys.kind === 'table') return { keys: plain(keys), values: plain(values) };
      const items = plain(values) as unknown[];
      return Object.fromEntries((plain(keys) as unknown[]).map((key, i) => [String(key), items[i]]));
    }
    case 'error':
      return { error: value.message };
    case 'unary':
      return null;
    default:
      return { kind: value.kind };
  }
}

/** The types of a table's columns by name, as `meta` writes them; `g#s` with an attribute. */
export function typesOf(value: K): Readonly<Record<string, string>> {
  if (value.kind !== 'table') throw new Error(`not a table but ${value.kind}`);
  return Object.fromEntries(
    value.columns.map(({ name, values }) => [
      name,
      values.kind === 'list' ? '*' : `${values.attribute === 'none' ? '' : `${values.attribute[0]}#`}${TYPE_LETTERS[values.type]}`,
    ]),
  );
}
