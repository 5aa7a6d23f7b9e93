import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ParsedRequest, parseRequest, REQUEST_OPS } from '../../../src/transport/websocket/requests.ts';
import { codePoint } from '../../support/code-point.ts';

const limits = { maxSymbolsPerMessage: 3 };
const parse = (message: unknown): ParsedRequest => parseRequest(typeof message === 'string' ? message : JSON.stringify(message), limits);
const refusal = (message: unknown) => {
  const parsed = parse(message);
  if (parsed.kind !== 'refused') throw new Error('it was taken');
  return { code: parsed.error.code, message: parsed.error.message, id: parsed.id, retry: parsed.error.retry, json: parsed.json };
};

test.each([
  ['sub', { op: 'sub', id: '1', table: 'trade', syms: ['AAPL'] }],
  ['sub for all, with options', { op: 'sub', table: '*', syms: '*', pricing: 'flat', subscription: 's', key: 'k' }],
  ['resume', { op: 'resume', id: 7, token: 't', after: { trade: { epoch: 1, seqs: { AAPL: 16 } } } }],
  ['unsub', { op: 'unsub', id: '3', subscription: 's', table: 'trade', syms: ['GOOG'] }],
  ['ping', { op: 'ping', id: '4' }],
  ['ping without id', { op: 'ping' }],
])('reads %s as it was sent', (_name, message) => {
  expect(parse(message)).toEqual({ kind: 'request', request: message });
});

test('a resume without a position begins nowhere in particular', () => {
  expect(parse({ op: 'resume', token: 't' })).toEqual({ kind: 'request', request: { op: 'resume', token: 't', after: {} } });
});

test('fields that are not known are ignored, so that buyers and sellers can be of different versions', () => {
  expect(parse({ op: 'ping', id: '1', new: true })).toEqual({ kind: 'request', request: { op: 'ping', id: '1' } });
});

test.each([
  ['not JSON', '{"op":"sub"', 'not JSON'],
  ['nothing', '', 'not JSON'],
])('%s is told from JSON that makes no sense', (_name, message, text) => {
  expect(refusal(message)).toMatchObject({ code: 'BAD_REQUEST', json: false, message: expect.stringContaining(text) });
});

test.each(['[]', '1', 'null', '"sub"', 'true'])('%s is JSON but no message', (message) => {
  expect(refusal(message)).toMatchObject({ code: 'BAD_REQUEST', json: true, message: 'a message is a JSON object' });
});

test.each([
  ['op', { id: '1' }, 'op: is missing'],
  ['op', { id: '1', op: 5 }, 'op: must be text'],
  ['table', { id: '1', op: 'sub', syms: '*' }, 'table: is missing'],
  ['table', { id: '1', op: 'sub', table: 7, syms: '*' }, 'table: must be text'],
  ['table', { id: '1', op: 'sub', table: '', syms: '*' }, 'table: must not be empty'],
  ['syms', { id: '1', op: 'sub', table: 'trade' }, 'syms: is missing'],
  ['syms', { id: '1', op: 'sub', table: 'trade', syms: 'AAPL' }, 'syms: must be "*" or a list of symbols'],
  ['syms', { id: '1', op: 'sub', table: 'trade', syms: [] }, 'syms: must name a symbol'],
  ['syms[1]', { id: '1', op: 'sub', table: 'trade', syms: ['AAPL', 5] }, 'syms[1]: must be text'],
  ['syms[0]', { id: '1', op: 'sub', table: 'trade', syms: ['x'.repeat(257)] }, 'syms[0]: must have at most 256 characters'],
  ['pricing', { id: '1', op: 'sub', table: 'trade', syms: '*', pricing: 'tock' }, 'pricing: must be "flat", "time" or "tick"'],
  [
    'pricing',
    { id: '1', op: 'sub', table: 'trade', syms: '*', pricing: { kind: 'tock' } },
    'pricing.kind: must be "flat", "time" or "tick"',
  ],
  ['snapshot', { id: '1', op: 'sub', table: 'trade', syms: '*', snapshot: 'no' }, 'snapshot: must be true or false'],
  ['subscription', { id: '1', op: 'sub', table: 'trade', syms: '*', subscription: null }, 'subscription: must be text'],
  ['key', { id: '1', op: 'sub', table: 'trade', syms: '*', key: 1 }, 'key: must be text'],
  ['token', { id: '1', op: 'resume' }, 'token: is missing'],
  ['token', { id: '1', op: 'resume', token: 'x'.repeat(8193) }, 'token: must have at most 8192 characters'],
  ['after', { id: '1', op: 'resume', token: 't', after: [] }, 'after: must be an object of tables and positions'],
  ['after.trade', { id: '1', op: 'resume', token: 't', after: { trade: 5 } }, 'after.trade: must be an object with epoch and seqs'],
  ['epoch', { id: '1', op: 'resume', token: 't', after: { trade: { epoch: 'x', seqs: {} } } }, 'after.trade.epoch: must be a whole number'],
  ['seqs', { id: '1', op: 'resume', token: 't', after: { trade: { epoch: 1 } } }, 'after.trade.seqs: is missing'],
  [
    'seq',
    { id: '1', op: 'resume', token: 't', after: { trade: { epoch: 1, seqs: { A: -1 } } } },
    'after.trade.seqs.A: must not be negative',
  ],
  [
    'seq',
    { id: '1', op: 'resume', token: 't', after: { trade: { epoch: 1, seqs: { A: 1.5 } } } },
    'after.trade.seqs.A: must be a whole number',
  ],
  ['unsub', { id: '1', op: 'unsub', table: 'trade', syms: '*' }, 'subscription: is missing'],
])('a wrong %s is named: %j', (_field, message, text) => {
  expect(refusal(message)).toEqual({ code: 'BAD_REQUEST', message: text, id: '1', retry: 'never', json: true });
});

