import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, websocketDoor } from './support/doors.ts';
import { type Ended, Processes } from './support/processes.ts';
import { openWorld } from './support/world.ts';

const TIMEOUT_MS = 600_000;

let folder: string;
let processes: Processes;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-device-command-'));
  processes = new Processes(folder);
  await writeFile(
    join(folder, 'server.yaml'),
    'backend: { kind: simulated }\ndevices: { items: { water: { msat: 5000 } } }\nledger: { path: devices.db }\njournal: { dir: journal }\n',
  );
});
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const device = (...args: string[]): Promise<Ended> => processes.tickerplant('device', ...args).ended;
const CONFIG = ['--config', 'server.yaml'];

test(
  'without a server, devices are made, listed and revoked in the ledger of the config',
  async () => {
    const added = await device('add', 'tap 1', '--items', 'water', '--max', '5000', '--expires', '30d', ...CONFIG);
    expect(added.code, added.stderr).toBe(0);
    const [, id] = /^device {2}([0-9a-f]{32})\nname {4}tap 1\ntoken {3}\S{100,}\n$/.exec(added.stdout) ?? [];
    expect(added.stdout).toContain(`device  ${id}`);
    expect(added.stderr).toContain('shown this once');
    expect((await stat(join(folder, 'devices.db'))).mode & 0o777).toBe(0o600);
    const taken = await device('add', 'tap 1', '--items', '*', ...CONFIG);
    expect([taken.code, taken.stdout]).toEqual([1, '']);
    const typo = await device('add', 'tap 2', '--items', 'watr', ...CONFIG);
    expect(typo).toMatchObject({ code: 2, stdout: '' });
    expect(typo.stderr).toContain('water');
    const listed = await device('list', ...CONFIG);
    expect(listed).toMatchObject({ code: 0, stdout: `${id}  tap 1: 0 invoices, 0 settled, 0 msat\n` });
    const unknown = await device('revoke', 'tap 9', ...CONFIG, '--json');
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toContain('no device tap 9');
    expect(JSON.parse((await device('revoke', 'tap 1', ...CONFIG, '--json')).stdout)).toMatchObject({
      ledger: join(folder, 'devices.db'),
      device: id,
      name: 'tap 1',
      fresh: true,
      withdrawn: [],
      online: false,
    });
    expect((await device('revoke', String(id), ...CONFIG)).stdout).toContain('revoked before, at 20');
  },
  TIMEOUT_MS,
);

test(
  'while the server runs they do the same through it: a token is good at once, and its connection ends when it is revoked',
  async () => {
    await using world = await openWorld();
    const ledger = ['--ledger', world.ledger, '--json'];
    const added = await device('add', 'tap', '--items', 'power', ...ledger);
    const { device: id, token, online } = JSON.parse(added.stdout || '{}') as { device: string; token: string; online: boolean };
    expect(online, added.stderr).toBe(true);
    await using tap = await websocketDoor.connect(world, { device: id, token });
    expect(await ask(tap, 'invoice', { item: 'power' })).toMatchObject({ op: 'invoiced' });
    expect(JSON.parse((await device('list', ...ledger)).stdout)).toMatchObject({ devices: [{ device: id, name: 'tap', invoices: 1 }] });
    expect(JSON.parse((await device('revoke', 'tap', ...ledger)).stdout)).toMatchObject({
      fresh: true,
      online: true,
      withdrawn: [expect.stringMatching(/^[0-9a-f]{32}$/)],
    });
    await expect(websocketDoor.connect(world, { device: id, token }).then((late) => late.told)).resolves.toMatchObject([
      { op: 'error', code: 'BAD_TOKEN' },
    ]);
  },
  TIMEOUT_MS,
);
