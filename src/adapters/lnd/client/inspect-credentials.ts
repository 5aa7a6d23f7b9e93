import { X509Certificate } from 'node:crypto';
import { importMacaroon } from 'macaroon';
import type { CredentialFact } from '../../shared/definition.ts';
import type { LndConnection, Source } from './config.ts';
import { readCredentials } from './credentials.ts';

/**
 * When macaroon and certificate expire, by what stands in them. lnd bakes `time-before` into a macaroon that was asked to
 * expire (`lncli bakemacaroon --timeout`), and its own certificate lasts 14 months.
 * @throws LightningError as `readCredentials` does.
 */
export async function inspectCredentials(connection: LndConnection): Promise<readonly CredentialFact[]> {
  const { macaroon, cert } = await readCredentials(connection);
  const facts: CredentialFact[] = [{ what: 'macaroon', place: placeOf(connection.macaroon), expiresAt: macaroonExpiry(macaroon) }];
  if (cert !== undefined && connection.cert !== undefined) {
    facts.push({ what: 'certificate', place: placeOf(connection.cert), expiresAt: certificateExpiry(cert) });
  }
  return facts;
}

/** The earliest `time-before` of a macaroon in hex, milliseconds since 1970; undefined where it has none or can't be read. */
export function macaroonExpiry(hex: string): number | undefined {
  let earliest: number | undefined;
  try {
    for (const { identifier } of importMacaroon(Buffer.from(hex, 'hex')).caveats) {
      const [, time] = /^time-before (.+)$/.exec(Buffer.from(identifier).toString('utf8')) ?? [];
      const at = time === undefined ? Number.NaN : Date.parse(time);
      if (!Number.isNaN(at) && (earliest === undefined || at < earliest)) earliest = at;
    }
  } catch {
    // lnd will say what it thinks of it.
  }
  return earliest;
}

function certificateExpiry(base64: string): number | undefined {
  try {
    const at = Date.parse(new X509Certificate(Buffer.from(base64, 'base64')).validTo);
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}

function placeOf(source: Source): string {
  if ('file' in source) return source.file;
  return 'env' in source ? `the environment variable ${source.env}` : 'the config';
}
