import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where installed programs are kept between runs: `LIGHTNING_TICKERPLANT_CACHE`, or `~/.cache/lightning-tickerplant`. */
export function cacheDir(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(process.env['LIGHTNING_TICKERPLANT_CACHE'] ?? join(base, 'lightning-tickerplant'), 'native');
}

/** A program's path, looked up as a shell would; undefined where it is not installed. */
export function onPath(program: string): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, program);
    if (dir !== '' && isExecutable(path)) return path;
  }
  return undefined;
}

/** Whether it is a file that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const LOCK_WAIT_MS = 40 * 60_000;

/** Runs alone among the processes of this machine that use the same cache; a lock of a process that is gone is taken over. */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(cacheDir(), { recursive: true });
  const lock = join(cacheDir(), `${name}.lock`);
  const deadline = Date.now() + LOCK_WAIT_MS;
  while (!take(lock)) {
    if (Date.now() > deadline) throw new Error(`another process has held ${lock} for ${LOCK_WAIT_MS / 60_000} minutes`);
    await sleep(500);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!isOrphan(lock)) return false;
    rmSync(lock, { force: true });
    return false;
  }
}

function isOrphan(lock: string): boolean {
  try {
    const holder = Number(readFileSync(lock, 'utf8'));
    if (!(holder > 0)) return false;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
