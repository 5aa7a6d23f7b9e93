import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestFolder } from '../../unit/storage/support/folders.ts';

const COMMAND = join(import.meta.dirname, '../../../src/bin/tickerplant.ts');
const FILE = `backend: { kind: simulated }
listen: { port: 5020 }
servers:
  - { name: shop, token: { env: LISTENER_TOKEN } }
`;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `tickerplant config check` of a listener's file. */
async function check(text: string, token: string | undefined, ...args: readonly string[]): Promise<Ended> {
  using folder = new TestFolder();
  const file = folder.join('listener.yaml');
  writeFileSync(file, text);
  const { LISTENER_TOKEN: _, ...environment } = process.env;
  const env = { ...environment, ...(token !== undefined && { LISTENER_TOKEN: token }) };
  return await new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, 'config', 'check', '--config', file, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
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
