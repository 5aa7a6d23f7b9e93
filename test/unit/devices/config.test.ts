import { expect, test } from 'vitest';
import { devicesSchema } from '../../../src/app/config/devices.ts';

const parse = (devices: object) => devicesSchema.safeParse(devices);
const parseItem = (item: unknown, more: object = {}) => parse({ items: { water: item }, ...more });

test('a fixed price, a range, a description and how long an invoice lasts are read; what is left out has its default', () => {
  const parsed = parse({
    items: { water: { msat: '1000..50000', description: 'cold' }, power: { msat: 5000, expiry: '30s' }, sand: { msat: '7 .. 9' } },
  });
  expect(parsed.data).toEqual({
    items: new Map([
      ['water', { minMsat: 1_000n, maxMsat: 50_000n, description: 'cold', expirySeconds: 900 }],
      ['power', { minMsat: 5_000n, maxMsat: 5_000n, description: undefined, expirySeconds: 30 }],
      ['sand', { minMsat: 7n, maxMsat: 9n, description: undefined, expirySeconds: 900 }],
    ]),
    openInvoices: 10_000,
    openInvoicesPerDevice: 64,
    retellMs: 30_000,
  });
});

test('devices’ own expiry holds where an item has none', () => {
  const parsed = parse({ items: { a: { msat: 1 }, b: { msat: 1, expiry: '2m' } }, expiry: '1h', retell: '5s', openInvoices: 7 });
  expect([...(parsed.data?.items.values() ?? [])].map(({ expirySeconds }) => expirySeconds)).toEqual([3_600, 120]);
  expect(parsed.data).toMatchObject({ retellMs: 5_000, openInvoices: 7 });
});

test.each([0, -5, 1.5, '5 sat', '', '5..', '9..7', '0..7', '..7', '1...7', 2 ** 64, '99999999999999999999'])('%j is no price', (msat) => {
  const parsed = parseItem({ msat });
  expect(parsed.error?.issues).toMatchObject([{ path: ['items', 'water', 'msat'] }]);
  expect(parsed.error?.issues[0]?.message).toContain('1000..50000');
});

test.each([
  ['an item without a price', { items: { water: {} } }],
  ['a name with a comma', { items: { 'water,power': { msat: 1 } } }],
  ['a field that there is not', { items: { water: { msat: 1, sat: 1 } } }],
  ['no items at all', {}],
  ['an invoice that is over at once', { items: { water: { msat: 1, expiry: '10ms' } } }],
  ['an invoice that lasts for months', { items: { water: { msat: 1 } }, expiry: '90d' }],
  ['telling again all the time', { items: { water: { msat: 1 } }, retell: '1ms' }],
  ['no unpaid invoice allowed', { items: { water: { msat: 1 } }, openInvoicesPerDevice: 0 }],
])('%s is refused', (_what, devices) => {
  expect(parse(devices).success).toBe(false);
});
