import { expect, vi } from 'vitest';
import type { ListenerWorld, LogLine } from './world.ts';

export const WAIT = { timeout: 15_000, interval: 10 } as const;

/** Everything that was paid has its effect, once; nothing else has. */
export async function expectAllGranted(world: ListenerWorld): Promise<void> {
  await vi.waitFor(() => expect([...world.granted.keys()].sort()).toEqual([...world.paid].sort()), WAIT);
  expect([...world.granted.values()].every((times) => times === 1)).toBe(true);
}

/** The server has all that the node had on record. */
export async function expectCaughtUp(world: ListenerWorld): Promise<void> {
  await vi.waitFor(() => expect(world.follower?.isCaughtUp).toBe(true), WAIT);
}

/** What the log says with these words in it. */
export function said(world: ListenerWorld, part: string): readonly LogLine[] {
  return world.lines.filter(({ message }) => message.includes(part));
}
