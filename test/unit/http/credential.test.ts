import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { TickerplantErrorCode } from '../../../src/core/tickerplant/errors.ts';
import { TickerplantError } from '../../../src/core/tickerplant/errors.ts';
import { httpConfigSchema } from '../../../src/transport/http/config.ts';
import { refusalOf } from '../../../src/transport/http/errors.ts';
import { Tickets } from '../../../src/transport/http/tickets.ts';
import { credentialOf } from '../../../src/transport/shared/credential.ts';
import { HTTP_STATUS } from '../../../src/transport/shared/http-status.ts';
import { ManualClock } from '../../integration/websocket/support/run.ts';

const request = (...authorization: readonly string[]) => ({ headersDistinct: { authorization } }) as unknown as IncomingMessage;
const PREIMAGE = 'ab'.repeat(32);
const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };

test('credentials are read in all their forms', () => {
  for (const text of [`L402 AgJC+/==:${PREIMAGE}`, `LSAT AgJC+/==:${PREIMAGE}`, `l402  AgJC+/==,AgJD:${PREIMAGE.toUpperCase()} `]) {
    expect(credentialOf(request(text))).toEqual({ token: 'AgJC+/==', preimage: PREIMAGE });
  }
  expect(credentialOf(request('Bearer AgJC'))).toEqual({ token: 'AgJC', preimage: undefined });
  expect(credentialOf(request('Basic eDp5', 'LSAT AgJC'))).toEqual({ token: 'AgJC', preimage: undefined });
  expect(credentialOf(request('Basic eDp5'))).toBeUndefined();
  expect(credentialOf({ headersDistinct: { macaroon: ['020242'] } } as unknown as IncomingMessage)?.token).toBe('AgJC');
});

test('what can not be read is refused, and not repeated', () => {
  for (const text of ['L402 secret!', 'L402 AgJC:secret', `L402 :${PREIMAGE}`, `LSAT AgJC:${PREIMAGE}00`]) {
    expect(() => credentialOf(request(text))).toThrow(
      expect.objectContaining({ code: 'BAD_TOKEN', message: expect.not.stringContaining('secret') }),
    );
  }
});

test('a ticket is good once, for 30 seconds', () => {
  const clock = new ManualClock();
  let next = 0;
  const tickets = new Tickets(clock, { bytes: (length) => new Uint8Array(length).fill(++next) });
  const credential = { token: 'AgJC', preimage: undefined };
  const { ticket } = tickets.issue(credential);
  expect(tickets.redeem(ticket)).toBe(credential);
  expect(() => tickets.redeem(ticket)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
  const late = tickets.issue(credential);
  clock.advance(30_000);
  expect(() => tickets.redeem(late.ticket)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
});

test('each refusal of the core has its status; what was not foreseen is kept from buyers', () => {
  for (const [code, status] of Object.entries(HTTP_STATUS)) {
    const refusal = refusalOf(new TickerplantError(code as TickerplantErrorCode, 'why'), logger);
    expect([refusal.status, refusal.body.code, refusal.body.message]).toEqual([status, code, 'why']);
    expect('Retry-After' in refusal.headers).toBe(status === 429 || status === 503);
    expect('WWW-Authenticate' in refusal.headers).toBe(status === 401);
  }
  expect(JSON.stringify(refusalOf(new Error('a secret of ours'), logger))).not.toContain('secret');
});

test('metrics need a port of their own or a token, and beyond this machine a token', () => {
  const parse = (metrics: object) => httpConfigSchema.safeParse({ metrics }).success;
  expect(httpConfigSchema.parse({})).toMatchObject({ host: '127.0.0.1', port: 8080, history: 'granted' });
  expect(httpConfigSchema.parse({}).metrics).toBeUndefined();
  expect([parse({}), parse({ host: '0.0.0.0', port: 1 }), parse({ token: 'short' })]).toEqual([false, false, false]);
  expect([parse({ port: 1 }), parse({ token: 'x'.repeat(16) }), parse({ host: '0.0.0.0', port: 1, token: 'x'.repeat(16) })]).toEqual([
    true,
    true,
    true,
  ]);
});
