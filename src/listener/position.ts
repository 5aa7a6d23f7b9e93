/**
 * A place in an outbox: behind so many events. The mark is drawn at random with each event, so that an outbox that was restored
 * from an old copy, and has numbered other events since, is told from the one that was followed.
 */
export interface Position {
  /** The offset of the last event before it; 0 before the first. */
  readonly offset: number;
  /** That event's mark; empty before the first. */
  readonly mark: string;
}

const FORM = /^(0|[1-9]\d{0,15})\.([0-9a-f]*)$/;

/** The position as a cursor: `17.9f2c…`. */
export function formatPosition({ offset, mark }: Position): string {
  return `${offset}.${mark}`;
}

/** Reads {@link formatPosition}; undefined for what is none. */
export function parsePosition(text: string): Position | undefined {
  const [, offset, mark] = FORM.exec(text) ?? [];
  if (offset === undefined || mark === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
  return { offset: Number(offset), mark };
}
