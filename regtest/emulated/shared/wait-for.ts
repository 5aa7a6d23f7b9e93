import type { SimulatedNetwork } from '../../../src/adapters/simulated/network/network.ts';
import type { Clock } from '../../../src/core/ports/clock.ts';

/** What is waited on, and for how long. */
export interface WaitOptions {
  readonly network: SimulatedNetwork;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For ever unless given. */
  readonly timeoutMs?: number | undefined;
}

/** Longest delay that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** Looks after every event of the network until there is something; undefined when the time is up or the caller has gone. */
export async function waitFor<T>({ network, clock, signal, timeoutMs }: WaitOptions, look: () => T | undefined): Promise<T | undefined> {
  const first = look();
  if (first !== undefined || signal.aborted || (timeoutMs !== undefined && timeoutMs <= 0)) return first;
  return await new Promise<T | undefined>((resolve) => {
    const end = (found: T | undefined) => {
      unsubscribe();
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', abort);
      resolve(found);
    };
    const abort = () => end(undefined);
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(Math.min(timeoutMs, LONGEST_MS), () => end(look()));
    const unsubscribe = network.subscribe(() => {
      const found = look();
      if (found !== undefined) end(found);
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
