import { randomUUID, webcrypto, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../../core/ports/logger.ts';

const KEYS = { name: 'ECDSA', namedCurve: 'P-256' };
const DAY_MS = 86_400_000;
/** Longer is refused by some clients (Apple's since 2020: 398 days). */
const LASTS_MS = 397 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Clocks of clients may be behind. */
const FROM_BEFORE_MS = DAY_MS;

/** Files in PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate is made for. */
export interface GenerateOptions {
  readonly dir: string;
  /** Beside `localhost`, loopback and this machine's name. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly logger: Logger;
}

/**
 * A certificate of one's own for development, `cert.pem` and `key.pem` in `dir`: the one that is there, or a new one where there is none, where
 * it is about to end, or is not for all the names. Clients trust it by being given `cert.pem`. The key's file is for its owner alone.
 */
export async function generatedCertificate({ dir, names, now, logger }: GenerateOptions): Promise<CertificateFiles> {
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  const wanted = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...names])];
  if (await isGood(files, wanted, now)) return files;
  const made = await makeCertificate(wanted, now);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await write(files.key, made.key);
  await write(files.cert, made.cert);
  logger.warn(
    { cert: files.cert },
    'a certificate for development was made: nobody has signed it, so clients must be given this file (--ca)',
  );
  return files;
}

async function isGood({ cert, key }: CertificateFiles, names: readonly string[], now: number): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(cert));
    await readFile(key);
    const lasts = Date.parse(certificate.validTo) - now > RENEW_BEFORE_MS;
    return lasts && names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined);
  } catch {
    return false;
  }
}

/** Whole or not at all: who reads while it is written, or after a crash, finds the old one or the new one. */
async function write(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

async function makeCertificate(names: readonly string[], now: number): Promise<CertificateFiles> {
  // Loaded here: nobody else needs it, and its decorators want the polyfill before it.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=tickerplant for development, CN=localhost',
    notBefore: new Date(now - FROM_BEFORE_MS),
    notAfter: new Date(now - FROM_BEFORE_MS + LASTS_MS),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys,
    extensions: [
      // An authority for itself alone: who trusts the file trusts this server, and no certificate that its key might sign for another name.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}
