import { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { readExtent } from './read-extent.ts';
import { checkRecord, recordCount, recordJson, recordSeq } from './record.ts';
import { damaged } from './scan.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

/** Records nearer to each other than this are read at once. */
const GAP_BYTES = 16 * 1024;
/** The most that is read at once, unless one record is longer. */
const RUN_BYTES = 1024 * 1024;

interface Place {
  readonly sym: string;
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: number;
}

/** The last record of each symbol that has one kept, in the order asked for. @throws JournalError `CORRUPT`, `IO` */
export async function lastRecords(
  segments: Segments,
  epoch: number,
  table: string,
  syms: readonly string[],
): Promise<readonly PublishedRows[]> {
  const places: Place[] = [];
  for (const sym of syms) {
    const entry = segments.index.find(table, sym);
    const segment = entry === undefined ? undefined : segments.find(entry.lastSegment);
    if (entry !== undefined && segment !== undefined) places.push({ sym, segment, offset: entry.lastOffset, bytes: entry.lastBytes });
  }
  const found = new Map<string, PublishedRows>();
  for (const run of runsOf(places)) {
    const { segment, offset } = run[0] as Place;
    const end = Math.max(...run.map((place) => place.offset + place.bytes));
    const buffer = await readExtent({ segment, offset, length: end - offset });
    for (const place of run) {
      const at = place.offset - offset;
      if (checkRecord(buffer, at, at + place.bytes) !== 'good') throw damaged(segment.path, place.offset);
      // A copy: a snapshot is kept for long, and must not hold on to all that was read with it.
      const json = Uint8Array.from(recordJson(buffer, at));
      found.set(place.sym, new PublishedRows(table, place.sym, epoch, recordSeq(buffer, at), recordCount(buffer, at), json));
    }
  }
  return syms.flatMap((sym) => found.get(sym) ?? []);
}

function runsOf(places: readonly Place[]): Place[][] {
  const sorted = [...places].sort((a, b) => a.segment.number - b.segment.number || a.offset - b.offset);
  const runs: Place[][] = [];
  for (const place of sorted) {
    const run = runs.at(-1);
    const first = run?.[0];
    const last = run?.at(-1);
    const near =
      first !== undefined &&
      last !== undefined &&
      first.segment === place.segment &&
      place.offset - (last.offset + last.bytes) <= GAP_BYTES &&
      place.offset + place.bytes - first.offset <= RUN_BYTES;
    if (near) run?.push(place);
    else runs.push([place]);
  }
  return runs;
}
