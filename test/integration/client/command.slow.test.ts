import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../../regtest/native/free-ports.ts';
import { openMarket } from '../../unit/client/support/buyer.ts';
import type { TestTickerplant } from '../../unit/client/support/tickerplant.ts';
import { BIN, ThreeProcesses } from './support/three-processes.ts';

const wait = { timeout: 15_000, interval: 10 };

interface Running {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  readonly code: Promise<number | null>;
}

function start(...argv: string[]): Running {
  const child = spawn(process.execPath, ['--no-warnings', BIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const running: Running = { child, stdout: '', stderr: '', code: new Promise((resolve) => child.once('close', (code) => resolve(code))) };
  child.stdout?.on('data', (data) => {
    running.stdout += String(data);
  });
  child.stderr?.on('data', (data) => {
    running.stderr += String(data);
  });
  return running;
}

async function payWhenQuoted(plant: TestTickerplant): Promise<void> {
  await expect.poll(() => plant.quotes.length, wait).toBe(1);
  const hash = plant.quotes[0]?.hash;
  if (hash !== undefined) plant.payer.settle(hash);
}

test('without a wallet it shows invoice and QR code, waits, and prints only rows on standard output', async () => {
  await using market = await openMarket();
  const { plant } = market;
  const sub = start('sub', plant.url, 'trade', 'AAPL', '--limit', '3');
  await payWhenQuoted(plant);
  await expect.poll(() => sub.stderr, wait).toContain('active: trade AAPL');
  plant.publish('AAPL', 4);
  expect(await sub.code).toBe(0);
  const rows = sub.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map((row) => row['seq'])).toEqual([1, 2, 3]);
  expect(Object.keys(rows[0] ?? {})).toEqual(['table', 'epoch', 'seq', 'time', 'sym', 'price', 'size']);
  expect(sub.stderr).toContain(plant.quotes[0]?.invoice);
  expect(sub.stderr).toContain('█');
  expect(sub.stderr).not.toContain(plant.quotes[0]?.token);
});

test('with a state it goes on after its end, the CSV heading there once', async () => {
  await using market = await openMarket();
  const { plant } = market;
  const base = mkdtempSync(join(tmpdir(), 'sub-csv-'));
  try {
    const argv = ['sub', plant.url, 'trade', '--state', join(base, 'state'), '--format', 'csv', '--limit', '2'];
    const first = start(...argv);
    await payWhenQuoted(plant);
    await expect.poll(() => first.stderr, wait).toContain('active');
    plant.publish('AAPL', 5);
    expect(await first.code).toBe(0);
    const second = start(...argv);
    expect(await second.code).toBe(0);
    const lines = `${first.stdout}${second.stdout}`.trimEnd().split('\n');
    expect(lines[0]).toBe('table,epoch,seq,time,sym,price,size');
    expect(lines.slice(1).map((line) => line.split(',').slice(0, 3).join(','))).toEqual([
      'trade,1,1',
      'trade,1,2',
      'trade,1,3',
      'trade,1,4',
    ]);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});

test('Ctrl-C ends it in order with 130', async () => {
  await using market = await openMarket();
  const sub = start('sub', market.plant.url, 'trade', '--json');
  await payWhenQuoted(market.plant);
  await expect.poll(() => sub.stderr, wait).toContain('"event":"active"');
  sub.child.kill('SIGINT');
  expect(await sub.code).toBe(130);
  const last = JSON.parse(sub.stderr.trimEnd().split('\n').at(-1) ?? '') as unknown;
  expect(last).toMatchObject({ event: 'done', reason: 'interrupted', rows: 0, spentMsat: '0' });
});

test('a reader that goes away ends it quietly', async () => {
  await using market = await openMarket();
  const { plant } = market;
  const sub = start('sub', plant.url, 'trade', 'AAPL', '--json');
  await payWhenQuoted(plant);
  await expect.poll(() => sub.stderr, wait).toContain('"event":"active"');
  sub.child.stdout?.destroy();
  const feed = setInterval(() => plant.publish('AAPL'), 5);
  try {
    expect(await sub.code).toBe(0);
  } finally {
    clearInterval(feed);
  }
  expect(sub.stderr).toContain('"reason":"reader-gone"');
});

test.each([
  [['http://127.0.0.1:1', 'trade'], 2, 'ws://'],
  [['ws://127.0.0.1:1', 'trade', '--wallet', 'w.yaml'], 2, '--budget'],
  [['ws://127.0.0.1:1', 'trade', '--budget', '1.5'], 2, 'whole number of satoshi'],
  [['ws://127.0.0.1:1', 'trade', '--renew'], 2, '--wallet'],
  [['ws://127.0.0.1:1', '*', '--format', 'csv'], 2, 'ndjson'],
  [['ws://127.0.0.1:1', 'trade', '--give-up', '0.1'], 4, 'away, nothing was paid'],
])('sub %j ends with %i', (argv, code, text) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--no-warnings', BIN, 'sub', ...argv], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stderr).toContain(text);
  expect(stdout).toBe('');
  expect(status).toBe(code);
});

test('over the budget is 3; an invoice that is paid twice with `pay` is paid once, and its buyer gets the rows', async () => {
  const world = new ThreeProcesses(await freePort());
  try {
    world.start('simnet');
    await expect.poll(() => world.outboundMsat(), { ...wait, timeout: 40_000 }).toBeGreaterThan(0n);
    world.start('server');
    const before = world.outboundMsat();
    const wallet = world.path('buyer.yaml');
    const over = world.run(['sub', world.url, 'trade', 'AAPL', '--wallet', wallet, '--budget', '99']);
    expect(over.stderr).toContain('nothing was paid');
    expect(over.status).toBe(3);
    const sub = start('sub', world.url, 'trade', 'AAPL', '--limit', '5');
    await expect.poll(() => sub.stderr, wait).toContain('invoice: ');
    const invoice = /^invoice: (\S+)/m.exec(sub.stderr)?.[1] ?? '';
    const first = world.run(['pay', `LIGHTNING:${invoice.toUpperCase()}`, '--wallet', wallet, '--max-fee', '1', '--json']);
    expect(JSON.parse(first.stdout)).toMatchObject({
      status: 'settled',
      amountMsat: '100000',
      preimage: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(first.status).toBe(0);
    const second = world.run(['pay', invoice, '--wallet', wallet]);
    expect(second.stdout).toMatch(/^settled: 100 sat, fee 0 sat/);
    expect(second.stdout).not.toMatch(/[0-9a-f]{64}/);
    expect(second.status).toBe(0);
    expect(await sub.code).toBe(0);
    expect(before - world.outboundMsat()).toBe(100_000n);
    expect(world.run(['pay', invoice, '--wallet', wallet, '--amount', '5']).status).toBe(2);
    expect(world.run(['pay', 'lnbc1nonsense', '--wallet', wallet]).status).toBe(2);
  } finally {
    await world.dispose();
  }
}, 90_000);
