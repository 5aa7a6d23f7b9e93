import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WriterMode } from './support/killed-writer.ts';

const WRITER = join(import.meta.dirname, 'support/killed-writer.ts');
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'subscriber-output-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function run(
  mode: WriterMode,
  argument: string,
  out: number | 'pipe',
): { readonly stderr: string; readonly stdout: string; readonly signal: string | null } {
  const { stderr, stdout, signal } = spawnSync(process.execPath, ['--no-warnings', WRITER, mode, join(base, 'state'), argument], {
    stdio: ['ignore', out, 'pipe'],
    encoding: 'utf8',
  });
  return { stderr, stdout: stdout ?? '', signal };
}

function into(name: string, flags: string, work: (fd: number) => void): void {
  const fd = openSync(join(base, name), flags);
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}

function lines(...names: string[]): number[] {
  const texts = names.map((name) => readFileSync(join(base, name), 'utf8'));
  for (const text of texts) expect(text).toMatch(/^(line \d+\n)*$/);
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(' ')[1])),
  );
}

const UP_TO_9 = [1, 2, 3, 4, 5, 6, 7, 8, 9];

test.each([
  ['nothing of the batch', '0', 'not-written'],
  ['the first half of it', '0.5', 'finished'],
  ['all of it', '1', 'written'],
])('killed with %s in the file: every line is there once', (_, share, found) => {
  into('out', 'a', (fd) => {
    expect(run('die', share, fd).signal).toBe('SIGKILL');
    expect(run('go', '9', fd).stderr.trim()).toBe(found);
  });
  expect(lines('out')).toEqual(UP_TO_9);
});

test.each(['0', '0.5', '1'])(
  'killed with a share of %s written, the next run into another file: both together have every line once',
  (share) => {
    into('out', 'a', (fd) => run('die', share, fd));
    into('other', 'a', (fd) => run('go', '9', fd));
    expect(lines('out', 'other')).toEqual(UP_TO_9);
  },
);

test.each(['0', '0.5', '1'])('one open file that is not in append mode and is shared by both runs (share %s)', (share) => {
  into('out', 'w', (fd) => {
    run('die', share, fd);
    run('go', '9', fd);
  });
  expect(lines('out')).toEqual(UP_TO_9);
});

test('the file is gone: the batch is delivered again', () => {
  into('out', 'a', (fd) => run('die', '0.5', fd));
  unlinkSync(join(base, 'out'));
  into('other', 'a', (fd) => expect(run('go', '9', fd).stderr.trim()).toBe('unknown'));
  expect(lines('other')).toEqual([4, 5, 6, 7, 8, 9]);
});

test('the file was cut and holds something else: nothing of it is touched', () => {
  into('out', 'a', (fd) => run('die', '0.5', fd));
  truncateSync(join(base, 'out'), 0);
  writeFileSync(join(base, 'out'), 'x'.repeat(40));
  into('other', 'a', (fd) => expect(run('go', '6', fd).stderr.trim()).toBe('not-written'));
  expect(readFileSync(join(base, 'out'), 'utf8')).toBe('x'.repeat(40));
  expect(lines('other')).toEqual([4, 5, 6]);
});

test('a pipe: it can not be known, so the batch is delivered again', () => {
  const first = run('die', '1', 'pipe');
  const second = run('go', '9', 'pipe');
  expect(second.stderr.trim()).toBe('unknown');
  expect(first.stdout).toMatch(/line 6\n$/);
  expect(second.stdout).toMatch(/^line 4\n/);
});

test('killed at random moments, again and again: every line is there once', async () => {
  const target = 200_000;
  const path = join(base, 'out');
  for (let kills = 0; kills < 8; kills += 1) {
    const fd = openSync(path, 'a');
    const before = statSync(path).size;
    const child = spawn(process.execPath, ['--no-warnings', WRITER, 'long', join(base, 'state'), String(target)], {
      stdio: ['ignore', fd, 'ignore'],
    });
    closeSync(fd);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Not a fixed moment: somewhere after it has begun to write.
    await expect.poll(() => statSync(path).size > before || child.exitCode !== null, { timeout: 10_000, interval: 1 }).toBe(true);
    child.kill('SIGKILL');
    await ended;
  }
  into('out', 'a', (fd) => run('long', String(target), fd));
  const written = lines('out');
  expect(written.length).toBe(target);
  expect(written.every((line, index) => line === index + 1)).toBe(true);
}, 60_000);
