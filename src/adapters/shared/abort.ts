import { LightningError } from '../../core/lightning/errors.ts';
import type { Clock } from '../../core/ports/clock.ts';

/** The error of a call whose signal was aborted. */
export function aborted(operation: string): LightningError {
  return new LightningError('ABORTED', 'the caller broke it off', { operation });
}

/** @throws LightningError `ABORTED` when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted) throw aborted(operation);
}

/** How long to wait for something, and for whom. */
export interface WaitLimits {
  readonly operation: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly clock: Clock;
  /** The error of a wait that took too long. */
  readonly onTimeout?: () => Error;
}

/**
 * Waits for a promise, but no longer than the limits. The promise itself goes on: what it brings later is dropped.
 * @throws LightningError `ABORTED` by the signal, `TIMEOUT` by the clock.
 */
export function within<T>(promise: Promise<T>, limits: WaitLimits): Promise<T> {
  const { operation, signal, timeoutMs, clock } = limits;
  return new Promise<T>((resolve, reject) => {
    let timer: Disposable | undefined;
    const done = () => {
      timer?.[Symbol.dispose]();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      done();
      reject(aborted(operation));
    };
    if (signal?.aborted) {
      promise.catch(() => {});
      reject(aborted(operation));
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeoutMs !== undefined) {
      timer = clock.setTimer(timeoutMs, () => {
        done();
        reject(limits.onTimeout?.() ?? new LightningError('TIMEOUT', `no answer within ${Math.ceil(timeoutMs / 1000)} s`, { operation }));
      });
    }
    promise.then(
      (value) => {
        done();
        resolve(value);
      },
      (error) => {
        done();
        reject(error);
      },
    );
  });
}

/** Sleeps by the clock. @throws LightningError `ABORTED`. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined, operation: string): Promise<void> {
  throwIfAborted(signal, operation);
  try {
    await clock.sleep(delayMs, signal);
  } catch (error) {
    if (signal?.aborted) throw aborted(operation);
    throw error;
  }
}

/** One signal of several; undefined ones are left out. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((signal): signal is AbortSignal => signal !== undefined);
  if (given.length <= 1) return given[0];
  return AbortSignal.any(given);
}
