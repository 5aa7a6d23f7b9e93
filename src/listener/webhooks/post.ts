import { setTimeout as later } from 'node:timers';
import type { SignedHeaders } from './signature.ts';

/** How a post went. `retryAfterMs`: what the receiver asked for. `gone`: it wants no more of these (410). */
export type PostOutcome =
  | { readonly taken: true }
  | { readonly taken: false; readonly reason: string; readonly gone: boolean; readonly retryAfterMs: number | undefined };

/** What is posted. */
export interface Post {
  readonly url: string;
  readonly headers: SignedHeaders;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const LONGEST_RETRY_AFTER_S = 3600;

/** Posts once. Redirects are not followed: where the events go is the config's word alone. Never throws. */
export async function post({ url, headers, body, timeoutMs, signal }: Post): Promise<PostOutcome> {
  const late = new AbortController();
  const timer = later(() => late.abort(), timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
      headers: {
        ...headers,
        'idempotency-key': headers['webhook-id'],
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'lightning-tickerplant-listener',
      },
    });
    // The answer's text says nothing to us; not reading it to its end frees the connection.
    await response.body?.cancel();
    if (response.ok) return { taken: true };
    return { taken: false, reason: `HTTP ${response.status}`, gone: response.status === 410, retryAfterMs: retryAfter(response.headers) };
  } catch (error) {
    const reason = late.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    return { taken: false, reason, gone: false, retryAfterMs: undefined };
  } finally {
    clearTimeout(timer);
  }
}

/** Only whole seconds are read (RFC 9110 has dates too); a longer wait than an hour is not ours. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  if (text === null || !/^\d{1,9}$/.test(text)) return undefined;
  return Math.min(Number(text), LONGEST_RETRY_AFTER_S) * 1000;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return String(cause);
}
