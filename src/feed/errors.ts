/**
 * `CONFIG` the feed's options and the source don't go together · `NOT_FOUND` no such file · `IO` it can't be read ·
 * `FORMAT` it is broken in a way that leaves no next row to go on with (gzip, an unclosed quote, no header) · `BAD_ROW` one row is
 * wrong · `TOO_MANY_SYMBOLS` so many that the mapping must be wrong.
 */
export type FeedErrorCode = 'CONFIG' | 'NOT_FOUND' | 'IO' | 'FORMAT' | 'BAD_ROW' | 'TOO_MANY_SYMBOLS';

/** Where in a source: the file's name or `stdin`, the line counted from 1, and the source's column (the table's where there is none). */
export interface FeedPlace {
  readonly source: string;
  readonly line?: number | undefined;
  readonly column?: string | undefined;
}

/** What goes wrong in a feed, and where. The message begins with the place: `prices.csv:17: column price: …`. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
  readonly code: FeedErrorCode;
  readonly retry: 'never' | 'safe';
  readonly place: FeedPlace;

  constructor(code: FeedErrorCode, place: FeedPlace, message: string, options?: { readonly cause?: unknown }) {
    const line = place.line === undefined ? '' : `:${place.line}`;
    const column = place.column === undefined ? '' : `column ${place.column}: `;
    super(`${place.source}${line}: ${column}${message}`, options);
    this.code = code;
    this.retry = code === 'IO' ? 'safe' : 'never';
    this.place = place;
  }
}

/** Names what reading a source threw. Answers a FeedError as it is. */
export function feedErrorFrom(error: unknown, source: string): FeedError {
  if (error instanceof FeedError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOENT') return new FeedError('NOT_FOUND', { source }, 'there is no such file', { cause: error });
  if (code.startsWith('Z_'))
    return new FeedError('FORMAT', { source }, `the gzip data is broken or cut off (${message})`, { cause: error });
  return new FeedError('IO', { source }, `can't be read (${message})`, { cause: error });
}