test('an unknown operation is named and keeps the id', () => {
  expect(refusal({ op: 'subscribe', id: 9 })).toMatchObject({
    code: 'UNKNOWN_OPERATION',
    id: 9,
    message: 'unknown operation "subscribe"; there are sub, resume, unsub, ping, publish, hello, invoice, ack',
  });
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is no operation', (op) => {
  expect(refusal(`{"op":"${op}","id":"1"}`)).toMatchObject({ code: 'UNKNOWN_OPERATION', id: '1' });
});

test.each([[null], [1.5], [{}], [['1']], ['x'.repeat(129)], [2 ** 53], [true]])('the id %j can not be echoed and is refused', (id) => {
  expect(refusal({ op: 'ping', id })).toMatchObject({ code: 'BAD_REQUEST', id: undefined, message: expect.stringMatching(/^id: /) });
});

test('an id that is too large for a number is not taken for infinity', () => {
  expect(refusal('{"op":"ping","id":1e999}')).toMatchObject({ code: 'BAD_REQUEST', id: undefined });
});

test('more symbols than the limit are refused with the limit', () => {
  expect(refusal({ op: 'sub', id: '1', table: 'trade', syms: ['A', 'B', 'C', 'D'] })).toMatchObject({
    code: 'TOO_MANY',
    message: 'syms: 4 symbols in one message, at most 3; send several, or "*" for all',
  });
});

test('an error does not repeat a token', () => {
  expect(refusal({ op: 'resume', id: '1', token: ['secret-token'] }).message).not.toContain('secret');
});

test('a table or symbol called like a property of objects is just a name', () => {
  const parsed = parse('{"op":"resume","token":"t","after":{"constructor":{"epoch":1,"seqs":{"toString":3}}}}');
  if (parsed.kind !== 'request' || parsed.request.op !== 'resume') throw new Error('it was refused');
  const { after } = parsed.request;
  expect(after['constructor']?.seqs['toString']).toBe(3);
  expect(after['toString']).toBeUndefined();
  expect(after['constructor']?.seqs['valueOf']).toBeUndefined();
});

const fields = fc.record(
  {
    op: fc.oneof(fc.constantFrom(...REQUEST_OPS), fc.string(), fc.jsonValue()),
    id: fc.oneof(fc.string(), fc.integer(), fc.jsonValue()),
    table: fc.oneof(fc.string(), fc.jsonValue()),
    syms: fc.oneof(fc.constant('*'), fc.array(fc.string()), fc.jsonValue()),
    token: fc.oneof(fc.string(), fc.jsonValue()),
    subscription: fc.oneof(fc.string(), fc.jsonValue()),
    key: fc.oneof(fc.string(), fc.jsonValue()),
    after: fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.record({ epoch: fc.nat(), seqs: fc.dictionary(fc.string(), fc.nat()) }))),
  },
  { requiredKeys: [] },
);

test('whatever is sent, the parser answers: a request or a refusal that says why', () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.string({ unit: codePoint }),
    fc.json(),
    fields.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(anyText, (message) => {
      const parsed = parseRequest(message, limits);
      if (parsed.kind === 'request') return REQUEST_OPS.includes(parsed.request.op);
      return parsed.error.message.length > 0 && parsed.error.message.length < 1000;
    }),
    { numRuns: 1500 },
  );
});

test('deeply nested JSON does not overflow the stack', () => {
  const depth = 30_000;
  expect(refusal(`${'['.repeat(depth)}${']'.repeat(depth)}`).code).toBe('BAD_REQUEST');
  const inSyms = `{"op":"sub","id":"1","table":"trade","syms":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(refusal(inSyms).message).toMatch(/^syms/);
});
