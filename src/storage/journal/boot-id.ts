import { readFileSync } from 'node:fs';

/**
 * What names this start of the machine; undefined where the system does not tell (anything but Linux), which counts as a
 * start of its own each time. See random(4), `/proc/sys/kernel/random/boot_id`.
 */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return undefined;
  }
}
