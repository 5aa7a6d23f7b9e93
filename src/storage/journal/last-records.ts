import { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { readExtent, readExtentSync } from './read-extent.ts';
import { checkRecord, recordCount, recordJson, recordSeq } from './record.ts';
import { damaged } from './scan.ts';
import type { Segment } from './segment.ts';
import type { Extent, Segments } from './segments.ts';

/** Records nearer to each other than this are read at once. */
const GAP_BYTES = 16 * 1024;
/** The most that is read at once, unless one record is longer. */
const RUN_BYTES = 1024 * 1024;
/** What is read without letting others have their turn: some tens of microseconds. */
const SYNC_SYMS = 16;
const SYNC_RUNS = 4;
const SYNC_BYTES = 64 * 1024;

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
  const found = new Map<string, PublishedRows>();
  for (const run of runsOf(placesOf(segments, table, syms))) {
    const extent = extentOf(run);
    take(run, extent, await readExtent(extent), epoch, table, found);
  }
  return syms.flatMap((sym) => found.get(sym) ?? []);
}

/** The same at once; undefined where they are not few and in the segment that is written to, which the system has in memory. @throws JournalError as above. */
export function lastRecordsSync(
  segments: Segments,
  epoch: number,
  table: string,
  syms: readonly string[],
): readonly PublishedRows[] | undefined {
  if (syms.length > SYNC_SYMS) return undefined;
  const places = placesOf(segments, table, syms);
  const runs = runsOf(places).map((run) => ({ run, extent: extentOf(run) }));
  const bytes = runs.reduce((sum, { extent }) => sum + extent.length, 0);
  if (runs.length > SYNC_RUNS || bytes > SYNC_BYTES || places.some(({ segment }) => segment !== segments.current)) return undefined;
  const found = new Map<string, PublishedRows>();
  for (const { run, extent } of runs) take(run, extent, readExtentSync(extent), epoch, table, found);
  return syms.flatMap((sym) => found.get(sym) ?? []);
}

function placesOf(segments: Segments, table: string, syms: readonly string[]): Place[] {
  const places: Place[] = [];
  for (const sym of syms) {
    const entry = segments.index.find(table, sym);
    const segment = entry === undefined ? undefined : segments.find(entry.lastSegment);
    if (entry !== undefined && segment !== undefined) places.push({ sym, segment, offset: entry.lastOffset, bytes: entry.lastBytes });
  }
  return places;
}

function extentOf(run: readonly Place[]): Extent {
  const { segment, offset } = run[0] as Place;
  return { segment, offset, length: Math.max(...run.map((place) => place.offset + place.bytes)) - offset };
}

function take(
  run: readonly Place[],
  { segment, offset }: Extent,
  buffer: Buffer,
  epoch: number,
  table: string,
  found: Map<string, PublishedRows>,
): void {
  for (const place of run) {
    const at = place.offset - offset;
    if (checkRecord(buffer, at, at + place.bytes) !== 'good') throw damaged(segment.path, place.offset);
    // A copy: a snapshot is kept for long, and must not hold on to all that was read with it.
    const json = Uint8Array.from(recordJson(buffer, at));
    found.set(place.sym, new PublishedRows(table, place.sym, epoch, recordSeq(buffer, at), recordCount(buffer, at), json));
  }
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
