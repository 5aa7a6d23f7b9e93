import { ExitCode, type ExitCodeValue } from './exit-codes.ts';

/**
 * The first Ctrl-C (or SIGTERM) aborts the signal, so that everything ends in order; a second one ends the process at once.
 * Everything durable is durable before it is answered: ending at once loses nothing either.
 */
export function stopOnSignals(onFirst: (name: NodeJS.Signals) => void): AbortSignal {
  const stopping = new AbortController();
  const listener = (name: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(ExitCode.interrupted);
    onFirst(name);
    stopping.abort();
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return stopping.signal;
}

/** Ends the process after so many milliseconds, unless it is called off, with the exit code that `onLate` answers. */
export function endAfter(ms: number, onLate: () => ExitCodeValue): Disposable {
  const timer = setTimeout(() => process.exit(onLate()), ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Resolves when a signal is aborted; keeps the process alive until then. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const alive = setInterval(() => undefined, 2 ** 30);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(alive);
}
