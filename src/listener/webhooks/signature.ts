import { createHmac } from 'node:crypto';

/** The headers that a webhook's receiver checks, as Standard Webhooks 1.0 names them (https://www.standardwebhooks.com). */
export interface SignedHeaders {
  /** The same for the same event: the idempotency key. */
  readonly 'webhook-id': string;
  /** Seconds since 1970 at which this post was signed. */
  readonly 'webhook-timestamp': string;
  /** `v1,` and the signature in base64. */
  readonly 'webhook-signature': string;
}

/** Signs a post: HMAC-SHA256 over `id.timestamp.body`. `now`: milliseconds since 1970. */
export function sign(secret: string, id: string, now: number, body: string): SignedHeaders {
  const timestamp = String(Math.floor(now / 1000));
  const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

/** `whsec_…` is base64, as the libraries for Standard Webhooks take it; any other text is itself. */
function keyOf(secret: string): Buffer {
  const prefix = 'whsec_';
  return secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret, 'utf8');
}
