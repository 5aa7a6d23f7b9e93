import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isThisMachine, limitedAs, plainAddress } from '../../../src/core/tickerplant/address.ts';
import { AddressList, addressesSchema, proxiesOf } from '../../../src/transport/shared/access/address-list.ts';
import { requestOrigin } from '../../../src/transport/shared/access/origin.ts';

const request = (headers: Record<string, string>, remoteAddress: string | undefined = '192.0.2.1'): IncomingMessage =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;
const addressOf = (from: IncomingMessage, trustProxy: boolean | readonly string[]) => requestOrigin(from, proxiesOf(trustProxy)).address;

test('a list has addresses, networks and what the names stand for, and no other', () => {
  const list = new AddressList(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', 'loopback']);
  for (const inside of ['192.0.2.7', '::ffff:192.0.2.7', '10.255.0.1', '2001:db8:1::9', '127.0.0.1', '127.9.9.9', '::1'])
    expect(list.has(inside), inside).toBe(true);
  for (const outside of ['192.0.2.8', '11.0.0.1', '2001:db9::1', 'unknown', '', '10.0.0.1.example'])
    expect(list.has(outside), outside).toBe(false);
  expect(new AddressList(['private']).has('172.31.1.1')).toBe(true);
  expect(new AddressList(['private']).has('172.32.1.1')).toBe(false);
  expect(new AddressList([]).has('127.0.0.1')).toBe(false);
});

test.each(['example.com', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '/8', '2001:db8::/129', '10.0.0/8', ''])(
  '%j is no address',
  (entry) => {
    expect(addressesSchema.safeParse([entry]).success).toBe(false);
  },
);

test('the address is the socket’s, whatever the headers say; that they say something is noticed', () => {
  expect(requestOrigin(request({ 'x-forwarded-for': '10.0.0.1' }), undefined)).toMatchObject({ address: '192.0.2.1', isForwarded: true });
  expect(requestOrigin(request({ 'x-forwarded-for': '10.0.0.1' }), proxiesOf(true))).toMatchObject({
    address: '192.0.2.1',
    isForwarded: true,
  });
  expect(requestOrigin(request({}), undefined)).toMatchObject({ address: '192.0.2.1', isForwarded: false });
});

test('behind a listed proxy it is the last entry that is no proxy of ours', () => {
  const proxies = ['192.0.2.0/24'];
  expect(addressOf(request({ 'x-forwarded-for': '10.0.0.1, 203.0.113.9' }), proxies)).toBe('203.0.113.9');
  expect(addressOf(request({ 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 192.0.2.4' }), proxies)).toBe('203.0.113.9');
  expect(addressOf(request({ 'x-forwarded-for': '192.0.2.9, 192.0.2.4' }), proxies)).toBe('192.0.2.9');
  expect(addressOf(request({ 'x-forwarded-for': '6.6.6.6, nonsense, 192.0.2.4' }), proxies)).toBe('192.0.2.4');
  expect(addressOf(request({ 'x-forwarded-for': 'nonsense' }), proxies)).toBe('192.0.2.1');
  expect(addressOf(request({ 'x-forwarded-for': '[2001:db8::1]:443' }), proxies)).toBe('2001:db8::1');
  expect(addressOf(request({ 'x-forwarded-for': '203.0.113.9:1234' }), proxies)).toBe('203.0.113.9');
  expect(addressOf(request({}), proxies)).toBe('192.0.2.1');
});

test('what a proxy took over TLS is confidential only where the way from it is, too', () => {
  const over = (remote: string, proto: string) =>
    requestOrigin(
      request({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': proto }, remote),
      proxiesOf(['loopback', '192.0.2.0/24']),
    ).isConfidential;
  expect(over('127.0.0.1', 'https')).toBe(true);
  expect(over('127.0.0.1', 'http')).toBe(false);
  expect(over('127.0.0.1', 'https, http')).toBe(false);
  expect(over('192.0.2.1', 'https')).toBe(false);
});

test('nobody can make a listed proxy believe another address than the one it wrote', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), fc.ipV4(), (written, seen) => {
      fc.pre(!seen.startsWith('192.0.2.'));
      expect(addressOf(request({ 'x-forwarded-for': [...written, seen].join(', ') }), ['192.0.2.0/24'])).toBe(seen);
    }),
  );
});

test('one machine has one address, also where IPv4 comes in over IPv6', () => {
  expect(plainAddress('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
  expect([isThisMachine('::ffff:127.0.0.1'), isThisMachine('::1'), isThisMachine('10.0.0.1'), isThisMachine('127.evil')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test('limits count a network of IPv6 as one address', () => {
  expect(limitedAs('203.0.113.9')).toBe('203.0.113.9');
  expect(limitedAs('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  expect(limitedAs('2001:0DB8:1:2::ffff')).toBe('2001:db8:1:2::/64');
  expect(limitedAs('2001:db8::1')).toBe(limitedAs('2001:db8:0:0:9::'));
  expect(limitedAs('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  expect(limitedAs('::2')).not.toBe(limitedAs('1::2'));
});
