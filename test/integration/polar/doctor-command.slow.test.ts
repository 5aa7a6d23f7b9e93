import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Commands, type EndedCommand } from '../../support/command.ts';

// Programs and nodes of their own: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let folder: string;
let commands: Commands;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ltp-doctor-'));
  commands = new Commands(folder);
});
afterEach(async () => {
  await commands[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** `tickerplant backend doctor`, with a home folder of its own. */
async function doctor(config: string, ...args: readonly string[]): Promise<EndedCommand> {
  const file = join(folder, 'config.yaml');
  await writeFile(file, config);
  return await commands.run(['backend', 'doctor', '--config', file, ...args], { env: { HOME: folder } });
}

test('a usable node is a table with a verdict, or one object of JSON, and exit code 0', async () => {
  const table = await doctor('backend: { kind: simulated }\n');
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout).toMatch(/^ok +connection +simulated\n(?:.*\n)+usable for selling\n$/);
  const json = await doctor('backend: { kind: simulated }\n', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'simulated', purpose: 'sell', usable: true, reachable: true, rights: 'full' });
  // It only looks: no memory of payments was made.
  expect(await doctorLeft()).toEqual(['config.yaml']);
});

test("the price of a server's dearest symbol decides whether inbound capacity is enough", async () => {
  const dear =
    'backend: { kind: simulated }\ntables: { t: { columns: { time: timestamp, sym: symbol }, pricing: { kind: flat, msat: 90000000000 } } }\n';
  const { code, stdout } = await doctor(dear);
  expect(code).toBe(1);
  expect(stdout).toMatch(/fail +inbound .*; one symbol costs 90000000 sat\n +→ get more inbound capacity, or lower the price/);
});

test('a node that is not there is exit code 4, a credential that is not there 1, a config that can not be meant 2', async () => {
  const away = await doctor('backend: { kind: cln, network: regtest, lightningDir: nowhere }\n', '--wait', '1');
  expect(away.code).toBe(4);
  expect(away.stderr).toMatch(/^waiting: there is no socket/);
  expect(away.stdout).toMatch(/not reachable\n$/);
  expect((await doctor('backend: { kind: lnd, lndDir: nowhere, network: regtest }\n')).code).toBe(1);
  const wrong = await doctor('backend: { kind: polar, network: dev, node: alice }\n');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('backend.home: there is no Polar installation');
});

test('a Polar network that was never started says so with exit code 1, one whose ports nobody answers is not reachable', async () => {
  const home = join(folder, '.polar');
  const carol = { name: 'carol', implementation: 'eclair', ports: { rest: 1 } };
  const alice = { name: 'alice', implementation: 'LND', ports: { grpc: 1 } };
  await mkdir(join(home, 'networks'), { recursive: true });
  await writeFile(
    join(home, 'networks/networks.json'),
    JSON.stringify({ networks: [{ id: 1, name: 'dev', nodes: { lightning: [alice, carol] } }] }),
  );
  const away = await doctor('backend: { kind: polar, network: dev, node: carol }\n');
  expect(away).toMatchObject({
    code: 4,
    stdout: expect.stringContaining("start the network in Polar (Polar's node carol in network 1 (dev))"),
  });
  const fresh = await doctor('backend: { kind: polar, network: dev, node: alice }\n');
  expect(fresh).toMatchObject({ code: 1, stdout: expect.stringMatching(/there is no macaroon at .*\n +→ start the network in Polar/) });
});

async function doctorLeft(): Promise<readonly string[]> {
  return (await readdir(folder)).sort();
}
