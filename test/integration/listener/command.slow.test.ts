import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Commands, type EndedCommand } from '../../support/command.ts';
import { TestFolder } from '../../unit/storage/support/folders.ts';

const FILE = `backend: { kind: simulated }
listen: { port: 5020 }
servers:
  - { name: shop, token: { env: LISTENER_TOKEN } }
`;

/** `tickerplant config check` of a listener's file. */
async function check(text: string, token: string | undefined, ...args: readonly string[]): Promise<EndedCommand> {
  using folder = new TestFolder();
  const file = folder.join('listener.yaml');
  writeFileSync(file, text);
  await using commands = new Commands(folder.path);
  return await commands.run(['config', 'check', '--config', file, ...args], { env: { LISTENER_TOKEN: token } });
}

test("config check tells of a listener's file whether it is good, where it is mistyped, and which token can't be read", {
  timeout: 120_000,
}, async () => {
  const token = 'a-token-of-16-characters-or-more';
  const [good, typo, missing, short] = await Promise.all([
    check(FILE, token, '--json'),
    check(FILE.replace('port:', 'porrt:'), token),
    check(FILE, undefined),
    check(FILE, 'short'),
  ]);
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, backend: 'simulated', servers: ['shop'], webhooks: [] });
  expect(typo).toMatchObject({ code: 2, stdout: '' });
  expect(typo.stderr).toMatch(/listener\.yaml.*\n?.*listen.*porrt/);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toContain('servers.shop.token');
  expect(missing.stderr).toContain('LISTENER_TOKEN');
  expect(short.code).toBe(2);
  expect(short.stderr).toContain('can be guessed');
  expect(short.stderr).not.toContain('short\n');
});
