import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { checkRecord, findMarker, RECORD_HEADER_BYTES, recordLength } from '../record.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Calls back with each record of a segment that checks, from a place on, over whatever is broken between them: `buffer` has it at
 * `offset`, the file at `at`. False ends it.
 */
export function forEachGoodRecord(path: string, from: number, visit: (buffer: Buffer, offset: number, at: number) => boolean): void {
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let base = from; base < size; ) {
      const view = buffer.subarray(0, readSync(fd, buffer, 0, Math.min(buffer.length, size - base), base));
      if (view.length === 0) return;
      const atEnd = base + view.length >= size;
      let offset = 0;
      let longer = 0;
      while (offset < view.length) {
        const state = checkRecord(view, offset, view.length);
        if (state === 'good') {
          if (!visit(view, offset, base + offset)) return;
          offset += recordLength(view, offset);
          continue;
        }
        if (state === 'short' && !atEnd) {
          const needed = view.length - offset < RECORD_HEADER_BYTES ? RECORD_HEADER_BYTES : recordLength(view, offset);
          // What says that it is longer than the file is no record.
          if (base + offset + needed <= size) {
            longer = needed;
            break;
          }
        }
        const next = findMarker(view, offset + 1);
        // A marker may lie across the seam.
        offset = next >= 0 ? next : atEnd ? view.length : Math.max(offset + 1, view.length - 3);
        if (next < 0) break;
      }
      base += offset;
      if (longer > buffer.length) buffer = Buffer.allocUnsafe(longer);
    }
  } finally {
    closeSync(fd);
  }
}
