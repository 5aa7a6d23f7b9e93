import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMacaroon } from 'macaroon';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeCertificate } from '../../../regtest/emulated/lnd/certificate.ts';
import { macaroonExpiry } from '../../../src/adapters/lnd/client/inspect-credentials.ts';
import { lnd } from '../../../src/adapters/lnd/definition.ts';

let lndDir: string;
beforeEach(async () => {
  lndDir = await mkdtemp(join(tmpdir(), 'ltp-lnd-'));
});
afterEach(async () => {
  await rm(lndDir, { recursive: true, force: true });
});

function macaroon(...caveats: string[]): Uint8Array {
  const made = newMacaroon({ identifier: Buffer.from('id'), rootKey: Buffer.from('key'), location: 'lnd', version: 2 });
  for (const caveat of caveats) made.addFirstPartyCaveat(caveat);
  return made.exportBinary();
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a macaroon expires at its earliest time-before, and never where it has none', () => {
  expect(macaroonExpiry(hex(macaroon()))).toBeUndefined();
  expect(macaroonExpiry(hex(macaroon('ipaddr 127.0.0.1')))).toBeUndefined();
  const later = 'time-before 2027-01-02T03:04:05.999999999Z';
  expect(macaroonExpiry(hex(macaroon(later, 'time-before 2026-01-02T03:04:05Z')))).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
  expect(macaroonExpiry(hex(macaroon('time-before tomorrow')))).toBeUndefined();
  expect(macaroonExpiry('0201ff')).toBeUndefined();
});

test("lnd's files are read without asking the node; what is missing is named", async () => {
  const config = lnd.configSchema.parse({ kind: 'lnd', lndDir, network: 'regtest', macaroon: 'invoice.macaroon' });
  await expect(lnd.inspectCredentials?.(config)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  const folder = join(lndDir, 'data/chain/bitcoin/regtest');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'invoice.macaroon'), macaroon('time-before 2026-01-02T03:04:05Z'));
  const { cert } = await makeCertificate('alice', new Date());
  await writeFile(join(lndDir, 'tls.cert'), cert);
  expect(await lnd.inspectCredentials?.(config)).toEqual([
    { what: 'macaroon', place: join(folder, 'invoice.macaroon'), expiresAt: Date.UTC(2026, 0, 2, 3, 4, 5) },
    { what: 'certificate', place: join(lndDir, 'tls.cert'), expiresAt: expect.any(Number) },
  ]);
});
