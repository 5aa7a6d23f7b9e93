import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nsToTimespan, nsToTimestamp, timestampToNs } from '../../../src/core/tickerplant/times.ts';
import { chars } from '../../../src/kdb/build.ts';
import { KdbCodecError } from '../../../src/kdb/errors.ts';
import { Framing } from '../../../src/kdb/framing.ts';
import { encodeMessage } from '../../../src/kdb/message.ts';
import { dateOfDays, daysOfDate, KDB_EPOCH_NS, nsOfTimespan, nsOfTimestamp, timestampOfNs } from '../../../src/kdb/times.ts';
import { type KdbConfig, kdbConfigSchema } from '../../../src/transport/kdb/config.ts';
import { accessOf, parseHandshake } from '../../../src/transport/kdb/login.ts';
import { SymbolPosition } from '../../../src/transport/kdb/symbol-position.ts';
import { Wanted } from '../../../src/transport/kdb/wanted.ts';

test('times are the same here as in the core, to the nanosecond', () => {
  const limit = 2n ** 63n - 2n;
  fc.assert(
    fc.property(fc.bigInt({ min: -limit, max: limit }), (ns) => {
      const text = nsToTimestamp(ns + KDB_EPOCH_NS);
      expect(nsOfTimestamp(text)).toBe(ns);
      expect(timestampToNs(text) - KDB_EPOCH_NS).toBe(ns);
      expect(timestampOfNs(ns)).toBe(text);
      expect(nsOfTimespan(nsToTimespan(ns))).toBe(ns);
    }),
    { numRuns: 1_000 },
  );
  fc.assert(
    fc.property(fc.integer({ min: -700_000, max: 2_900_000 }), (days) => {
      expect(daysOfDate(dateOfDays(days))).toBe(days);
    }),
  );
});

test('messages are found in the stream however it is cut', () => {
  const messages = ['a', 'bb', 'c'.repeat(300), ''].map((text) => encodeMessage('sync', chars(text)));
  const stream = Buffer.concat(messages);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
      const framing = new Framing(1_000);
      const found: string[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] as number;
        framing.push(stream.subarray(at, at + size));
        at += size;
        for (let message = framing.next(); message !== undefined; message = framing.next())
          found.push(Buffer.from(message).toString('hex'));
      }
      expect(found).toEqual(messages.map((message) => Buffer.from(message).toString('hex')));
    }),
  );
});

test('a message over the limit is refused at its header', () => {
  const framing = new Framing(100);
  framing.push(encodeMessage('sync', chars('x'.repeat(200))).subarray(0, 8));
  expect(() => framing.next()).toThrow(KdbCodecError);
});

test('logins', () => {
  const login = (text: string, ...rest: number[]) => parseHandshake(Buffer.from([...Buffer.from(text), ...rest]));
  expect(login('user:pass', 3)).toEqual({ user: 'user', password: 'pass', capability: 3 });
  expect(login('user:pa:ss', 6)).toEqual({ user: 'user', password: 'pa:ss', capability: 3 });
  expect(login('anonymous', 3)).toEqual({ user: 'anonymous', password: '', capability: 3 });
  expect(login('user:pass')).toEqual({ user: 'user', password: 'pass', capability: 0 });
  expect(login('')).toEqual({ user: '', password: '', capability: 0 });
});

test('who comes in as what', () => {
  const as = (user: string, password: string, config: Pick<KdbConfig, 'users' | 'publishers'>) =>
    accessOf({ user, password, capability: 3 }, config).kind;
  const token = 'AgJC'.repeat(50);
  const publishers = [{ user: 'feed', password: 'long-enough' }];
  const open = { publishers };
  expect(as('x', 'y', open)).toBe('buyer');
  expect(as('x', token, open)).toBe('token');
  expect(as('feed', 'long-enough', open)).toBe('publisher');
  expect(as('feed', token, open)).toBe('refused');
  expect(as('feed', '', open)).toBe('refused');
  const closed = { publishers, users: [{ user: 'alice', password: 'correct horse' }] };
  expect(as('alice', 'correct horse', closed)).toBe('buyer');
  expect(as('alice', 'correct hors', closed)).toBe('refused');
  expect(as('bob', 'correct horse', closed)).toBe('refused');
  expect(as('bob', token, closed)).toBe('token');
});

test('a position is what was taken so long ago that the client must have got it', () => {
  const position = new SymbolPosition('trade', 'AAPL', 1);
  const minutes = 60_000;
  expect(position.received('closed', 0)).toBeUndefined();
  position.drained(10, 0);
  expect(position.received('closed', 4_999)).toBeUndefined();
  expect(position.received('closed', 5_000)).toBe(10);
  expect(position.received('broken', 5_000)).toBeUndefined();
  position.drained(11, 6_000);
  expect(position.received('closed', 6_001)).toBe(10);
  expect(position.received('closed', 11_000)).toBe(11);
  expect(position.received('broken', 16 * minutes)).toBe(10);
  expect(position.received('broken', 100 * minutes)).toBe(10);
  for (let i = 12; i < 4_000; i++) position.drained(i, i * 1_000);
  const now = 4_000_000;
  const behind = (ending: 'closed' | 'broken') => 3_999 - (position.received(ending, now) as number);
  expect(behind('closed')).toBeGreaterThanOrEqual(4);
  expect(behind('closed')).toBeLessThanOrEqual(10);
  expect(behind('broken')).toBeGreaterThanOrEqual(16 * 60 - 1);
  expect(behind('broken')).toBeLessThanOrEqual(32 * 60);
});

test('what is wanted', () => {
  const wanted = new Wanted();
  expect(wanted.add('trade', ['A'])).toBe(true);
  expect(wanted.add('trade', ['A'])).toBe(false);
  expect(wanted.add('*', ['B'])).toBe(true);
  expect([wanted.has('trade', 'A'), wanted.has('trade', 'B'), wanted.has('quote', 'A'), wanted.has('quote', 'B')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(wanted.add('quote', '*')).toBe(true);
  expect(wanted.has('quote', 'Z')).toBe(true);
  expect(wanted.add('*', '*')).toBe(true);
  expect(wanted.add('trade', ['C'])).toBe(false);
  expect(wanted.has('any', 'Z')).toBe(true);
});

test('the config: safe unless told otherwise', () => {
  expect(kdbConfigSchema.parse({})).toMatchObject({ host: '127.0.0.1', port: 5011, publishers: [] });
  expect(() => kdbConfigSchema.parse({ publishers: [{ user: 'a', password: 'short' }] })).toThrow(/at least 8/);
  expect(() => kdbConfigSchema.parse({ publishers: [{ user: 'a:b', password: 'long-enough' }] })).toThrow(/colon/);
  const login = { user: 'a', password: 'long-enough' };
  expect(() => kdbConfigSchema.parse({ users: [login, login] })).toThrow(/twice/);
  expect(() => kdbConfigSchema.parse({ users: [login], publishers: [login] })).toThrow(/publisher too/);
  expect(() => kdbConfigSchema.parse({ prot: 1 })).toThrow(/prot/);
});
