import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startWorld } from './world.ts';

const COMMAND = fileURLToPath(new URL('../../../src/bin/tickerplant.ts', import.meta.url));

/** A buyer's program that knows protocol.md and nothing of ours: it pays with the command. */
const TEN_LINES = `
import { execFileSync } from 'node:child_process';
const [url, command, wallet] = process.argv.slice(2);
const ws = new WebSocket(url);
let rows = 0;
ws.onopen = () => ws.send(JSON.stringify({ op: 'sub', id: '1', table: 'trade', syms: ['AAPL', 'GOOGL'] }));
ws.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.op === 'quote') execFileSync(process.execPath, [command, 'pay', message.invoice, '--wallet', wallet, '--max-fee', '10', '--state', wallet + '.state']);
  if (message.op === 'upd') console.log(JSON.stringify(message));
  if (message.op === 'upd' && ++rows === 5) process.exit(0);
};`;

test('a program that is not ours buys and receives', { timeout: 60_000 }, async () => {
  await using world = await startWorld();
  const program = path.join(world.dir, 'ten-lines.mjs');
  writeFileSync(program, TEN_LINES);
  const { stdout, status } = spawnSync(process.execPath, [program, world.url, COMMAND, world.wallet], {
    encoding: 'utf8',
    timeout: 45_000,
  });
  expect(status).toBe(0);
  const updates = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(updates).toHaveLength(5);
  for (const { sym, rows, seq, epoch } of updates) {
    expect(['AAPL', 'GOOGL']).toContain(sym);
    expect(epoch).toBe(1);
    expect(seq).toBeGreaterThan(0);
    expect(rows[0]).toEqual([expect.stringMatching(/^\d{4}-.*Z$/), sym, expect.any(Number), expect.any(Number)]);
  }
});
