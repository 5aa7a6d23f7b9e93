const LONGEST_TEXT = 300;

/**
 * A text of the node's or a proxy's, fit to be shown: one line, no control characters, cut to a length, and without
 * any of the given secrets.
 */
export function plainText(text: unknown, secrets: readonly (string | undefined)[] = []): string {
  let plain = (typeof text === 'string' ? text : (JSON.stringify(text) ?? String(text))).replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  for (const secret of secrets) {
    if (secret !== undefined && secret !== '') plain = plain.replaceAll(secret, '***');
  }
  return plain.length > LONGEST_TEXT ? `${plain.slice(0, LONGEST_TEXT)}…` : plain;
}

/** What may be kept of an error as a cause: name, code and message; never the request that it hangs on to. */
export function plainCause(error: unknown, secrets: readonly (string | undefined)[] = []): Error {
  if (!(error instanceof Error)) return new Error(plainText(error, secrets));
  const code = (error as { code?: unknown }).code;
  const cause = new Error(plainText(error.message, secrets));
  cause.name = error.name;
  return typeof code === 'string' ? Object.assign(cause, { code }) : cause;
}
