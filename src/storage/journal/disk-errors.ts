import { JournalError } from '../../core/ports/journal.ts';

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What the file system threw, as a {@link JournalError}: `FULL` where there is no more room, else `IO`. */
export function toJournalError(error: unknown, what: string): JournalError {
  if (error instanceof JournalError) return error;
  const code = error instanceof Error && 'code' in error && FULL.has(error.code) ? 'FULL' : 'IO';
  const detail = error instanceof Error ? error.message : String(error);
  return new JournalError(code, `${what}: ${code === 'FULL' ? 'the disk is full' : 'the disk failed'} (${detail})`, { cause: error });
}
