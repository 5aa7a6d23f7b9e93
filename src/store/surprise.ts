import type { Random } from '../core/ports/random.ts';

const SPACE = 2 ** 32;

/** One of many, each as likely; undefined where there is none. */
export function surpriseFrom<T>(many: readonly T[], random: Random): T | undefined {
  if (many.length === 0) return undefined;
  // What lies beyond the last whole round would make the first ones likelier.
  const fair = SPACE - (SPACE % many.length);
  for (;;) {
    const drawn = Buffer.from(random.bytes(4)).readUInt32BE();
    if (drawn < fair) return many[drawn % many.length];
  }
}
