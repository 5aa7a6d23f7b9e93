/**
 * `TRUNCATED` ends before it should · `TRAILING` goes on after it should end · `TYPE` an unknown type or attribute · `LENGTH` a count that
 * can't be, or columns of different lengths · `DEPTH` nested too deeply · `TOO_LARGE` over a limit · `COMPRESSION` can't be inflated ·
 * `HEADER` not the beginning of a message · `VALUE` a value that has no place on the wire (encoding only).
 */
export type KdbCodecErrorCode = 'TRUNCATED' | 'TRAILING' | 'TYPE' | 'LENGTH' | 'DEPTH' | 'TOO_LARGE' | 'COMPRESSION' | 'HEADER' | 'VALUE';

/** Bytes that are no kdb+ message, or a value that can't be one. The message holds no data. */
export class KdbCodecError extends Error {
  override readonly name = 'KdbCodecError';
  readonly code: KdbCodecErrorCode;

  constructor(code: KdbCodecErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
