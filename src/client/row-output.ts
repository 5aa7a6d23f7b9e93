import { writeSync } from 'node:fs';
import type { Clock } from '../core/ports/clock.ts';
import type { Position } from './events.ts';
import { outputPlace } from './output-recovery.ts';
import type { PositionLog } from './position-log.ts';
import { Positions } from './positions.ts';

/** Where rows go as text, together with how far they go. */
export interface RowOutput {
  /** The heading line (CSV) is in the output already, perhaps since an earlier run. */
  readonly headed: boolean;
  /**
   * Writes a batch and moves the positions with it. One at a time; a slow reader is waited for.
   * @throws the file system's error (`EPIPE` where the reader is gone); the batch then counts as unfinished.
   */
  write(bytes: Uint8Array, moved: Iterable<Position>, options?: { readonly headed?: boolean }): Promise<void>;
}

const FULL_PIPE_WAIT_MS = 4;

/** Writes all of it: short writes go on, and a pipe that is full (and must not be waited on) is tried again. */
export async function writeAll(fd: number, bytes: Uint8Array, clock: Clock): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done, bytes.length - done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await clock.sleep(FULL_PIPE_WAIT_MS);
    }
  }
}

/** An output that remembers nothing but its heading. */
export function plainOutput(fd: number, clock: Clock, commit: (moved: Iterable<Position>) => void): RowOutput {
  let headed = false;
  return {
    get headed() {
      return headed;
    },
    async write(bytes, moved, options) {
      await writeAll(fd, bytes, clock);
      headed ||= options?.headed === true;
      commit(moved);
    },
  };
}

/**
 * An output that is recorded before it is written: after the end of the process, `recoverOutput` can tell what of the last
 * batch is in the file. So every row is there once, where the output is a regular file that is ours alone.
 */
export function recordedOutput(fd: number, clock: Clock, log: PositionLog, positions: Positions): RowOutput {
  return {
    get headed() {
      return log.current.headed;
    },
    async write(bytes, moved, options) {
      const after = new Positions(positions);
      for (const position of moved) after.apply(position);
      log.begin({ positions: after.after(), headed: log.current.headed || options?.headed === true, place: outputPlace(fd), bytes });
      await writeAll(fd, bytes, clock);
      log.done();
      for (const position of after) positions.apply(position);
    },
  };
}
