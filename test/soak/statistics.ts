/** What a soak has measured of the server's memory. */
export interface Memory {
  /** Median resident megabytes of the middle third of the time, and of the last. */
  readonly middleMb: number;
  readonly lastMb: number;
  /** The last third's to the middle third's. */
  readonly ratio: number;
}

/** Compares the last third with the middle one; the first is the way up. */
export function compareThirds(residentBytes: readonly number[]): Memory {
  const third = Math.floor(residentBytes.length / 3);
  const middle = median(residentBytes.slice(third, 2 * third));
  const last = median(residentBytes.slice(2 * third));
  const mb = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
  return { middleMb: mb(middle), lastMb: mb(last), ratio: Math.round((last / middle) * 1_000) / 1_000 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? 0;
}
