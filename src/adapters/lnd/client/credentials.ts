import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LightningError } from '../../../core/lightning/errors.ts';
import type { LndConnection, Source } from './config.ts';

/** What opens a connection; secrets, never shown. */
export interface Credentials {
  /** Hex. */
  readonly macaroon: string;
  /** Base64 of the PEM; undefined: the machine's authorities. */
  readonly cert: string | undefined;
}

const OPERATION = 'connect';

/**
 * Reads macaroon and certificate from where they are now.
 * @throws LightningError `UNAUTHENTICATED` (missing or unreadable, which one and where), `WRONG_NETWORK` (lnd keeps a macaroon
 * of this name for another network).
 */
export async function readCredentials(connection: LndConnection): Promise<Credentials> {
  const macaroon = toHex(await read(connection.macaroon, 'macaroon', () => otherNetwork(connection)));
  if (macaroon === undefined) throw refused('the macaroon is neither a macaroon file nor hex nor base64');
  if (connection.cert === undefined) return { macaroon, cert: undefined };
  const cert = toPem(await read(connection.cert, 'certificate'));
  if (cert === undefined) throw refused('the certificate is not in PEM format (-----BEGIN CERTIFICATE-----)');
  return { macaroon, cert: Buffer.from(cert).toString('base64') };
}

async function read(source: Source, what: string, explain?: () => LightningError | undefined): Promise<Buffer> {
  if ('value' in source) return Buffer.from(source.value);
  if ('env' in source) {
    const value = process.env[source.env];
    if (value === undefined || value === '') throw refused(`the environment variable ${source.env} for the ${what} is not set`);
    return Buffer.from(value);
  }
  try {
    return await readFile(source.file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw explain?.() ?? refused(`there is no ${what} at ${source.file}: has lnd been started, and is the path right?`);
    throw refused(`the ${what} at ${source.file} can't be read (${code ?? 'unknown'})`);
  }
}

function otherNetwork({ macaroon, network, chainDir }: LndConnection): LightningError | undefined {
  if (!('file' in macaroon) || dirname(dirname(macaroon.file)) !== chainDir) return undefined;
  const name = basename(macaroon.file);
  const others = ['mainnet', 'testnet', 'testnet4', 'signet', 'simnet', 'regtest'].filter((other) =>
    existsSync(join(chainDir, other, name)),
  );
  if (others.length === 0) return undefined;
  return new LightningError('WRONG_NETWORK', `lnd has no ${name} for ${network}, but for ${others.join(' and ')}: set network`, {
    operation: OPERATION,
  });
}

/** A macaroon file is binary; a literal is hex or base64. Macaroons of version 2 begin with the byte 2. */
function toHex(bytes: Buffer): string | undefined {
  if (bytes[0] === 2) return bytes.toString('hex');
  const text = bytes.toString('utf8').trim();
  if (/^02(?:[0-9a-fA-F]{2})+$/.test(text)) return text.toLowerCase();
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64');
  return decoded[0] === 2 ? decoded.toString('hex') : undefined;
}

function toPem(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8').trim();
  const candidates = [text, Buffer.from(text, 'base64').toString('utf8'), Buffer.from(text, 'hex').toString('utf8')];
  return candidates.find((candidate) => candidate.includes('-----BEGIN CERTIFICATE-----'));
}

function refused(message: string): LightningError {
  return new LightningError('UNAUTHENTICATED', message, { operation: OPERATION });
}
