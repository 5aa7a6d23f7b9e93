import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Commands, type EndedCommand } from '../../support/command.ts';

const STOCKS = fileURLToPath(new URL('../../fixtures/demo/stocks.csv', import.meta.url));

async function demo(...args: readonly string[]): Promise<EndedCommand> {
  await using commands = new Commands(process.cwd());
  return await commands.run(['demo', ...args]);
}

/** Interrupts it once its standard output matches. */
async function demoUntil(enough: RegExp): Promise<EndedCommand> {
  await using commands = new Commands(process.cwd());
  const { child, ended, until } = commands.start(['demo']);
  await until(enough);
  child.kill('SIGINT');
  return await ended;
}

test('who pays gets trades, who does not gets none, and one JSON line says so', { timeout: 60_000 }, async () => {
  const { code, stdout } = await demo('--json', '--exit-after', '8');
  expect(code).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ quotes: 3, settled: 2, unpaidDelivered: 0 });
  expect(result.published).toBeGreaterThan(50);
  const bySymbol = Object.values(result.bySymbol as Record<string, number>).reduce((sum, rows) => sum + rows, 0);
  expect(bySymbol).toBeGreaterThan(10);
  expect(result.delivered).toBeGreaterThan(bySymbol);
  expect(result.settleToFirstTickMs.p50).toBeGreaterThanOrEqual(0);
  expect(result.settleToFirstTickMs.p99).toBeGreaterThanOrEqual(result.settleToFirstTickMs.p50);
});

test('a replay waits for its audience, delivers all of the file, and ends by itself', { timeout: 60_000 }, async () => {
  const { code, stdout } = await demo('--replay', STOCKS, '--columns', 'sym=symbol,time=date,price=price', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    published: 12,
    quotes: 3,
    settled: 2,
    delivered: 17,
    bySymbol: { AAPL: 3, AMZN: 3, GOOG: 2, IBM: 2, MSFT: 2 },
    unpaidDelivered: 0,
  });
});

test('without --json it is told in words, with the invoice as a QR code', { timeout: 60_000 }, async () => {
  const { stdout } = await demoUntil(/^(?=.*buyer of all +first row: time )(?=.*buyer of two +first row: time )/s);
  expect(stdout).toMatch(/asked for AAPL .* was quoted 500 sat: lnbcrt/);
  expect(stdout).toContain('█▀▀▀▀▀▀▀█');
  expect(stdout).toMatch(/buyer of two +paid 200 sat/);
  expect(stdout).toMatch(/first row: time /);
  expect(stdout).toMatch(/Published \d+ rows; 2 quotes were paid/);
});

test('a file that is not there is named, and the exit code says that it failed', { timeout: 60_000 }, async () => {
  const { code, stderr, stdout } = await demo('--replay', '/nowhere/at/all.csv', '--json');
  expect(code).toBeGreaterThan(0);
  expect(stderr).toContain('/nowhere/at/all.csv');
  expect(stdout).toBe('');
});
