import { textOf } from '../../../kdb/text.ts';
import type { K } from '../../../kdb/types.ts';
import { CallError } from '../errors.ts';
import type { Call } from './call.ts';
import { parseCallText } from './parse-text.ts';

/** A call of this many characters names more symbols than one request may. */
const LONGEST_TEXT = 1_000_000;

/**
 * The call in a message: a string, a symbol, or a list whose first item names the function, by symbol or string, and whose others
 * are its arguments. @throws CallError: anything else, lambdas above all, is not run.
 */
export function readCall(message: K): Call {
  switch (message.kind) {
    case 'atom':
      if (message.type === 'symbol') return { kind: 'apply', name: message.value, args: [] };
      if (message.type === 'char') return parseCallText(textOf(Uint8Array.of(message.value)));
      break;
    case 'vector':
      if (message.type === 'char') return textCall(message.values);
      // (`.u.sub;`trade;`AAPL): a list of symbols only goes over the wire as a vector.
      if (message.type === 'symbol') {
        const [name, ...args] = message.values;
        if (name !== undefined) return { kind: 'apply', name, args: args.map((value) => ({ kind: 'atom', type: 'symbol', value })) };
      }
      break;
    case 'list': {
      const [first, ...args] = message.items;
      if (first !== undefined) return { kind: 'apply', name: functionName(first), args };
      break;
    }
    case 'lambda':
    case 'compound':
    case 'derived':
    case 'operator':
      throw new CallError('nyi: functions are not run here');
    default:
  }
  throw new CallError('type: a call is a string, or a list that begins with the name of a function');
}

function textCall(bytes: Uint8Array): Call {
  if (bytes.length > LONGEST_TEXT) throw new CallError('limit: a string this long is no call');
  return parseCallText(textOf(bytes));
}

function functionName(first: K): string {
  if (first.kind === 'atom' && first.type === 'symbol') return first.value;
  if (first.kind === 'vector' && first.type === 'char') return textOf(first.values).trim();
  throw new CallError('nyi: functions are called by their names here; nothing is evaluated');
}
