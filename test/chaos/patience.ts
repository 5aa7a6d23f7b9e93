import { cpus, loadavg } from 'node:os';

/** So many milliseconds, and more on a machine that is busy with other things: that makes everything late. */
export function patient(ms: number): number {
  return ms * Math.max(1, (loadavg()[0] ?? 0) / cpus().length);
}
