import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Tally } from '../../chaos/facts.ts';

const RUNNER = fileURLToPath(new URL('../../chaos/main.ts', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function chaos(...args: readonly string[]): Promise<Run> {
  // What a run keeps goes with the test. (Short, for the sockets in it.)
  const dir = mkdtempSync(path.join(tmpdir(), 'chaos-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const env = { ...process.env, TMPDIR: dir, NODE_COMPILE_CACHE: path.join(tmpdir(), 'node-compile-cache') };
  const child = spawn(process.execPath, [RUNNER, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

const lastLine = (out: string): Tally => JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Tally;

test('a few kills lose nothing, double nothing and give nothing away', { timeout: 180_000 }, async () => {
  const { code, out, err } = await chaos('--kills', '2', '--seed', '11', '--json');
  expect({ code, err }).toMatchObject({ code: 0 });
  const { paid, rowsDelivered, ...rest } = lastLine(out);
  expect(rest).toEqual({ kills: 2, paidNotActivated: 0, activatedNotPaid: 0, paidTwice: 0, rowsLost: 0, rowsRepeated: 0 });
  expect(paid).toBeGreaterThanOrEqual(6);
  expect(rowsDelivered).toBeGreaterThan(0);
});

test('a fault that is built in is found', { timeout: 180_000 }, async () => {
  const { code, out } = await chaos('--kills', '1', '--seed', '11', '--sabotage', 'free-rows', '--patience', '5', '--json');
  expect(code).toBe(1);
  expect(lastLine(out).activatedNotPaid).toBeGreaterThan(0);
});

test('a command line that can not be meant is refused, with what there is', async () => {
  const { code, err } = await chaos('--network', 'carrier-pigeon');
  expect(code).toBe(2);
  expect(err).toContain('there are simulated, emulated, native');
});
