import { expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import type { QuoteOffer } from '../../../src/core/tickerplant/messages.ts';
import { errorMessage, toTickerplantError } from '../../../src/transport/websocket/errors.ts';
import { isoTime, quoteMessage } from '../../../src/transport/websocket/messages.ts';

const schema = [{ name: 'time', type: 'timestamp' }] as const;
const offer: QuoteOffer = {
  quote: 'q',
  subscription: 's',
  token: 't',
  items: [{ table: 'trade', syms: ['AAPL', 'GOOG'], schema }],
  amountMsat: msat(200_000n),
  invoice: 'lnbc1',
  paymentHash: paymentHash('00'.repeat(32)),
  expiresAt: Date.parse('2026-11-20T14:40:00Z'),
  until: Date.parse('2026-11-21T14:30:00Z') + 0.75,
  node: { id: 'n', uris: ['n@h:9735'] },
};

test('a quote for one table has exactly the fields of the protocol', () => {
  expect(JSON.parse(JSON.stringify(quoteMessage(offer, '1')))).toEqual({
    op: 'quote',
    id: '1',
    quote: 'q',
    subscription: 's',
    token: 't',
    table: 'trade',
    schema: [{ name: 'time', type: 'timestamp' }],
    syms: ['AAPL', 'GOOG'],
    amountMsat: '200000',
    invoice: 'lnbc1',
    paymentHash: '00'.repeat(32),
    expiresAt: '2026-11-20T14:40:00.000Z',
    until: '2026-11-21T14:30:00.000Z',
    node: { id: 'n', uris: ['n@h:9735'] },
  });
});

test('a quote for several tables says which symbols are whose', () => {
  const items = [...offer.items, { table: 'halt', syms: ['AAPL'], schema }];
  expect(JSON.parse(JSON.stringify(quoteMessage({ ...offer, items }, undefined)))).toMatchObject({
    table: '*',
    schema: [],
    syms: ['AAPL', 'GOOG'],
    tables: [
      { table: 'trade', syms: ['AAPL', 'GOOG'], schema },
      { table: 'halt', syms: ['AAPL'], schema },
    ],
  });
});

test('a time beyond the calendar is its last day, not an exception', () => {
  expect(isoTime(Number.POSITIVE_INFINITY)).toBe('+275760-09-13T00:00:00.000Z');
});

test('an amount beyond what a number holds keeps its digits', () => {
  expect(quoteMessage({ ...offer, amountMsat: msat(2_099_999_999_999_999_999n) }, undefined)['amountMsat']).toBe('2099999999999999999');
});

test('what was not meant for buyers is logged and kept from them', () => {
  const logged: unknown[] = [];
  const error = toTickerplantError(new Error('password is hunter2'), { ...silentLogger, error: (fields) => void logged.push(fields) });
  expect(errorMessage(error, '1')).toEqual({
    op: 'error',
    id: '1',
    code: 'INTERNAL',
    message: 'something went wrong here; nothing you did',
    retry: 'later',
  });
  expect(logged).toHaveLength(1);
});

test('a refusal goes out as it is, with its advice', () => {
  expect(errorMessage(new TickerplantError('NODE_UNAVAILABLE', 'the node is away'), 3)).toEqual({
    op: 'error',
    id: 3,
    code: 'NODE_UNAVAILABLE',
    message: 'the node is away',
    retry: 'later',
  });
});
