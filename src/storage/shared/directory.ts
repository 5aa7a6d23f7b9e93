import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes a folder's entries durable, where the system knows how. */
export function syncDirectory(dir: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
