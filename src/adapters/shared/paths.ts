import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** An absolute path; a leading `~` is the user's home directory. */
export function expandHome(path: string): string {
  if (path === '~') return homedir();
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}
