/**
 * `LOCKED` the outbox is another process's · `CORRUPT` not an outbox, or damaged · `NEWER` made by a newer version · `FULL` no space ·
 * `IO` · `OTHER_NODE` the outbox, or the listener, is of another node than the one that is configured · `UNAUTHORIZED` the token is not
 * taken · `UNAVAILABLE` nobody listens, or not yet · `CONNECTION_LOST` · `PROTOCOL` what answers is no listener of ours · `SECRET` a
 * token or secret can't be read, or is too short.
 */
export type ListenerErrorCode =
  | 'LOCKED'
  | 'CORRUPT'
  | 'NEWER'
  | 'FULL'
  | 'IO'
  | 'OTHER_NODE'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'CONNECTION_LOST'
  | 'PROTOCOL'
  | 'SECRET';

/** What went wrong with an outbox, or between a listener and whoever follows it. The message says what to do and holds no secret. */
export class ListenerError extends Error {
  override readonly name = 'ListenerError';
  readonly code: ListenerErrorCode;

  constructor(code: ListenerErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
