/** A certificate or key can't be used; the message names the file and says what to do, and holds nothing of the key. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
}
