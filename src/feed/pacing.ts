import type { Clock } from '../core/ports/clock.ts';
import type { Row, TableSchema } from '../core/tickerplant/schema.ts';
import { timespanToNs } from '../core/tickerplant/times.ts';

/** A timer of more than 2^31 ms would go off at once; a day is enough to wake up in between. */
const MAX_SLEEP_MS = 86_400_000;
/** A timer may go off so much before its time; more is a clock that was set back. */
const TIMER_SLACK_MS = 1_000;

/**
 * Hands rows on when they are due: as far apart as their times are, divided by `speed`. A row without a time or with an earlier one
 * than the row before is due at once, and time is counted from it anew.
 */
export async function* paced(
  batches: AsyncIterable<readonly Row[]>,
  schema: TableSchema,
  speed: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[], void, undefined> {
  const isSpan = schema.columns[0]?.type === 'timespan';
  let origin: { readonly row: number; readonly clock: number } | undefined;
  let last = Number.NEGATIVE_INFINITY;
  for await (const rows of batches) {
    let ready: Row[] = [];
    for (const row of rows) {
      const time = millisecondsOf(row, isSpan);
      if (time !== undefined) {
        if (origin === undefined || time < last) origin = { row: time, clock: clock.now() };
        last = time;
        let due = origin.clock + (time - origin.row) / speed;
        if (due > clock.now() && ready.length > 0) {
          yield ready;
          ready = [];
        }
        for (let wait = due - clock.now(); wait > 0; wait = due - clock.now()) {
          const setBackMs = await sleepThrough(Math.min(wait, MAX_SLEEP_MS), clock, signal);
          origin = { ...origin, clock: origin.clock - setBackMs };
          due -= setBackMs;
        }
      }
      ready.push(row);
    }
    if (ready.length > 0) yield ready;
  }
}

/** Answers by how much the clock was set back meanwhile; 0 where it was not. */
async function sleepThrough(ms: number, clock: Clock, signal: AbortSignal): Promise<number> {
  const before = clock.now();
  await clock.sleep(ms, signal);
  const missing = before + ms - clock.now();
  return missing > TIMER_SLACK_MS ? missing : 0;
}

function millisecondsOf(row: Row, isSpan: boolean): number | undefined {
  const time = row[0];
  if (typeof time !== 'string') return undefined;
  return isSpan ? Number(timespanToNs(time)) / 1e6 : Date.parse(time);
}
