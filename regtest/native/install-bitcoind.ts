import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../network.ts';
import { cacheDir, locked, onPath } from './cache.ts';
import { runCommand } from './run-command.ts';

/** How to start a program: its path and what goes before its own arguments. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const SUITE = 'sid';
const PACKAGE = 'bitcoin-knots';
const MIRROR = 'http://deb.debian.org/debian';
/** Of what debootstrap fetches, what bitcoind needs to run: itself and shared libraries. */
const NEEDED = /^(bitcoin-knots|lib|gcc-)/;

/** `bitcoind` from `PATH`, or the one installed before; undefined where there is neither. */
export function findBitcoind(): Program | undefined {
  const path = onPath('bitcoind');
  return path === undefined ? inRoot(join(cacheDir(), 'bitcoind')) : { command: path, args: [] };
}

/**
 * Finds bitcoind, or installs Debian's package of it: only Debian's unstable suite has one, so its files are unpacked into a
 * folder of their own and run with their own C library, and the machine's packages stay as they are.
 * @throws Error that names what is missing.
 */
export async function ensureBitcoind(progress: Progress): Promise<Program> {
  return findBitcoind() ?? (await locked('bitcoind', async () => findBitcoind() ?? (await install(progress))));
}

async function install(progress: Progress): Promise<Program> {
  await ensureDebootstrap(progress);
  const target = join(cacheDir(), 'bitcoind');
  const work = `${target}.new`;
  const root = join(work, 'root');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  progress(`bitcoind: fetching Debian's ${PACKAGE} (${SUITE}), about 110 MB`);
  const packages = join(work, 'packages');
  await runCommand('debootstrap', ['--variant=minbase', '--download-only', `--include=${PACKAGE}`, SUITE, packages, MIRROR]);
  const archives = join(packages, 'var/cache/apt/archives');
  for (const name of readdirSync(archives)) {
    if (name.endsWith('.deb') && NEEDED.test(name)) await runCommand('dpkg-deb', ['-x', join(archives, name), root]);
  }
  const program = inRoot(root);
  if (program === undefined) throw new Error(`Debian's ${PACKAGE} has no bitcoind or no loader for this machine`);
  const version = await runCommand(program.command, [...program.args, '--version']);
  rmSync(target, { recursive: true, force: true });
  renameSync(root, target);
  rmSync(work, { recursive: true, force: true });
  progress(`bitcoind: ${version.split('\n')[0]}`);
  const installed = inRoot(target);
  if (installed === undefined) throw new Error(`bitcoind is not in ${target}`);
  return installed;
}

function inRoot(root: string): Program | undefined {
  const bitcoind = join(root, 'usr/bin/bitcoind');
  const loader = globSync(join(root, 'usr/lib/*-linux-gnu*/ld-linux-*.so.*'))[0];
  if (!existsSync(bitcoind) || loader === undefined) return undefined;
  return { command: loader, args: ['--library-path', join(loader, '..'), bitcoind] };
}

async function ensureDebootstrap(progress: Progress): Promise<void> {
  if (onPath('debootstrap') !== undefined && onPath('dpkg-deb') !== undefined) return;
  if (process.getuid?.() === 0 && onPath('apt-get') !== undefined) {
    progress('bitcoind: installing debootstrap');
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await runCommand('apt-get', ['update', '-q'], { env });
    await runCommand('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'debootstrap', 'debian-archive-keyring'], { env });
    return;
  }
  throw new Error(
    'bitcoind is not installed: put bitcoind 29 or newer on the PATH, or install debootstrap and dpkg-deb (Debian: apt-get install debootstrap debian-archive-keyring) and run this again',
  );
}
