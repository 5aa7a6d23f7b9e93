import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import type { TestFolder } from './folders.ts';

/** A disk of so many KiB, in memory; undefined where this user or system may not mount one. */
export class SmallDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static mount(folder: TestFolder, kib: number): SmallDisk | undefined {
    const path = folder.join('disk');
    mkdirSync(path);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', path], { stdio: 'ignore' });
    return status === 0 ? new SmallDisk(path) : undefined;
  }

  /** Takes all the room that is left, in a file of that name. */
  fill(name: string): void {
    const fd = openSync(`${this.path}/${name}`, 'w');
    try {
      for (;;) writeSync(fd, Buffer.alloc(4096));
    } catch {
      // That was all.
    } finally {
      closeSync(fd);
    }
  }

  /** Lazily: what a failed test has left open must not keep it. */
  [Symbol.dispose](): void {
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
  }
}
