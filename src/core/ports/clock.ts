/** Time, handed in: the core never asks the machine. */
export interface Clock {
  /** Milliseconds since 1970, as a whole number or with a fraction. */
  now(): number;
  /** Calls back once after so many milliseconds; disposing of it calls it off. Does not keep the process alive by itself. */
  setTimer(delayMs: number, callback: () => void): Disposable;
  /** Resolves after so many milliseconds. @throws the signal's reason when it is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}
