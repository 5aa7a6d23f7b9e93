import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chars, list, long, symbol, symbols } from '../../../src/kdb/build.ts';
import { symbolsOf, tableOf } from '../../../src/transport/kdb/calls/arguments.ts';
import { parseCallText } from '../../../src/transport/kdb/calls/parse-text.ts';
import { readCall } from '../../../src/transport/kdb/calls/read-call.ts';
import { CallError } from '../../../src/transport/kdb/errors.ts';
import { codePoint } from '../../support/code-point.ts';
import { anyValue } from './support/arbitrary.ts';

const sub = (...args: unknown[]) => ({ kind: 'apply', name: '.u.sub', args });

test('calls in strings', () => {
  expect(parseCallText('.u.sub[`trade;`]')).toEqual(sub(symbol('trade'), symbol('')));
  expect(parseCallText('.u.sub[`trade;`AAPL`BRK.B]')).toEqual(sub(symbol('trade'), symbols(['AAPL', 'BRK.B'])));
  expect(parseCallText('.u.sub["trade";("AAPL";"A \\"B\\"")]')).toEqual(sub(chars('trade'), list(chars('AAPL'), chars('A "B"'))));
  expect(parseCallText('.u.sub[`trade;`$("A B";"C")]')).toEqual(sub(symbol('trade'), symbols(['A B', 'C'])));
  expect(parseCallText('.u.sub[`trade;enlist[`A]]')).toEqual(sub(symbol('trade'), symbols(['A'])));
  expect(parseCallText('.u.sub[`trade;(),`A]')).toEqual(sub(symbol('trade'), symbols(['A'])));
  expect(parseCallText('.u.sub[`trade;`symbol$()]')).toEqual(sub(symbol('trade'), symbols([])));
  expect(parseCallText('tables[]')).toEqual({ kind: 'apply', name: 'tables', args: [] });
  expect(parseCallText('meta trade')).toEqual({ kind: 'apply', name: 'meta', args: [symbol('trade')] });
  expect(parseCallText('.u `i`L')).toEqual({ kind: 'apply', name: '.u', args: [symbols(['i', 'L'])] });
  expect(parseCallText('`.u[`i`L]')).toEqual({ kind: 'apply', name: '.u', args: [symbols(['i', 'L'])] });
  expect(parseCallText('-5')).toEqual({ kind: 'value', value: long(-5n) });
});

test('lists of calls, and calls one after the other', () => {
  expect(parseCallText('(.u.sub[`;`];.u `i`L)')).toEqual({
    kind: 'list',
    calls: [sub(symbol(''), symbol('')), { kind: 'apply', name: '.u', args: [symbols(['i', 'L'])] }],
  });
  expect(parseCallText('(.u.t)')).toEqual({ kind: 'apply', name: '.u.t', args: [] });
  const both = [sub(symbol('a'), symbol('')), sub(symbol('b'), symbol(''))];
  expect(parseCallText('.u.sub[`a;`]; .u.sub[`b;`]')).toEqual({ kind: 'sequence', calls: both, silent: false });
  expect(parseCallText('.u.sub[`a;`]; .u.sub[`b;`];')).toEqual({ kind: 'sequence', calls: both, silent: true });
});

test.each([
  '.u.sub[`a;`',
  '.u.sub[`a;`]]',
  '.u.sub[f x;`]',
  '.u.sub[.z.w;`]',
  'f:{x}',
  '{x}[1]',
  'a+b',
  '1+1',
  '(`a;',
  '"unended',
  '"\\x"',
  '`a`b set 1',
  '@[f;x]',
  '\\l file',
  'k)x',
  '.u.sub[`a;`] x',
  '((((((((((`a))))))))))',
])('%s is no call', (text) => {
  expect(() => parseCallText(text)).toThrow(CallError);
});

test('whatever comes is a call or a CallError, and takes no time', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    '[',
    ']',
    ';',
    '`',
    '`$',
    '"',
    '.u',
    '.u.sub',
    ' ',
    'a',
    '1',
    '0N',
    ',',
    '::',
    '\\',
    'enlist',
    '$',
    '{',
  );
  const texts = fc.oneof(
    fc.string({ unit: codePoint }),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  );
  const parsed = (text: string) => {
    try {
      parseCallText(text);
    } catch (error) {
      expect(error).toBeInstanceOf(CallError);
    }
  };
  fc.assert(fc.property(texts, parsed), { numRuns: 3_000 });
  const begun = performance.now();
  for (const text of [
    '('.repeat(200_000),
    '`'.repeat(200_000),
    '"'.repeat(200_001),
    '`a'.repeat(200_000),
    '\\"'.repeat(200_000),
    ' '.repeat(200_000),
  ])
    parsed(text);
  expect(performance.now() - begun).toBeLessThan(2_000);
});

test('every value is a call or a CallError', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      try {
        readCall(value);
      } catch (error) {
        expect(error).toBeInstanceOf(CallError);
      }
    }),
    { numRuns: 500 },
  );
});

test('the null symbol is everything, whatever form it has', () => {
  for (const all of [symbol(''), symbols(['']), chars(''), list(symbol('')), { kind: 'unary', code: 0 } as const])
    expect(symbolsOf(all)).toBe('*');
  expect(tableOf(symbol(''))).toBe('*');
  expect(symbolsOf(symbols([]))).toEqual([]);
  expect(() => symbolsOf(long(1n))).toThrow(CallError);
  expect(() => symbolsOf(undefined)).toThrow(CallError);
  expect(() => tableOf(symbols(['a', 'b']))).toThrow(CallError);
});
