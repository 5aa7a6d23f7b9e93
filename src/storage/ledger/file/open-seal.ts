import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../../shared/directory.ts';
import { formatSeal, parseSeal, type Seal } from './page-sums.ts';

/** The seal of a ledger that is open or was killed: a file beside it. */
function sumsPath(path: string): string {
  return `${path}-sums`;
}

/** Reads it. */
export function readOpenSeal(path: string): Seal {
  try {
    return parseSeal(readFileSync(sumsPath(path)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'none' };
    throw error;
  }
}

/** Writes it, at once and on the disk before it returns. Where that fails there is none. */
export function writeOpenSeal(path: string, pageBytes: number, sums: readonly number[]): void {
  const unfinished = `${sumsPath(path)}.tmp`;
  try {
    const seal = formatSeal(pageBytes, sums);
    const fd = openSync(unfinished, 'w', 0o600);
    try {
      for (let done = 0; done < seal.length; ) done += writeSync(fd, seal, done);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, sumsPath(path));
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(unfinished, { force: true });
    removeOpenSeal(path);
    throw error;
  }
}

/** Removes it, if it is there. */
export function removeOpenSeal(path: string): void {
  rmSync(sumsPath(path), { force: true });
}
