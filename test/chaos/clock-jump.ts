import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into the server's process: its clock is wrong by what the file says that `CHAOS_CLOCK_FILE` names, in milliseconds, and
 * jumps there when the process is sent SIGUSR2. Timers go on as they were, as the machine's do where its clock is set.
 */
const file = process.env['CHAOS_CLOCK_FILE'] ?? '';
const RealDate = Date;
let offset = read();

function read(): number {
  try {
    return Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

globalThis.Date = class extends RealDate {
  constructor(...args: readonly []) {
    if (args.length === 0) super(RealDate.now() + offset);
    else super(...args);
  }

  static override now(): number {
    return RealDate.now() + offset;
  }
} as DateConstructor;

if (isMainThread) {
  process.on('SIGUSR2', () => {
    offset = read();
  });
}
