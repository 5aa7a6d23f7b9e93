import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { keepRunFolder, newRunFolder, removeAbandoned } from '../../chaos/run-folder.ts';

test('what a killed run has left is removed by the next one; a run that goes on and one that was kept stay', () => {
  const base = mkdtempSync(join(tmpdir(), 'folders-'));
  onTestFinished(() => rmSync(base, { recursive: true }));
  vi.stubEnv('TMPDIR', base);
  const mine = newRunFolder();
  const [killed, kept, foreign] = ['ltp-chaos-killed', 'ltp-chaos-kept', 'something-else'].map((name) => join(base, name)) as [
    string,
    string,
    string,
  ];
  for (const dir of [killed, kept, foreign]) {
    mkdirSync(dir);
    // This process's number, of a process that was started at another time.
    writeFileSync(join(dir, 'runner'), `${process.pid} 1`);
  }
  keepRunFolder(kept);
  expect(removeAbandoned()).toEqual([killed]);
  expect([mine, kept, foreign].every((dir) => existsSync(dir))).toBe(true);
  expect(existsSync(killed)).toBe(false);
});
