import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unmountBeneath } from './disk.ts';

const PREFIX = 'ltp-chaos-';
const OWNER = 'runner';
const KEPT = 'kept';

/** A folder for a run. Those of runs that were killed are removed first, with the disks that they have left mounted. */
export function newRunFolder(): string {
  removeAbandoned();
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(dir, OWNER), `${process.pid} ${startOf(process.pid) ?? ''}`);
  return dir;
}

/** The run has failed: its folder stays, for people to look into. */
export function keepRunFolder(dir: string): void {
  writeFileSync(join(dir, KEPT), '');
}

/** Removes what runs have left that are not there any more. Answers the folders. */
export function removeAbandoned(): readonly string[] {
  const abandoned = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(tmpdir(), name))
    .filter((dir) => existsSync(join(dir, OWNER)) && !existsSync(join(dir, KEPT)) && !isOwned(dir));
  for (const dir of abandoned) {
    unmountBeneath(dir);
    rmSync(dir, { recursive: true, force: true });
  }
  return abandoned;
}

function isOwned(dir: string): boolean {
  const [pid = '', start = ''] = readFileSync(join(dir, OWNER), 'utf8').split(' ');
  return startOf(Number(pid)) === start;
}

/** When a process was started, in the kernel's ticks: a number that is used again is another process. See proc_pid_stat(5). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
