import { textOf } from '../../../kdb/text.ts';
import type { K } from '../../../kdb/types.ts';
import { CallError } from '../errors.ts';

/** A table's name, or `'*'` for the null symbol. @throws CallError `type`. */
export function tableOf(argument: K | undefined): string | '*' {
  const name = nameOf(argument);
  if (name === undefined) throw new CallError('type: a table is named by a symbol');
  return name === '' ? '*' : name;
}

/**
 * Symbols in every form that clients send them: an atom, a vector, a string, a list of such; the null symbol alone is all of them.
 * @throws CallError `type`.
 */
export function symbolsOf(argument: K | undefined): readonly string[] | '*' {
  if (argument === undefined) throw new CallError('rank: symbols are missing; ` asks for all');
  const names = namesOf(argument);
  if (names === undefined) throw new CallError('type: symbols are a symbol, a list of symbols, or strings');
  return names.length === 1 && names[0] === '' ? '*' : names;
}

/** Text: a string, a symbol. @throws CallError `type`, naming what it should have been. */
export function textArgument(argument: K | undefined, what: string): string {
  const text = nameOf(argument);
  if (text === undefined) throw new CallError(`type: ${what} is a string or a symbol`);
  return text;
}

function namesOf(value: K): readonly string[] | undefined {
  if (value.kind === 'vector' && value.type === 'symbol') return value.values;
  if (value.kind === 'list') {
    const names: string[] = [];
    for (const item of value.items) {
      const name = nameOf(item);
      if (name === undefined) return undefined;
      names.push(name);
    }
    return names;
  }
  const name = nameOf(value);
  return name === undefined ? undefined : [name];
}

function nameOf(value: K | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.kind === 'atom' && value.type === 'symbol') return value.value;
  if (value.kind === 'atom' && value.type === 'char') return textOf(Uint8Array.of(value.value));
  if (value.kind === 'vector' && value.type === 'char') return textOf(value.values);
  // A vector of one is what some clients make of an atom.
  if (value.kind === 'vector' && value.type === 'symbol' && value.values.length === 1) return value.values[0];
  if (value.kind === 'unary' && value.code === 0) return '';
  return undefined;
}
