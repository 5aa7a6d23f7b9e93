import { expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import type { QuoteOffer, Terms } from '../../../src/core/tickerplant/messages.ts';
import { isoTime, quoteMessage } from '../../../src/transport/shared/messages.ts';
import { errorMessage, toTickerplantError } from '../../../src/transport/websocket/errors.ts';

const schema = [{ name: 'time', type: 'timestamp' }] as const;
const REPLAY_MS = 86_400_000;
const FLAT: Terms = { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: REPLAY_MS };
const TIME: Terms = { kind: 'time', msat: 5_000n, perMs: 3_600_000, renewBeforeMs: 360_000, graceMs: 30_000, replayMs: REPLAY_MS };
const TICK: Terms = { kind: 'tick', msat: 10n, prepayMsat: 10_000n, topUpBelowMsat: 2_000n, lastsMs: 86_400_000, replayMs: REPLAY_MS };
const offer: QuoteOffer = {
  quote: 'q',
  subscription: 's',
  token: 't',
  items: [{ table: 'trade', syms: ['AAPL', 'GOOG'], schema, terms: FLAT, amountMsat: msat(200_000n) }],
  reason: 'asked',
  amountMsat: msat(200_000n),
  creditMsat: msat(0),
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
    pricing: { kind: 'flat', msat: '100000', lastsMs: 86_400_000 },
    amountMsat: '200000',
    invoice: 'lnbc1',
    paymentHash: '00'.repeat(32),
    expiresAt: '2026-11-20T14:40:00.000Z',
    until: '2026-11-21T14:30:00.000Z',
    node: { id: 'n', uris: ['n@h:9735'] },
  });
});

test('a quote for several tables says which symbols are whose, and at what price', () => {
  const items = [...offer.items, { table: 'halt', syms: ['AAPL'], schema, terms: TICK, amountMsat: msat(10_000n) }];
  const message = JSON.parse(JSON.stringify(quoteMessage({ ...offer, items }, undefined)));
  expect(message).toMatchObject({
    table: '*',
    schema: [],
    syms: ['AAPL', 'GOOG'],
    tables: [
      { table: 'trade', syms: ['AAPL', 'GOOG'], schema, pricing: { kind: 'flat' }, amountMsat: '200000' },
      { table: 'halt', syms: ['AAPL'], schema, pricing: { kind: 'tick', msat: '10', prepayMsat: '10000' }, amountMsat: '10000' },
    ],
  });
  expect(message).not.toHaveProperty('pricing');
});

test('an offer that nobody asked for says why, and how much of the credit it uses', () => {
  const [item] = offer.items;
  const items = item === undefined ? [] : [{ ...item, terms: TIME }];
  const message = quoteMessage({ ...offer, items, reason: 'renewal', creditMsat: msat(7n) }, undefined);
  expect(JSON.parse(JSON.stringify(message))).toMatchObject({
    op: 'quote',
    reason: 'renewal',
    creditMsat: '7',
    pricing: { kind: 'time', msat: '5000', perMs: 3_600_000, graceMs: 30_000 },
  });
  expect(message['id']).toBeUndefined();
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
