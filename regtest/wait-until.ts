import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/** Asks until the answer is there. @throws Error that says what was waited for, when the deadline passes first. */
export async function waitUntil<T>(what: string, ask: () => Promise<T | undefined | false>, deadlineMs: number): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs / 1000} s in vain: ${what}`);
    await sleep(POLL_MS);
  }
}
