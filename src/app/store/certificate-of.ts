import { type TlsConfig, tlsConfigSchema } from '../../transport/shared/tls/config.ts';
import { ConfigError } from '../config/errors.ts';
import { isLoopback } from '../config/listening.ts';

/** Which certificate a store is to show. */
export interface CertificateOptions {
  readonly host: string;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Make one, and keep it in `data/tls`. */
  readonly tls?: 'generate' | undefined;
  /** Show a generated one beyond this machine. */
  readonly forcePublic?: boolean | undefined;
}

/** A store's TLS; undefined: it speaks plain HTTP. @throws ConfigError where that can't be meant. */
export function certificateOf({ host, tlsCert, tlsKey, tls, forcePublic = false }: CertificateOptions): TlsConfig | undefined {
  if (tls === 'generate') {
    if ((tlsCert ?? tlsKey) !== undefined) throw wrong('--tls', 'either --tls-cert and --tls-key, or --tls generate');
    if (!isLoopback(host) && !forcePublic)
      throw wrong(
        '--tls',
        'a generated certificate is for development, on loopback (127.0.0.1): buyers can not tell who made it. Give --tls-cert and --tls-key (certbot makes them), or add --force-public',
      );
    return tlsConfigSchema.parse({ generate: true, forcePublic, names: isLoopback(host) ? [] : [host] });
  }
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw wrong(tlsCert === undefined ? '--tls-key' : '--tls-cert', 'needs --tls-cert and --tls-key, files in PEM; or --tls generate');
  return tlsConfigSchema.parse({ cert: tlsCert, key: tlsKey });
}

function wrong(source: string, message: string): ConfigError {
  return new ConfigError(source, [{ path: '', at: undefined, message }]);
}
