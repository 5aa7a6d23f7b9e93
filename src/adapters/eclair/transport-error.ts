import { LightningError } from '../../core/lightning/errors.ts';
import { plainCause } from '../shared/redact.ts';

/** Never reached the node: the same call may be made again. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'ENETDOWN',
]);

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there: eclair is not running, still starting, or its API is off',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name can not be resolved now',
  ETIMEDOUT: 'it does not answer',
};

/** The port's error for a request that ended without an answer. */
export function transportError(
  error: unknown,
  place: string,
  operation: string,
  readOnly: boolean,
  secrets: readonly string[],
): LightningError {
  const code = codeOf(error);
  const cause = plainCause(error, secrets);
  if (NOT_SENT.has(code) || isCertificateError(code)) {
    const why = WHY[code] ?? (isCertificateError(code) ? `its certificate is not accepted (${code})` : `it can't be reached (${code})`);
    return new LightningError('UNAVAILABLE', `${place}: ${why}`, { operation, cause });
  }
  return new LightningError('CONNECTION_LOST', `the connection to ${place} ended before the answer (${code})`, {
    operation,
    cause,
    ...(readOnly ? { retry: 'safe' as const } : {}),
  });
}

function codeOf(error: unknown): string {
  const own = (error as { code?: unknown }).code;
  if (typeof own === 'string') return own;
  const inner = (error as { cause?: { code?: unknown } }).cause?.code;
  return typeof inner === 'string' ? inner : 'unknown';
}

function isCertificateError(code: string): boolean {
  return (
    code.includes('CERT') || code.includes('SIGNATURE') || code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO'
  );
}
