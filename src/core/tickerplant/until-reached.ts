import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/** Does what needs the node, again and again with longer pauses (0.25 to 15 s) until it has succeeded or the signal is aborted. `failing`: for the log. */
export async function untilReached(
  work: () => Promise<void>,
  failing: string,
  { clock, logger, signal }: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error, retryInMs: pause }, failing);
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }
}
