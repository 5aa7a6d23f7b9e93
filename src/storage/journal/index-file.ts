import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { indexPath, type Segment } from './segment.ts';
import { SegmentIndex } from './segment-index.ts';

const FORMAT = 1;

/*
 * A closed segment's index, beside it: the CRC-32 of what follows in 8 hex digits, a line feed, JSON. It is derived: one that
 * is missing, damaged or of another length of its segment is made again by scanning.
 */

/** Writes the index of a closed segment. @throws whatever the file system says; nothing is lost by it. */
export function saveIndex(dir: string, segment: Segment, index: SegmentIndex): void {
  const text = JSON.stringify({ format: FORMAT, segment: segment.number, epoch: segment.epoch, end: segment.end, symbols: index });
  const path = indexPath(dir, segment.number);
  const unfinished = `${path}.tmp`;
  try {
    writeFileSync(unfinished, `${checksum(text)}\n${text}`);
    renameSync(unfinished, path);
  } catch (error) {
    try {
      unlinkSync(unfinished);
    } catch {
      // It was not even begun.
    }
    throw error;
  }
}

/** The index of a closed segment; undefined where there is none that can be believed. */
export function loadIndex(dir: string, segment: Segment): SegmentIndex | undefined {
  try {
    const stored = readFileSync(indexPath(dir, segment.number), 'utf8');
    const text = stored.slice(9);
    if (stored.slice(0, 9) !== `${checksum(text)}\n`) return undefined;
    const content = JSON.parse(text) as {
      format: number;
      segment: number;
      epoch: number;
      end: number;
      symbols: ReturnType<SegmentIndex['toJSON']>;
    };
    const fits =
      content.format === FORMAT && content.segment === segment.number && content.epoch === segment.epoch && content.end === segment.end;
    return fits ? SegmentIndex.fromJSON(segment.number, content.symbols) : undefined;
  } catch {
    return undefined;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
