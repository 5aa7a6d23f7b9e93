import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 300_000;

/** Where clients of others are kept between runs: never in the tree. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lightning-tickerplant', 'kdb-clients');

/** The Python of an environment with packages in it, made at first use. */
export async function pythonWith(name: string, ...packages: readonly string[]): Promise<string> {
  const folder = await installed(name, async (into) => {
    await run('python3', ['-m', 'venv', '--copies', into], { timeout: INSTALL_MS });
    await run(join(into, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], {
      timeout: INSTALL_MS,
    });
  });
  return join(folder, 'bin', 'python');
}

/** A folder with an npm package under its `node_modules`, made at first use. */
export function npmPackage(name: string, version: string): Promise<string> {
  return installed(`${name}-${version}`, async (into) => {
    await mkdir(into, { recursive: true });
    const options = ['--prefix', into, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', ...options, `${name}@${version}`], { cwd: into, timeout: INSTALL_MS });
  });
}

/** Two that install at the same time both do; the first to be ready counts. */
async function installed(name: string, install: (into: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name);
  const mark = join(folder, '.complete');
  if (existsSync(mark)) return folder;
  await mkdir(CACHE, { recursive: true });
  // An environment of Python's knows its own path, so it is made where it stays.
  const lock = `${folder}.lock`;
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (existsSync(mark)) return folder;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    if (existsSync(mark)) return folder;
    await rm(folder, { recursive: true, force: true });
    await install(folder);
    await mkdir(`${mark}.tmp`);
    await rename(`${mark}.tmp`, mark);
    return folder;
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
