import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** A folder on a disk of its own in memory, where this user may mount one; else a plain folder, which can't be filled. */
export class SmallDisk implements Disposable {
  readonly path: string;
  /** Whether it can be filled. */
  readonly mounted: boolean;

  constructor(path: string, mib: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0700`, 'tmpfs', path], { stdio: 'ignore' });
    this.mounted = mount.status === 0;
  }

  /** Takes all the room there is, until {@link free}. */
  fill(): void {
    if (!this.mounted) return;
    const fd = openSync(join(this.path, 'ballast'), 'w');
    try {
      for (const size of [MIB, 4096]) writeUntilFull(fd, Buffer.alloc(size));
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(join(this.path, 'ballast'), { force: true });
  }

  /** Lazily: what a process still has open must not keep it. */
  [Symbol.dispose](): void {
    if (this.mounted) spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
  }
}

function writeUntilFull(fd: number, bytes: Uint8Array): void {
  try {
    for (;;) writeSync(fd, bytes);
  } catch {
    // That was all.
  }
}
