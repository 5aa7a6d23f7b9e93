import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Commands, type EndedCommand } from '../../support/command.ts';

let folder: string;
let commands: Commands;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-access-command-'));
  commands = new Commands(folder);
  const inConfig = '{ name: prometheus, role: metrics, token: a-token-that-nobody-else-has }';
  await writeFile(join(folder, 'tickerplant.config.yaml'), `backend: { kind: simulated }\naccess: { tokens: [${inConfig}] }\n`);
});
afterAll(async () => {
  await commands[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function access(...args: string[]): Promise<EndedCommand> {
  return await commands.run(['access', ...args]);
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
  const token = made.stdout.trim();
  expect(made).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^tpk_\S+\n$/),
    stderr: expect.stringContaining(`(publisher) is in ${file}`),
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

  const second = JSON.parse((await access('token', '--role', 'publisher', '--json')).stdout) as { readonly token: string };
  expect(second).toMatchObject({ entry: { name: 'publisher-2', hash: digest(second.token) }, file });
  const listed = await access('list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject({
    file,
    tokens: [
      { name: 'prometheus', role: 'metrics', kept: 'config' },
      { name: 'publisher', tables: ['trade', 'quote'], kept: 'file' },
      { name: 'publisher-2', kept: 'file' },
    ],
  });
  expect(listed.stdout).not.toMatch(/tpk_|sha256|a-token-that/);

  expect(await access('revoke', 'publisher')).toMatchObject({ code: 0, stdout: 'publisher: revoked\n' });
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject([{ name: 'publisher-2' }]);
  expect(await access('revoke', 'publisher')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`publisher is not in ${file}`),
  });
  expect((await access('revoke', 'prometheus')).stderr).toContain('stands in the config itself');
}, 300_000);

test('what no server would take is not kept, and --print keeps nothing', async () => {
  const before = await readFile(join(folder, 'data/access.json'), 'utf8');
  const printed = await access('token', '--role', 'admin', '--name', 'owner', '--print');
  expect(printed.stderr).toContain(`"hash":"${digest(printed.stdout.trim())}"`);
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [['--role', 'publisher', '--name', 'publisher-2'], /there is a token publisher-2 already/],
    [['--role', 'metrics', '--from', 'everywhere'], /from\.0: an address, a network/],
    [['--role', 'god'], /publisher, admin, metrics/],
  ];
  for (const [args, message] of bad) {
    const { code, stdout, stderr } = await access('token', ...args);
    expect([code, stdout, stderr], args.join(' ')).toEqual([2, '', expect.stringMatching(message)]);
  }
  expect(await readFile(join(folder, 'data/access.json'), 'utf8')).toBe(before);
}, 300_000);
