import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { websocketConfigSchema } from '../../../src/transport/websocket/config.ts';
import { pathOf, refusalOf } from '../../../src/transport/websocket/upgrade.ts';

const request = (headers: Record<string, string>, remoteAddress: string | undefined = '192.0.2.1', url = '/'): IncomingMessage =>
  ({ headers, url, socket: { remoteAddress } }) as unknown as IncomingMessage;

test('a path stands before its query', () => {
  expect(pathOf(request({}, undefined, '/ticks?x=/y'))).toBe('/ticks');
});

test('any page may connect unless origins are named; programs without an origin always may', () => {
  const only = { allowedOrigins: ['https://example.com'] };
  expect(refusalOf(request({ origin: 'https://evil.example' }), {}, 0)).toBeUndefined();
  expect(refusalOf(request({ origin: 'https://evil.example' }), only, 0)).toMatchObject({ status: 403 });
  expect(refusalOf(request({ origin: 'https://example.com' }), only, 0)).toBeUndefined();
  expect(refusalOf(request({}), only, 0)).toBeUndefined();
});

test('connections over the limit are refused', () => {
  expect(refusalOf(request({}), { maxConnections: 2 }, 1)).toBeUndefined();
  expect(refusalOf(request({}), { maxConnections: 2 }, 2)).toMatchObject({ status: 503 });
});

test('the config has the documented defaults', () => {
  expect(websocketConfigSchema.parse({})).toEqual({
    host: '127.0.0.1',
    port: 5010,
    maxMessageBytes: 65_536,
    maxPublishBytes: 16_777_216,
    maxBufferedBytes: 2_097_152,
    heartbeatSeconds: 15,
    compression: false,
    maxSymbolsPerMessage: 5_000,
    maxRequestsInFlight: 32,
    closeTimeoutSeconds: 5,
    trustProxy: false,
  });
});

test.each([[{ prot: 1 }], [{ port: 70_000 }], [{ path: 'ticks' }], [{ heartbeatSeconds: 0 }], [{ maxConnections: 0 }]])(
  'the config %j is refused',
  (config) => {
    expect(websocketConfigSchema.safeParse(config).success).toBe(false);
  },
);
