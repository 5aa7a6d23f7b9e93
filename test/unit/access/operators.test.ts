import { expect, test } from 'vitest';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import { AddressList } from '../../../src/transport/shared/access/address-list.ts';
import {
  digestOf,
  isOperatorToken,
  newOperatorToken,
  Operators,
  type OperatorToken,
} from '../../../src/transport/shared/access/operators.ts';
import type { Origin } from '../../../src/transport/shared/access/origin.ts';

const HERE: Origin = { address: '127.0.0.1', isConfidential: true, isForwarded: false };
const NOW = Date.parse('2026-11-20T12:00:00Z');
const [feed, all, scraper, owner, old] = Array.from({ length: 5 }, () => newOperatorToken()) as [string, string, string, string, string];

function operators(overrides: Partial<ConstructorParameters<typeof Operators>[0]> = {}): { operators: Operators; list: OperatorToken[] } {
  const list: OperatorToken[] = [
    { name: 'feed', role: 'publisher', digest: digestOf(feed), tables: ['trade'] },
    { name: 'all', role: 'publisher', digest: digestOf(all), from: new AddressList(['loopback', '10.0.0.0/8']) },
    { name: 'scraper', role: 'metrics', digest: digestOf(scraper) },
    { name: 'owner', role: 'admin', digest: digestOf(owner) },
    { name: 'old', role: 'publisher', digest: digestOf(old), expires: NOW },
  ];
  return { list, operators: new Operators({ tokens: () => list, from: {}, plainText: false, ...overrides }, { now: () => NOW }) };
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'ok';
  } catch (error) {
    return error instanceof TickerplantError ? error.code : String(error);
  }
};

test('a token is 256 bits, and can be told from a password', () => {
  expect(newOperatorToken()).toMatch(/^tpk_[\w-]{43}$/);
  expect(new Set(Array.from({ length: 100 }, () => newOperatorToken())).size).toBe(100);
  expect([isOperatorToken(feed), isOperatorToken('correct horse')]).toEqual([true, false]);
});

test('each role has what is its own, and an admin reads metrics', () => {
  const { operators: subject } = operators();
  const may = (token: string) =>
    (['publisher', 'metrics', 'admin'] as const).map((role) => codeOf(() => subject.identify(token, role, HERE)));
  expect(may(feed)).toEqual(['ok', 'FORBIDDEN', 'FORBIDDEN']);
  expect(may(scraper)).toEqual(['FORBIDDEN', 'ok', 'FORBIDDEN']);
  expect(may(owner)).toEqual(['FORBIDDEN', 'ok', 'ok']);
  expect(may(old)).toEqual(['TOKEN_EXPIRED', 'TOKEN_EXPIRED', 'TOKEN_EXPIRED']);
  expect(may(`${feed}x`)).toEqual(['BAD_TOKEN', 'BAD_TOKEN', 'BAD_TOKEN']);
  expect(may('')).toEqual(['BAD_TOKEN', 'BAD_TOKEN', 'BAD_TOKEN']);
});

test('a publisher has his tables, until his token is revoked', () => {
  const { operators: subject, list } = operators();
  const publisher = subject.identify(feed, 'publisher', HERE);
  expect(codeOf(() => publisher.assertMayPublish('trade'))).toBe('ok');
  expect(codeOf(() => publisher.assertMayPublish('quote'))).toBe('FORBIDDEN');
  list.splice(0, 1);
  expect(codeOf(() => publisher.assertMayPublish('trade'))).toBe('BAD_TOKEN');
  const reader = subject.identify(owner, 'metrics', HERE);
  expect(codeOf(() => reader.assertMayPublish('trade'))).toBe('FORBIDDEN');
});

test('where it comes from counts: the token’s list, the role’s, and who could have read it', () => {
  const { operators: subject } = operators({ from: { admin: new AddressList(['loopback']) } });
  const from = (origin: Partial<Origin>, token = all, role: 'publisher' | 'admin' = 'publisher') =>
    codeOf(() => subject.identify(token, role, { ...HERE, ...origin }));
  expect(from({ address: '10.1.2.3' })).toBe('ok');
  expect(from({ address: '203.0.113.9' })).toBe('FORBIDDEN');
  expect(from({ address: '10.1.2.3', isConfidential: false })).toBe('FORBIDDEN');
  expect(from({ isForwarded: true })).toBe('FORBIDDEN');
  expect(from({ address: '203.0.113.9' }, owner, 'admin')).toBe('FORBIDDEN');
  expect(from({}, owner, 'admin')).toBe('ok');
  const { operators: lenient } = operators({ plainText: true });
  expect(codeOf(() => lenient.identify(feed, 'publisher', { ...HERE, address: '203.0.113.9', isConfidential: false }))).toBe('ok');
});

test('no message repeats a token', () => {
  const { operators: subject } = operators();
  for (const token of [feed, old, `${feed}x`]) {
    try {
      subject.identify(token, 'admin', HERE);
    } catch (error) {
      expect(String(error)).not.toContain(token);
    }
  }
});
