import type { ChildProcess } from 'node:child_process';

/** What every reader takes. */
export const COMMON = 'AAPL';
/** What only the last reader takes, beside it: there is so much of it that who does not read is soon behind. */
export const BULKY = 'BULK';
export const TABLE = 'trade';

/** A stretch of time in which rows are published and their ways are measured. */
export interface Window {
  readonly rows: number;
  readonly rowsPerSecond: number;
}

/** To the server's process. */
export type ServerOrder =
  | { readonly kind: 'pay'; readonly invoice: string }
  /** Publishes bulk: until what waits for some connection is half of what may, or so many bytes at most. */
  | { readonly kind: 'fill'; readonly untilSlow: boolean; readonly bytes: number }
  | ({ readonly kind: 'window' } & Window);

/** From it. */
export type ServerNews =
  | { readonly kind: 'listening'; readonly url: string; readonly maxBufferedBytes: number }
  | { readonly kind: 'filled'; readonly bytes: number; readonly waitingBytes: number }
  /** `waitingBytes`: the most that waited for any one connection in the meantime. */
  | { readonly kind: 'published'; readonly waitingBytes: number };

/** To a process of readers. */
export type ReadersOrder = { readonly kind: 'connect'; readonly url: string; readonly count: number } | { readonly kind: 'measure' };

/** From it. */
export type ReadersNews =
  | { readonly kind: 'pay'; readonly invoice: string }
  | { readonly kind: 'ready' }
  /** Microseconds from publishing to receiving, of every row of every reader since it was told to measure. */
  | { readonly kind: 'measured'; readonly micros: Uint32Array };

/** The clock that all processes of a machine share, in microseconds. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Resolves with the next news of a kind. @throws Error where the process ends before. */
export function nextOf<News extends { readonly kind: string }, Kind extends News['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<News, { readonly kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a process of the benchmark ended with ${code}`));
    const take = (news: unknown): void => {
      const told = news as News;
      if (told.kind !== kind) return;
      child.off('message', take);
      child.off('exit', ended);
      resolve(told as Extract<News, { readonly kind: Kind }>);
    };
    child.on('message', take);
    child.once('exit', ended);
  });
}
