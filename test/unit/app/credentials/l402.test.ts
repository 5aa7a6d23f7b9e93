import fc from 'fast-check';
import { importMacaroon, newMacaroon } from 'macaroon';
import { expect, test } from 'vitest';
import { type PaymentHash, paymentHash } from '../../../../src/core/lightning/identifiers.ts';
import { attenuate, l402Credentials } from '../../../../src/credentials/l402.ts';

const hex = (bytes: number, fill: string) => fill.repeat(bytes * 2);
const identifier = { paymentHash: paymentHash(hex(32, 'a')), tokenId: hex(32, 'b') };
const rootKey = hex(32, 'c');
const now = Date.parse('2026-11-20T12:00:00Z');

test('a minted token says whose it is and verifies with its root key only', () => {
  const token = l402Credentials.mint(identifier, rootKey);
  expect(l402Credentials.identify(token)).toEqual(identifier);
  expect(() => l402Credentials.verify(token, rootKey, now)).not.toThrow();
  expect(() => l402Credentials.verify(token, hex(32, 'd'), now)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
});

test('the identifier on the wire is version 0, payment hash, token id', () => {
  const token = importMacaroon(new Uint8Array(Buffer.from(l402Credentials.mint(identifier, rootKey), 'base64')));
  expect(Buffer.from(token.identifier).toString('hex')).toBe(`0000${identifier.paymentHash}${identifier.tokenId}`);
  expect(token.caveats).toEqual([]);
});

test('the token is byte for byte what the macaroon package exports, with caveats too', () => {
  const bytes = new Uint8Array(Buffer.from(`0000${identifier.paymentHash}${identifier.tokenId}`, 'hex'));
  const theirs = newMacaroon({ identifier: bytes, rootKey: new Uint8Array(Buffer.from(rootKey, 'hex')) });
  expect(l402Credentials.mint(identifier, rootKey)).toBe(Buffer.from(theirs.exportBinary()).toString('base64'));
  theirs.addFirstPartyCaveat(`valid_until=${'1'.repeat(200)}`);
  const ours = attenuate(l402Credentials.mint(identifier, rootKey), `valid_until=${'1'.repeat(200)}`);
  expect(ours).toBe(Buffer.from(theirs.exportBinary()).toString('base64'));
});

test('base64 without padding and in the alphabet of URLs is read too', () => {
  const token = l402Credentials.mint({ ...identifier, tokenId: hex(32, 'f') }, rootKey);
  const url = Buffer.from(token, 'base64').toString('base64url');
  expect(l402Credentials.identify(url).tokenId).toBe(hex(32, 'f'));
  expect(() => l402Credentials.verify(url, rootKey, now)).not.toThrow();
});

test('a holder can narrow a token in time, and the earliest time holds', () => {
  const seconds = now / 1000;
  const token = l402Credentials.mint(identifier, rootKey);
  const narrowed = attenuate(token, `valid_until=${seconds + 60}`);
  expect(() => l402Credentials.verify(narrowed, rootKey, now)).not.toThrow();
  expect(() => l402Credentials.verify(narrowed, rootKey, now + 60_000)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
  const widened = attenuate(attenuate(token, `tickerplant_valid_until=${seconds - 1}`), `valid_until=${seconds + 1_000}`);
  expect(() => l402Credentials.verify(widened, rootKey, now)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
  expect(l402Credentials.identify(widened)).toEqual(identifier);
});

test('a caveat that is not understood is refused', () => {
  const token = l402Credentials.mint(identifier, rootKey);
  for (const caveat of [
    'tables=trade',
    'valid_until',
    'valid_until=',
    'valid_until=soon',
    'valid_until=-1',
    '=',
    '',
    'VALID_UNTIL=99999999999',
  ]) {
    expect(() => l402Credentials.verify(attenuate(token, caveat), rootKey, now), caveat).toThrow(
      expect.objectContaining({ code: 'BAD_TOKEN' }),
    );
  }
});

test('a forged token is never told that it has expired', () => {
  const forged = attenuate(l402Credentials.mint(identifier, hex(32, 'e')), 'valid_until=1');
  expect(() => l402Credentials.verify(forged, rootKey, now)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
});

test('what is no token is refused without being repeated', () => {
  for (const text of [
    '',
    'x',
    'hello world',
    '!!!!',
    'AgJ',
    Buffer.from('{"v":2}').toString('base64'),
    'A'.repeat(10_000),
    'AgEEbG9jAgAAAAYA',
  ]) {
    const refuse = () => l402Credentials.identify(text);
    expect(refuse, text.slice(0, 20)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
    try {
      refuse();
    } catch (error) {
      if (text.length > 3) expect(String(error)).not.toContain(text);
    }
  }
});

test('a macaroon of somebody else is not one of ours', () => {
  const other = newMacaroon({ identifier: new Uint8Array(12), rootKey: new Uint8Array(32) });
  expect(() => l402Credentials.identify(Buffer.from(other.exportBinary()).toString('base64'))).toThrow(
    expect.objectContaining({ code: 'BAD_TOKEN' }),
  );
  const v1 = newMacaroon({ identifier: new Uint8Array(66).fill(1), rootKey: new Uint8Array(32) });
  expect(() => l402Credentials.identify(Buffer.from(v1.exportBinary()).toString('base64'))).toThrow(/version 257/);
});

const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));

test('property: no byte of a token can be changed, left out or added', () => {
  fc.assert(
    fc.property(
      hex32,
      hex32,
      hex32,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('change', 'cut', 'add', 'remove'),
      (hash, tokenId, key, at, by, how) => {
        const narrowed = attenuate(
          l402Credentials.mint({ paymentHash: hash as PaymentHash, tokenId }, key),
          `valid_until=${now / 1000 + 60}`,
        );
        const bytes = [...Buffer.from(narrowed, 'base64')];
        const place = at % bytes.length;
        if (how === 'change') bytes[place] = (bytes[place] as number) ^ by;
        else if (how === 'cut') bytes.length = place;
        else if (how === 'add') bytes.splice(place, 0, by);
        else bytes.splice(place, 1);
        const tampered = Buffer.from(bytes).toString('base64');
        fc.pre(tampered !== narrowed);
        expect(() => l402Credentials.verify(tampered, key, now)).toThrow(expect.objectContaining({ code: 'BAD_TOKEN' }));
      },
    ),
    { numRuns: 300 },
  );
});

test('property: whatever text comes, the answer is a refusal with a code', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from([2, ...bytes]).toString('base64')),
      ),
      (text) => {
        expect(() => l402Credentials.verify(text, rootKey, now)).toThrow(
          expect.objectContaining({ name: 'TickerplantError', code: 'BAD_TOKEN' }),
        );
      },
    ),
  );
});
