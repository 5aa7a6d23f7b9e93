import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { decode } from 'light-bolt11-decoder';
import { parsePaymentRequest } from 'ln-service';
import { expect, test } from 'vitest';
import { publicKey, readInvoice, signInvoice } from '../../../src/adapters/simulated/network/bolt11.ts';
import { MAX_MSAT, msat } from '../../../src/core/lightning/amount.ts';
import { nodeId, paymentHash, shortChannelId } from '../../../src/core/lightning/identifiers.ts';

const secretKey = createHash('sha256').update('a node').digest('hex');
const payee = nodeId(publicKey(secretKey));
const peer = nodeId(publicKey(createHash('sha256').update('its peer').digest('hex')));
const hint = { nodeId: peer, channel: shortChannelId('700123x4x1'), baseFeeMsat: msat(1000), feeRatePpm: 1, cltvDelta: 80 };
const terms = {
  paymentHash: paymentHash('11'.repeat(32)),
  paymentSecret: '22'.repeat(32),
  amountMsat: msat(200_001),
  description: 'Invoice:trade| AAPL GOOGL',
  descriptionHash: undefined,
  createdAt: 1_795_185_000_000,
  expiresAt: 1_795_185_600_000,
  finalCltvDelta: 80,
  routeHints: [[hint]],
};

function sections(request: string): Map<string, unknown> {
  return new Map(decode(request).sections.map((section) => [section.name, 'value' in section ? section.value : undefined]));
}

test('other decoders read an invoice as it was meant', () => {
  const request = signInvoice(terms, secretKey, payee);
  expect(request).toMatch(/^lnbcrt2000010p1/);
  const light = sections(request);
  expect(light.get('amount')).toBe('200001');
  expect(light.get('payment_hash')).toBe(terms.paymentHash);
  expect(light.get('payment_secret')).toBe(terms.paymentSecret);
  expect(light.get('description')).toBe(terms.description);
  expect(light.get('expiry')).toBe(600);
  expect(light.get('min_final_cltv_expiry')).toBe(80);
  expect(light.get('timestamp')).toBe(terms.createdAt / 1000);
  expect(light.get('feature_bits')).toMatchObject({ var_onion_optin: 'required', payment_secret: 'required', basic_mpp: 'supported' });
  expect(light.get('route_hint')).toEqual([
    { pubkey: peer, short_channel_id: '0aaedb0000040001', fee_base_msat: 1000, fee_proportional_millionths: 1, cltv_expiry_delta: 80 },
  ]);
  expect(parsePaymentRequest({ request })).toMatchObject({
    destination: payee,
    id: terms.paymentHash,
    mtokens: '200001',
    network: 'regtest',
    payment: terms.paymentSecret,
    description: terms.description,
    cltv_delta: 80,
    created_at: '2026-11-20T14:30:00.000Z',
    expires_at: '2026-11-20T14:40:00.000Z',
    routes: [[{ public_key: peer }, { public_key: payee, channel: '700123x4x1', base_fee_mtokens: '1000', fee_rate: 1, cltv_delta: 80 }]],
  });
});

test('a description hash stands in place of the description', () => {
  const descriptionHash = createHash('sha256').update('a longer text').digest('hex');
  const request = signInvoice({ ...terms, description: undefined, descriptionHash }, secretKey, payee);
  expect(sections(request).get('description_hash')).toBe(descriptionHash);
  expect(parsePaymentRequest({ request }).description_hash).toBe(descriptionHash);
  expect(readInvoice(request)).toMatchObject({ description: undefined, descriptionHash });
});

test('an invoice without amount or description is read as such', () => {
  const request = signInvoice({ ...terms, amountMsat: undefined, description: '' }, secretKey, payee);
  expect(request).toMatch(/^lnbcrt1/);
  expect(readInvoice(request)).toMatchObject({ amountMsat: undefined, description: '' });
});

test('an invoice in capitals and with a scheme in front is read', () => {
  const request = signInvoice(terms, secretKey, payee);
  expect(readInvoice(`LIGHTNING:${request.toUpperCase()}`)).toEqual(readInvoice(request));
});

test('what is signed is read back, whatever it says', () => {
  const description = fc.string({ unit: 'grapheme', maxLength: 60 });
  const amount = fc.option(fc.bigInt({ min: 1n, max: MAX_MSAT }), { nil: undefined });
  fc.assert(
    fc.property(
      description,
      amount,
      fc.integer({ min: 1, max: 31_536_000 }),
      fc.integer({ min: 1, max: 2016 }),
      (text, amountMsat, expiry, finalCltvDelta) => {
        const said = {
          ...terms,
          description: text,
          amountMsat: amountMsat === undefined ? undefined : msat(amountMsat),
          expiresAt: terms.createdAt + expiry * 1000,
          finalCltvDelta,
        };
        // Half a surrogate pair can't be written in UTF-8.
        const wellFormed = text.toWellFormed();
        expect(readInvoice(signInvoice(said, secretKey, payee))).toEqual({ ...said, description: wellFormed, payee, network: 'regtest' });
      },
    ),
    { numRuns: 40 },
  );
});

test('what is no invoice, or was changed, is refused with a clear code', () => {
  const request = signInvoice(terms, secretKey, payee);
  for (const text of ['', 'lnbcrt', 'hello', `${request}q`, request.replace('2000010p', '2000020p')]) {
    expect(() => readInvoice(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
});
