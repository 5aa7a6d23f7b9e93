import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Commands, type RunningCommand } from '../../support/command.ts';
import { Buyer } from './buyer.ts';

let folder: string;
let commands: Commands;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-command-'));
  commands = new Commands(folder);
});
afterEach(async () => {
  await commands[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function tickerplant(...args: string[]): RunningCommand {
  return commands.start(args);
}

async function config(text: string, name = 'tickerplant.config.yaml'): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

const SERVER = 'backend: { kind: simulated }\nfeed: { kind: random, seed: 1 }\ntransports: { websocket: { port: 0 } }\n';

test('start serves, and Ctrl-C ends it in order with exit code 0', async () => {
  await config(SERVER);
  const server = tickerplant('start', '--json');
  const { listening } = JSON.parse(await server.line()) as { listening: { websocket: string } };
  const buyer = await Buyer.connect(listening.websocket);
  buyer.send({ op: 'sub', id: '1', table: 'trade', syms: '*' });
  expect(await buyer.next({ op: 'quote' })).toMatchObject({ amountMsat: '500000' });
  server.child.kill('SIGINT');
  const { code, stderr } = await server.ended;
  await buyer[Symbol.asyncDispose]();
  expect(code).toBe(0);
  expect(stderr).toContain('"stopped"');
  expect(stderr).not.toContain(buyer.messages.map((message) => message['token']).find(Boolean));
});

test('a server has a young generation of one size, unless somebody chose another; its process stays the one that was started', async () => {
  await config(SERVER);
  const flags = async (env: Readonly<Record<string, string>>) => {
    const server = commands.start(['start', '--json'], { env });
    await server.line();
    const { stdout } = await promisify(execFile)('ps', ['-o', 'args=', '-p', String(server.child.pid)]);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    return stdout.match(/--m(?:in|ax)-semi-space-size=\d+/g);
  };
  expect(await flags({})).toEqual(['--min-semi-space-size=16', '--max-semi-space-size=16']);
  expect(await flags({ NODE_OPTIONS: '--max-semi-space-size=4' })).toBeNull();
});

test('a second server on the same ledger is refused with the fix', async () => {
  await config(SERVER);
  await tickerplant('start', '--json').line();
  const second = await tickerplant('start').ended;
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/the ledger .* is in use by another process.*\n.*ledger\.path/);
});

test('a port in use is named with the setting that changes it', async () => {
  await config(SERVER);
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await tickerplant('start', '--set', `transports.websocket.port=${port}`).ended;
  taken.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`can't listen on 127.0.0.1:${port}: another program listens there`);
});

test('a config with a typo ends with code 2 and says what was meant; check --json says it to programs', async () => {
  await config(`${SERVER}tabels: {}\n`);
  const started = await tickerplant('start').ended;
  expect(started).toMatchObject({ code: 2, stdout: '' });
  expect(started.stderr).toMatch(/^tickerplant: .*tickerplant\.config\.yaml:4:1: tabels: unknown key; did you mean tables\?\n$/);
  const checked = await tickerplant('config', 'check', '--json').ended;
  expect(checked.code).toBe(2);
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: false, issues: [{ path: 'tabels', at: '4:1' }] });
});

test('config check finds a feed that does not go with the tables', async () => {
  await config('backend: { kind: simulated }\nfeed: { kind: random, table: quote }\n');
  const { code, stderr } = await tickerplant('config', 'check').ended;
  expect(code).toBe(2);
  expect(stderr).toContain('feed: ');
});

test('what is wrong on the command line ends with code 2 and a suggestion', async () => {
  const unknown = await tickerplant('strat').ended;
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('Did you mean start?');
  expect((await tickerplant('start', '--no-such').ended).code).toBe(2);
  expect((await tickerplant('start').ended).stderr).toContain('tickerplant demo');
  expect((await tickerplant('--help').ended).code).toBe(0);
});

test('the simulated network runs on its own, and backend info asks it; gone, it ends with code 4', async () => {
  await config('simnet: { nodes: [alice, bob] }\n', 'simnet.yaml');
  await config('backend: { kind: simulated, socket: data/simnet.sock, node: alice }\n', 'alice.yaml');
  const network = tickerplant('simnet', '--config', 'simnet.yaml', '--json');
  expect(JSON.parse(await network.line())).toEqual({ socket: join(folder, 'data/simnet.sock'), nodes: ['alice', 'bob'] });
  const there = await tickerplant('backend', 'info', '--config', 'alice.yaml', '--json').ended;
  expect(there.code).toBe(0);
  expect(JSON.parse(there.stdout)).toMatchObject({ kind: 'simulated', reachable: true, node: { alias: 'alice', network: 'regtest' } });
  network.child.kill('SIGTERM');
  expect((await network.ended).code).toBe(0);
  const away = await tickerplant('backend', 'info', '--config', 'alice.yaml', '--timeout', '1').ended;
  expect(away.code).toBe(4);
});
