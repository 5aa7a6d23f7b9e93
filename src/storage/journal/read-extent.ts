import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { JournalError } from '../../core/ports/journal.ts';
import { toJournalError } from './disk-errors.ts';
import type { Extent } from './segments.ts';

/** Reads a part of a segment. @throws JournalError `IO`, `CORRUPT` where it is shorter than it was. */
export async function readExtent({ segment, offset, length }: Extent): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let file: FileHandle | undefined;
  try {
    file = await open(segment.path, 'r');
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
      if (bytesRead === 0) throw new JournalError('CORRUPT', `the journal segment ${segment.path} was cut at byte ${offset + done}`);
      done += bytesRead;
    }
    return buffer;
  } catch (error) {
    throw toJournalError(error, `the journal segment ${segment.path} can not be read`);
  } finally {
    await file?.close();
  }
}

/** The same at once. */
export function readExtentSync({ segment, offset, length }: Extent): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let fd: number | undefined;
  try {
    fd = openSync(segment.path, 'r');
    for (let done = 0; done < length; ) {
      const bytes = readSync(fd, buffer, done, length - done, offset + done);
      if (bytes === 0) throw new JournalError('CORRUPT', `the journal segment ${segment.path} was cut at byte ${offset + done}`);
      done += bytes;
    }
    return buffer;
  } catch (error) {
    throw toJournalError(error, `the journal segment ${segment.path} can not be read`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
