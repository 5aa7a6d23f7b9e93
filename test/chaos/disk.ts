import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

const mounted = new Set<string>();
// However the runner ends, short of being killed itself.
process.on('exit', () => {
  for (const path of mounted) unmount(path);
});

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
    if (this.mounted) mounted.add(path);
  }

  /** Takes all the room there is, until {@link free}. Answers whether it is full now. */
  fill(): boolean {
    if (!this.mounted) return false;
    const fd = openSync(join(this.path, 'ballast'), 'w');
    try {
      for (const size of [MIB, 4096]) writeUntilFull(fd, Buffer.alloc(size));
    } finally {
      closeSync(fd);
    }
    return true;
  }

  free(): void {
    rmSync(join(this.path, 'ballast'), { force: true });
  }

  /** Copies what is on it to a folder that stays. */
  keep(to: string): void {
    this.free();
    cpSync(this.path, to, { recursive: true });
  }

  [Symbol.dispose](): void {
    if (!this.mounted) return;
    mounted.delete(this.path);
    unmount(this.path);
  }
}

/** Takes away what a run that was killed has left mounted beneath a folder. */
export function unmountBeneath(folder: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  for (const line of mounts) {
    const [, path = ''] = line.split(' ');
    if (path.startsWith(`${folder}/`)) unmount(path);
  }
}

/** Lazily: what a process still has open must not keep it. */
function unmount(path: string): void {
  spawnSync('umount', ['-l', path], { stdio: 'ignore' });
}

function writeUntilFull(fd: number, bytes: Uint8Array): void {
  try {
    for (;;) writeSync(fd, bytes);
  } catch {
    // That was all.
  }
}
