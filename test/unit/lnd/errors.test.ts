import { expect, test } from 'vitest';
import { toLightningError } from '../../../src/adapters/lnd/client/errors.ts';
import type { LightningErrorCode } from '../../../src/core/lightning/errors.ts';
import { refusals } from './fixtures.ts';

const EXPECTED: Readonly<Record<string, LightningErrorCode>> = {
  'pay-paid': 'ALREADY_EXISTS',
  'pay-in-flight': 'ALREADY_EXISTS',
  'pay-no-amount': 'INVALID_ARGUMENT',
  'pay-own': 'INTERNAL',
  'pay-expired': 'INTERNAL',
  'settle-open': 'CONFLICT',
  'settle-unknown': 'NOT_FOUND',
  'hold-again': 'ALREADY_EXISTS',
  'add-again': 'ALREADY_EXISTS',
  'cancel-settled': 'CONFLICT',
  'cancel-unknown': 'NOT_FOUND',
  'lookup-unknown': 'NOT_FOUND',
  'track-unknown': 'NOT_FOUND',
  'memo-too-long': 'INVALID_ARGUMENT',
  'open-not-connected': 'NOT_FOUND',
  'open-too-small': 'INVALID_ARGUMENT',
  'open-too-much': 'INSUFFICIENT_FUNDS',
  'connect-refused': 'INTERNAL',
  'connect-wrong-key': 'INTERNAL',
  'connect-again': 'ALREADY_EXISTS',
  'disconnect-unknown': 'NOT_FOUND',
  'send-nowhere': 'INVALID_ARGUMENT',
  'send-mainnet-address': 'INVALID_ARGUMENT',
  'send-too-much': 'INSUFFICIENT_FUNDS',
  'send-dust': 'INVALID_ARGUMENT',
  'edge-unknown': 'NOT_FOUND',
  'close-unknown': 'NOT_FOUND',
  'close-peer-away': 'CONFLICT',
  'policy-delta-small': 'INVALID_ARGUMENT',
  'invoice-macaroon': 'UNAUTHENTICATED',
  'other-macaroon': 'UNAUTHENTICATED',
  'broken-macaroon': 'UNAUTHENTICATED',
  'other-certificate': 'UNAUTHENTICATED',
  'not-tls': 'UNAVAILABLE',
  away: 'UNAVAILABLE',
};

test('every refusal that was recorded has a code that was thought of', () => {
  const codes = Object.fromEntries(Object.entries(refusals).map(([name, refusal]) => [name, toLightningError(refusal, 'test').code]));
  expect(codes).toEqual(EXPECTED);
});

test.each([
  ['wallet locked, unlock it to enable full RPC access', 'UNAVAILABLE', /lncli unlock/],
  ['wallet not created, create one to enable full RPC access', 'UNAVAILABLE', /lncli create/],
  ['waiting to start, RPC services not available', 'UNAVAILABLE', /starting/],
  ['the RPC server is in the process of starting up, but not yet ready to accept calls', 'UNAVAILABLE', /starting/],
  ['channels cannot be created before the wallet is fully synced', 'NOT_SYNCED', /synced/],
  ['verification failed: caveat "time-before 2020-01-01T00:00:00Z" not satisfied: macaroon has expired', 'UNAUTHENTICATED', /expired/],
] as const)('lnd saying "%s" is %s', (details, code, message) => {
  const error = toLightningError({ code: 2, details }, 'test');
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test.each([
  ['No connection established. Last error: Error: certificate has expired', 'UNAUTHENTICATED'],
  ["No connection established. Last error: Hostname/IP does not match certificate's altnames", 'UNAUTHENTICATED'],
  ['No connection established. Last error: write EPROTO ... wrong version number', 'PROTOCOL'],
  ['Received HTTP status code 502', 'PROTOCOL'],
  ['Name resolution failed for target dns:nowhere:10009', 'UNAVAILABLE'],
  ['Connection dropped', 'CONNECTION_LOST'],
  ['read ECONNRESET', 'CONNECTION_LOST'],
] as const)('a connection that fails with "%s" is %s', (details, code) => {
  expect(toLightningError({ code: 14, details }, 'test').code).toBe(code);
});

test('what may have taken effect is never called safe to repeat', () => {
  for (const [code, details] of [
    [14, 'Connection dropped'],
    [13, 'Received RST_STREAM with code 2'],
    [4, 'Deadline exceeded'],
    [1, 'Cancelled on client'],
    [2, 'something new'],
  ] as const) {
    expect(toLightningError({ code, details }, 'test').retry).toBe('lookup-first');
  }
});

test("gRPC's own error, with its metadata, is not kept", () => {
  const error = toLightningError({ code: 2, details: 'permission denied', metadata: { macaroon: 'cafe' } }, 'test');
  expect(error.cause).toBeUndefined();
  expect(JSON.stringify({ ...error })).not.toContain('cafe');
});
