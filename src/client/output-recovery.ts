import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs';
import type { OutputPlace } from './position-log.ts';

/** What was found of an unfinished batch: all of it, nothing of it, the beginning (finished now), or it can't be known. */
export type RecoveredOutput = 'written' | 'not-written' | 'finished' | 'unknown';

const O_APPEND = 0o2000;

/** Where the next byte written to an open file goes, and whether that is always its end. */
function writingPlace(fd: number, size: number): { readonly at: number; readonly append: boolean } {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '', 8);
    const position = Number(/^pos:\s*(\d+)/m.exec(info)?.[1]);
    if (Number.isNaN(flags) || Number.isNaN(position)) return { at: size, append: true };
    const append = (flags & O_APPEND) !== 0;
    return { at: append ? size : position, append };
  } catch {
    // No /proc: a file is written from its end on, unless somebody opened it in an odd way.
    return { at: size, append: true };
  }
}

/** Describes where the next batch written to a file descriptor goes. */
export function outputPlace(fd: number): OutputPlace {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile()) return {};
  return { file: { dev: String(stat.dev), ino: String(stat.ino), path: pathOf(fd), before: writingPlace(fd, Number(stat.size)).at } };
}

function pathOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/**
 * Finds out what became of a batch whose writing was broken off, by looking into the file it was going to, whether that is
 * this run's output (`fd`) or another one; where only its beginning is there, the rest is written now.
 * @throws the file system's error where the rest can't be written.
 */
export function recoverOutput(place: OutputPlace, bytes: Uint8Array, fd: number | undefined): RecoveredOutput {
  const { file } = place;
  if (file === undefined) return 'unknown';
  const own = fd !== undefined && isFile(fd, file) ? fd : undefined;
  const opened = openSame(file);
  // Standard output is often open for writing only, so it is read by its path.
  if (opened === undefined) return 'unknown';
  try {
    const size = Number(fstatSync(opened, { bigint: true }).size);
    const there = Math.min(bytes.length, size - file.before);
    if (there <= 0) return 'not-written';
    const found = Buffer.alloc(there);
    const read = readSync(opened, found, 0, there, file.before);
    // Something else stands there: the file was cut and written anew.
    if (!found.subarray(0, read).equals(Buffer.from(bytes.buffer, bytes.byteOffset, read))) return 'not-written';
    if (there === bytes.length) return 'written';
    finish(own, opened, size, bytes.subarray(there));
    return 'finished';
  } finally {
    closeSync(opened);
  }
}

function finish(own: number | undefined, opened: number, size: number, rest: Uint8Array): void {
  // Through our own descriptor where it stands at that place, so that its offset moves along.
  if (own !== undefined && writingPlace(own, size).at === size) {
    for (let done = 0; done < rest.length; ) done += writeSync(own, rest, done, rest.length - done);
    return;
  }
  for (let done = 0; done < rest.length; ) done += writeSync(opened, rest, done, rest.length - done, size + done);
}

function isFile(fd: number, file: { readonly dev: string; readonly ino: string }): boolean {
  const stat = fstatSync(fd, { bigint: true });
  return stat.isFile() && String(stat.dev) === file.dev && String(stat.ino) === file.ino;
}

function openSame(file: { readonly dev: string; readonly ino: string; readonly path: string | undefined }): number | undefined {
  if (file.path === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(file.path, 'r+');
  } catch {
    return undefined;
  }
  if (isFile(fd, file)) return fd;
  closeSync(fd);
  return undefined;
}
