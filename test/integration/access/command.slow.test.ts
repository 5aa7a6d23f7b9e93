import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const COMMAND = join(import.meta.dirname, '../../../src/bin/tickerplant.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-access-command-'));
  const inConfig = '{ name: prometheus, role: metrics, token: a-token-that-nobody-else-has }';
  await writeFile(join(folder, 'tickerplant.config.yaml'), `backend: { kind: simulated }\naccess: { tokens: [${inConfig}] }\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function access(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [COMMAND, 'access', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const digest = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;

test('a token is printed once and kept as a hash, is listed, and revoked by its name', async () => {
  const file = join(folder, 'data/access.json');
  const made = await access(
    'token',
    '--role',
    'publisher',
    '--tables',
    'trade, quote',
    '--from',
    '10.0.0.0/8,loopback',
    '--expires',
    '90d',
  );
  const token = made.out.trim();
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^tpk_\S+\n$/),
    err: expect.stringContaining(`(publisher) is in ${file}`),
  });
  const [kept] = JSON.parse(await readFile(file, 'utf8')) as { readonly expires: string }[];
  const days = (Date.parse(kept?.expires ?? '') - Date.now()) / 86_400_000;
  expect([kept, Math.round(days)]).toEqual([
    {
      name: 'publisher',
      role: 'publisher',
      hash: digest(token),
      tables: ['trade', 'quote'],
      from: ['10.0.0.0/8', 'loopback'],
      expires: expect.anything(),
    },
    90,
  ]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const second = JSON.parse((await access('token', '--role', 'publisher', '--json')).out) as { readonly token: string };
  expect(second).toMatchObject({ entry: { name: 'publisher-2', hash: digest(second.token) }, file });
  const listed = await access('list', '--json');
  expect(JSON.parse(listed.out)).toMatchObject({
    file,
    tokens: [
      { name: 'prometheus', role: 'metrics', kept: 'config' },
      { name: 'publisher', tables: ['trade', 'quote'], kept: 'file' },
      { name: 'publisher-2', kept: 'file' },
    ],
  });
  expect(listed.out).not.toMatch(/tpk_|sha256|a-token-that/);

  expect(await access('revoke', 'publisher')).toMatchObject({ code: 0, out: 'publisher: revoked\n' });
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject([{ name: 'publisher-2' }]);
  expect(await access('revoke', 'publisher')).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining(`publisher is not in ${file}`),
  });
  expect((await access('revoke', 'prometheus')).err).toContain('stands in the config itself');
}, 300_000);

test('what no server would take is not kept, and --print keeps nothing', async () => {
  const before = await readFile(join(folder, 'data/access.json'), 'utf8');
  const printed = await access('token', '--role', 'admin', '--name', 'owner', '--print');
  expect(printed.err).toContain(`"hash":"${digest(printed.out.trim())}"`);
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [['--role', 'publisher', '--name', 'publisher-2'], /there is a token publisher-2 already/],
    [['--role', 'metrics', '--from', 'everywhere'], /from\.0: an address, a network/],
    [['--role', 'god'], /publisher, admin, metrics/],
  ];
  for (const [args, message] of bad) {
    const { code, out, err } = await access('token', ...args);
    expect([code, out, err], args.join(' ')).toEqual([2, '', expect.stringMatching(message)]);
  }
  expect(await readFile(join(folder, 'data/access.json'), 'utf8')).toBe(before);
}, 300_000);
