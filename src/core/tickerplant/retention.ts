import type { Clock } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';

const REFRESH_MS = 60_000;

/**
 * Keeps in the journal what grants may still ask for: the ledger is asked at the start and every minute. What is granted in between needs nothing
 * older than itself, so the time of asking is the limit for it. Until the first answer everything is kept. Disposing of it ends the asking.
 */
export function retainForGrants(journal: Journal, ledger: Ledger, clock: Clock, logger: Logger): Disposable {
  let needed = 0;
  let timer: Disposable | undefined;
  let isOver = false;
  const refresh = async () => {
    const now = clock.now();
    try {
      needed = Math.min((await ledger.neededFrom(now)) ?? now, now);
      if (!isOver) journal.retain(() => needed);
    } catch (error) {
      if (!isOver) logger.warn({ err: error }, 'the ledger did not say what the journal must keep; it keeps what it has kept');
    }
    if (!isOver) timer = clock.setTimer(REFRESH_MS, () => void refresh());
  };
  journal.retain(() => needed);
  void refresh();
  return {
    [Symbol.dispose]: () => {
      isOver = true;
      timer?.[Symbol.dispose]();
    },
  };
}
