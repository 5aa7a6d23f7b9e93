/** Numbers from–to, both included. */
export type SeqRange = readonly [from: number, to: number];

/** So many are kept of a symbol. */
export const MOST_RANGES = 64;

/**
 * What is in one list of ranges or the other, ascending and apart (ranges that touch are one). Where more than
 * {@link MOST_RANGES} are left, the smallest holes count as in it, the oldest of equal ones first: rows that a buyer then has for free.
 */
export function unionOf(a: readonly SeqRange[], b: readonly SeqRange[]): SeqRange[] {
  const sorted = [...a, ...b].sort(([from], [other]) => from - other);
  const union: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = union.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else union.push([from, to]);
  }
  while (union.length > MOST_RANGES) closeSmallestHole(union);
  return union;
}

function closeSmallestHole(ranges: [number, number][]): void {
  let at = 1;
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < ranges.length; i += 1) {
    const size = (ranges[i]?.[0] ?? 0) - (ranges[i - 1]?.[1] ?? 0);
    if (size >= smallest) continue;
    smallest = size;
    at = i;
  }
  const [closed] = ranges.splice(at, 1);
  const before = ranges[at - 1];
  if (before !== undefined && closed !== undefined) before[1] = closed[1];
}
