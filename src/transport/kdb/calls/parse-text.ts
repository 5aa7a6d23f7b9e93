import { chars, GENERIC_NULL, list, symbol, symbols } from '../../../kdb/build.ts';
import { textOf } from '../../../kdb/text.ts';
import type { K } from '../../../kdb/types.ts';
import { CallError } from '../errors.ts';
import type { Call } from './call.ts';

/** Brackets in brackets; no call of ours needs more. */
const MAX_DEPTH = 6;
/** How `chainedr.q` asks for the log of whatever it is chained to; it is ours. */
const CHAINED_LOG = '$[`m in key`.u;(`.u `m)"`.u `i`L";`.u `i`L]';

const SPACE = /[ \t\r\n]*/y;
const NAME = /\.?[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*/y;
const SYMBOL = /`([A-Za-z0-9_.:/]*)/y;
const STRING = /"((?:[^"\\]|\\.)*)"/y;
const EMPTY_SYMBOLS = /`(?:symbol)?\$\(\)/y;
const NUMBER = /(?:0N[a-z]?|-?\d+[ij]?)(?![A-Za-z0-9_.])/y;
const NOT_HERE = 'nyi: only the calls of a tickerplant are known here, with literal arguments; nothing is evaluated';

/**
 * Reads a call as q clients write it in a string: names applied to literals (symbols, strings, lists of them), lists of such
 * calls, calls after each other. It is a grammar of its own, not q's: what does not fit it is an error.
 * @throws CallError `nyi`.
 */
export function parseCallText(text: string): Call {
  return new Parser(text).all();
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  all(): Call {
    const calls: Call[] = [];
    let silent = false;
    for (;;) {
      this.#skip();
      if (this.#at === this.#text.length) break;
      calls.push(this.#call(0));
      this.#skip();
      silent = this.#take(';');
      if (!silent && this.#at < this.#text.length) throw new CallError(NOT_HERE);
    }
    const [only] = calls;
    if (only === undefined) return { kind: 'value', value: GENERIC_NULL };
    return calls.length === 1 && !silent ? only : { kind: 'sequence', calls, silent };
  }

  /** A name applied to something, a list, or a literal. */
  #call(depth: number): Call {
    if (depth > MAX_DEPTH) throw new CallError(NOT_HERE);
    this.#skip();
    if (this.#text.startsWith(CHAINED_LOG, this.#at)) {
      this.#at += CHAINED_LOG.length;
      return { kind: 'apply', name: '.u', args: [symbols(['i', 'L'])] };
    }
    if (this.#peek('(')) return this.#parenthesis(depth);
    const name = this.#match(NAME)?.[0];
    if (name === undefined || name === 'enlist') {
      if (name !== undefined) this.#at -= name.length;
      return this.#indexed(this.#literal(depth), depth);
    }
    return this.#applied(name, depth);
  }

  /** What stands after a name: `[…]`, a literal, or nothing. */
  #applied(name: string, depth: number): Call {
    if (this.#take('[')) return { kind: 'apply', name, args: this.#items(']', depth) };
    this.#skip();
    const next = this.#text[this.#at];
    if (next === '`' || next === '"') return { kind: 'apply', name, args: [this.#literal(depth)] };
    const argument = this.#match(NAME)?.[0];
    if (argument !== undefined) return { kind: 'apply', name, args: [symbol(argument)] };
    return { kind: 'apply', name, args: [] };
  }

  /** A namespace's symbol before others is an index into it: `` `.u `i`L `` and `` `.u[`i`L] ``. */
  #indexed(value: K, depth: number): Call {
    if (value.kind !== 'atom' || value.type !== 'symbol') return { kind: 'value', value };
    const name = value.value;
    if (this.#take('[')) return { kind: 'apply', name, args: this.#items(']', depth) };
    this.#skip();
    if (this.#peek('`')) return { kind: 'apply', name, args: [this.#literal(depth)] };
    return { kind: 'value', value };
  }

  #parenthesis(depth: number): Call {
    this.#expect('(');
    this.#skip();
    if (this.#take(')')) {
      this.#skip();
      if (!this.#take(',')) return { kind: 'value', value: list() };
      return { kind: 'value', value: enlisted(this.#literal(depth + 1)) };
    }
    const calls: Call[] = [];
    do calls.push(this.#call(depth + 1));
    while (this.#takeSpaced(';'));
    this.#skip();
    this.#expect(')');
    const [only] = calls;
    return calls.length === 1 && only !== undefined ? only : { kind: 'list', calls };
  }

  /** Literals up to a closing bracket; none where there is nothing, as in `f[]`. */
  #items(end: ']' | ')', depth: number): readonly K[] {
    this.#skip();
    if (this.#take(end)) return [];
    const items: K[] = [];
    do items.push(this.#literal(depth + 1));
    while (this.#takeSpaced(';'));
    this.#skip();
    this.#expect(end);
    return items;
  }

  #literal(depth: number): K {
    if (depth > MAX_DEPTH) throw new CallError(NOT_HERE);
    this.#skip();
    if (this.#match(EMPTY_SYMBOLS) !== undefined) return symbols([]);
    if (this.#text.startsWith('`$', this.#at)) {
      this.#at += 2;
      return toSymbols(this.#literal(depth + 1));
    }
    if (this.#peek('`')) return this.#symbols();
    const string = this.#match(STRING);
    if (string !== undefined) return chars(unescaped(string[1] as string));
    if (this.#take('::')) return GENERIC_NULL;
    const number = this.#match(NUMBER)?.[0];
    if (number !== undefined) return { kind: 'atom', type: 'long', value: numberOf(number) };
    if (this.#text.startsWith('enlist', this.#at)) {
      this.#at += 'enlist'.length;
      if (!this.#take('[')) return enlisted(this.#literal(depth + 1));
      const [item, ...more] = this.#items(']', depth);
      if (item === undefined || more.length > 0) throw new CallError('rank: enlist takes one argument here');
      return enlisted(item);
    }
    if (!this.#take('(')) throw new CallError(NOT_HERE);
    const items = this.#items(')', depth);
    if (items.length > 0) return items.length === 1 ? (items[0] as K) : collected(items);
    this.#skip();
    return this.#take(',') ? enlisted(this.#literal(depth + 1)) : list();
  }

  /** `` `A `` is an atom, `` `A`B `` a vector: what follows without a blank belongs to it. */
  #symbols(): K {
    const names: string[] = [];
    while (this.#peek('`') && !this.#text.startsWith('`$', this.#at)) names.push(this.#match(SYMBOL)?.[1] ?? '');
    return names.length === 1 ? symbol(names[0] as string) : symbols(names);
  }

  #skip(): void {
    this.#match(SPACE);
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #takeSpaced(text: string): boolean {
    this.#skip();
    return this.#take(text);
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new CallError(NOT_HERE);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

/** As q makes it: symbols together are a vector, everything else a list. */
function collected(items: readonly K[]): K {
  const names = items.map((item) => (item.kind === 'atom' && item.type === 'symbol' ? item.value : undefined));
  return names.every((name) => name !== undefined) ? symbols(names) : list(...items);
}

function enlisted(item: K): K {
  return item.kind === 'atom' ? collected([item]) : item.kind === 'vector' && item.type !== 'char' ? item : list(item);
}

/** `` `$"AAPL" `` and `` `$("BRK.A";"BRK B") ``. */
function toSymbols(value: K): K {
  if (value.kind === 'vector' && value.type === 'char') return symbol(textOf(value.values));
  if (value.kind !== 'list') throw new CallError('type: `$ makes symbols of strings here');
  return symbols(
    value.items.map((item) => {
      if (item.kind !== 'vector' || item.type !== 'char') throw new CallError('type: `$ makes symbols of strings here');
      return textOf(item.values);
    }),
  );
}

function numberOf(text: string): bigint {
  if (text.startsWith('0N')) return -(2n ** 63n);
  return BigInt.asIntN(64, BigInt(text.replace(/[ij]$/, '')));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, character: string) => {
    const plain = ESCAPES[character];
    if (plain === undefined) throw new CallError(NOT_HERE);
    return plain;
  });
}
