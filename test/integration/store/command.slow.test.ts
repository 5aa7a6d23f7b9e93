import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Commands, type RunningCommand } from '../../support/command.ts';

let folder: string;
let commands: Commands;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-store-command-'));
  commands = new Commands(folder);
  await mkdir(join(folder, 'cats'));
  await writeFile(join(folder, 'cats/one.txt'), 'one cat\n');
  await writeFile(join(folder, 'weather.csv'), 'date,rain\n2016-10-05,yes\n2016-10-06,no\n');
  await writeFile(
    join(folder, 'simnet.yaml'),
    'simnet: { nodes: [seller, buyer], channels: [{ from: buyer, to: seller, sat: 1000000 }] }\n',
  );
  for (const node of ['seller', 'buyer'])
    await writeFile(join(folder, `${node}.yaml`), `backend: { kind: simulated, socket: data/simnet.sock, node: ${node} }\n`);
});
afterEach(async () => {
  await commands[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function tickerplant(...args: string[]): RunningCommand {
  return commands.start(args);
}

const STORE = ['--price', '10', '--config', 'seller.yaml', '--port', '0', '--json'];

test('sells from a folder, delivers after kill -9 what was paid, and tells what was sold', async () => {
  await tickerplant('simnet', '--config', 'simnet.yaml', '--json').line();
  const first = tickerplant('store', 'cats', ...STORE);
  const urlOf = (line: string) => (JSON.parse(line) as { listening: { store: string } }).listening.store;
  const url = urlOf(await first.line());
  const { purchase } = (await (await fetch(`${url}/items/one.txt`, { method: 'POST' })).json()) as {
    purchase: { link: string; invoice: string; id: string };
  };
  first.child.kill('SIGKILL');
  await first.ended;
  const paid = await tickerplant('pay', purchase.invoice, '--wallet', 'buyer.yaml', '--max-fee', '1', '--json', '--state', 'wallet').ended;
  expect(JSON.parse(paid.stdout)).toMatchObject({ status: 'settled' });
  const second = tickerplant('store', 'cats', ...STORE, '--deliveries', '1');
  const link = `${urlOf(await second.line())}${new URL(purchase.link).pathname}`;
  expect(await (await fetch(`${link}/status?wait=30`)).json()).toMatchObject({ state: 'settled', deliveries: 3 });
  expect(await (await fetch(link)).text()).toBe('one cat\n');
  second.child.kill('SIGTERM');
  const ended = await second.ended;
  expect(ended.code).toBe(0);
  expect(ended.stderr).not.toContain(new URL(purchase.link).pathname.split('/').at(-1));
  const sold = JSON.parse((await tickerplant('purchases', '--json').ended).stdout) as Record<string, unknown>;
  expect(sold).toMatchObject({
    counts: { settled: 1, receivedMsat: '10000', delivered: 1 },
    purchases: [{ id: purchase.id, item: 'one.txt' }],
  });
  expect(JSON.stringify(sold)).not.toMatch(/rootKey|linkDigest/);
  expect((await tickerplant('purchases', 'refunds').ended).stdout).toBe('nothing is to be given back\n');
  expect((await tickerplant('purchases', 'refunded', 'none').ended).code).toBe(1);
}, 120_000);

test('sells the rows of a CSV file', async () => {
  await tickerplant('simnet', '--config', 'simnet.yaml', '--json').line();
  const store = tickerplant('store', 'weather.csv', ...STORE, '--rows-by', 'date');
  const { listening } = JSON.parse(await store.line()) as { listening: { store: string } };
  expect((await fetch(`${listening.store}/items/weather?date=2016-10-07`)).status).toBe(400);
  expect((await fetch(`${listening.store}/items/weather?date=2016-10-06`)).status).toBe(402);
}, 60_000);

test('what can not be meant, or would give things away, is refused with code 2 and the fix', async () => {
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['cats'], /--price/],
    [['cats', '--price', '0'], /above 0/],
    [['dogs', ...STORE], /there is no such file or folder/],
    [['.', ...STORE], /holds .*which would be for sale too/],
    [['cats', ...STORE, '--host', '0.0.0.0'], /play money.*--force-public/],
    [['weather.csv', ...STORE, '--rows-by', 'day'], /has no column day; there are date, rain/],
    [['weather.csv', ...STORE, '--surprise'], /needs a folder/],
  ];
  for (const [args, message] of refusals) {
    const { code, stderr } = await tickerplant('store', ...args).ended;
    expect([code, stderr], args.join(' ')).toEqual([2, expect.stringMatching(message)]);
  }
}, 120_000);
