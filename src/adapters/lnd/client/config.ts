import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Network } from '../../../core/lightning/common.ts';

/**
 * Where a secret or a certificate comes from: a file, which is read again at every connect so that a rotated one is picked
 * up, an environment variable, or the text itself.
 */
export type Source = { readonly file: string } | { readonly env: string } | { readonly value: string };

/** The config of `kind: lnd`, after parsing. All of it has lnd's own usual places as default. */
export interface LndConfig {
  readonly kind: 'lnd';
  /** lnd's folder, `~/.lnd` unless given. */
  readonly lndDir: string;
  /** `mainnet` unless given. */
  readonly network: Network;
  /** `host`, `host:port`, `[ipv6]:port`; 127.0.0.1:10009 unless given. */
  readonly host: string;
  /** A file's name in the network's folder of `lndDir`, a path, or a {@link Source}; `admin.macaroon` unless given. */
  readonly macaroon: string | Source;
  /** The macaroon itself, hex or base64, instead of `macaroon`. */
  readonly macaroonHex?: string | undefined;
  /** lnd's certificate, which alone is trusted: a path, a {@link Source}, or `system` for the machine's authorities. `lndDir`'s `tls.cert` unless given. */
  readonly cert?: string | Source | undefined;
  /** The certificate itself, PEM, instead of `cert`. */
  readonly certPem?: string | undefined;
}

const source: z.ZodType<Source> = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable') }),
  z.strictObject({ value: z.string().min(1) }),
]);

/** Reads {@link LndConfig}. */
export const lndConfigSchema: z.ZodType<LndConfig> = z
  .strictObject({
    kind: z.literal('lnd'),
    lndDir: z.string().min(1).default('~/.lnd'),
    network: z.enum(['mainnet', 'testnet', 'testnet4', 'signet', 'simnet', 'regtest']).default('mainnet'),
    host: z.string().min(1).default('127.0.0.1:10009'),
    macaroon: z.union([z.string().min(1), source]).default('admin.macaroon'),
    macaroonHex: z.string().min(1).optional(),
    cert: z.union([z.string().min(1), source]).optional(),
    certPem: z.string().min(1).optional(),
  })
  .superRefine(({ host }, context) => {
    if (parseHost(host) === undefined) {
      context.addIssue({ code: 'custom', path: ['host'], message: 'write host, host:port or [ipv6]:port, without https://' });
    }
  });

/** A config with all that is relative resolved. */
export interface LndConnection {
  /** `host:port` as gRPC takes it. */
  readonly socket: string;
  readonly network: Network;
  readonly macaroon: Source;
  /** Undefined: the machine's authorities. */
  readonly cert: Source | undefined;
  /** Where the macaroon is looked for by name: `<lndDir>/data/chain/bitcoin`. */
  readonly chainDir: string;
}

/** Resolves a config's paths and defaults. */
export function toConnection(config: LndConfig): LndConnection {
  const lndDir = path(config.lndDir);
  const chainDir = join(lndDir, 'data/chain/bitcoin');
  return {
    socket: parseHost(config.host) ?? config.host,
    network: config.network,
    macaroon:
      config.macaroonHex === undefined ? macaroonSource(config.macaroon, join(chainDir, config.network)) : { value: config.macaroonHex },
    cert: config.certPem === undefined ? certSource(config.cert, lndDir) : { value: config.certPem },
    chainDir,
  };
}

function macaroonSource(macaroon: LndConfig['macaroon'], networkDir: string): Source {
  if (typeof macaroon !== 'string') return 'file' in macaroon ? { file: path(macaroon.file) } : macaroon;
  const isName = !macaroon.includes('/') && !macaroon.includes('\\') && !isAbsolute(macaroon);
  return { file: isName ? join(networkDir, macaroon) : path(macaroon) };
}

function certSource(cert: LndConfig['cert'], lndDir: string): Source | undefined {
  if (cert === undefined) return { file: join(lndDir, 'tls.cert') };
  if (cert === 'system') return undefined;
  if (typeof cert === 'string') return { file: path(cert) };
  return 'file' in cert ? { file: path(cert.file) } : cert;
}

function path(text: string): string {
  return text === '~' || text.startsWith('~/') ? join(homedir(), text.slice(1)) : resolve(text);
}

/** `host:port` as gRPC takes it; undefined where it can't be read. An IPv6 address without port may go without brackets. */
function parseHost(host: string): string | undefined {
  const bracketed = /^\[([0-9a-fA-F:.%\w]+)\](?::(\d{1,5}))?$/.exec(host);
  if (bracketed !== null) return withPort(`[${bracketed[1]}]`, bracketed[2]);
  if (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(host)) return withPort(`[${host}]`, undefined);
  const plain = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(host);
  return plain === null ? undefined : withPort(plain[1] ?? '', plain[2]);
}

function withPort(host: string, port = '10009'): string | undefined {
  return Number(port) > 0 && Number(port) < 65_536 ? `${host}:${port}` : undefined;
}
