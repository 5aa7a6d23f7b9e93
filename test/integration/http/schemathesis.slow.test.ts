import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openWorld } from './support/world.ts';

const VERSION = '4.32.5';
const CONFIG = fileURLToPath(new URL('support/schemathesis.toml', import.meta.url));
const run = promisify(execFile);

/** Installs it once for all runs of this user's, from the Python package index. */
async function schemathesis(): Promise<string> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lightning-tickerplant', `schemathesis-${VERSION}`);
  const command = join(folder, 'bin', 'schemathesis');
  if (!existsSync(command)) {
    await run('python3', ['-m', 'venv', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`]);
  }
  return command;
}

const ADMIN = 'a-token-of-the-administrators';

// Some that found something once: a key with a space in it, a field called __proto__.
test.each([1, 5, 14])(
  'schemathesis finds nothing that the description does not say, with seed %i',
  async (seed) => {
    const command = await schemathesis();
    // It keeps what it found in the folder that it runs in.
    const cwd = await mkdtemp(join(tmpdir(), 'tp-schemathesis-'));
    const world = await openWorld({
      limits: { quotesPerSecondPerAddress: 10_000, quoteBurstPerAddress: 100_000 },
      access: { tokens: [{ name: 'admin', role: 'admin', token: ADMIN }] },
      http: { requestBurstPerAddress: 100_000, requestsPerSecondPerAddress: 10_000 },
    });
    try {
      world.publish('AAPL', 1, 2, 3);
      const { headers } = await world.buy(['AAPL']);
      world.publish('AAPL', 4, 5, 6);
      const check = async (...options: readonly string[]) => {
        const args = [
          '--config-file',
          CONFIG,
          'run',
          `${world.url}/openapi.json`,
          '--url',
          world.url,
          '--no-color',
          '--seed',
          String(seed),
          '--max-examples',
          '10',
          ...options,
        ];
        const result = await run(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 }).catch((error: { readonly stdout: string }) => error);
        // What it found stands before the summary; all of it would be megabytes.
        return result.stdout.replaceAll(/^(.{400}).*$/gm, '$1…').slice(-8_000);
      };
      expect(await check()).toMatch(/\d+ generated, \d+ passed\n/);
      // With a token that is paid, streams would never end and a quote would be waited for.
      const paid = await check('-H', `Authorization: ${headers.Authorization}`, '--exclude-path-regex', 'events|ticks|quotes/');
      expect(paid).toMatch(/\d+ generated, \d+ passed/);
      expect(paid).not.toMatch(/errored|unique failures/);
      const admin = await check('-H', `Authorization: Bearer ${ADMIN}`, '--include-path-regex', 'admin');
      expect(admin).toMatch(/\d+ generated, \d+ passed/);
      expect(admin).not.toMatch(/errored|unique failures/);
    } finally {
      await world[Symbol.asyncDispose]();
      await rm(cwd, { recursive: true, force: true });
    }
  },
  300_000,
);
