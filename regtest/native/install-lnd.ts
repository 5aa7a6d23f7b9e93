import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../network.ts';
import { cacheDir, isExecutable, locked, onPath } from './cache.ts';
import { runCommand } from './run-command.ts';

/** The two programs of lnd. */
export interface LndPrograms {
  readonly lnd: string;
  readonly lncli: string;
}

const MODULE_DIR: string = join(import.meta.dirname, 'lnd');
const MODULE = 'github.com/lightningnetwork/lnd';
const TAGS = 'invoicesrpc routerrpc chainrpc signrpc walletrpc peersrpc';

/** The version that `regtest/native/lnd/go.mod` asks for. */
export function lndVersion(): string {
  const version = /lightningnetwork\/lnd (v\S+)/.exec(readFileSync(join(MODULE_DIR, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${MODULE_DIR}/go.mod names no version of lnd`);
  return version;
}

/** `lnd` and `lncli` from `PATH`, or those built before; undefined where there are neither. */
export function findLnd(): LndPrograms | undefined {
  const installed = join(cacheDir(), `lnd-${lndVersion()}`);
  const lnd = onPath('lnd') ?? join(installed, 'lnd');
  const lncli = onPath('lncli') ?? join(installed, 'lncli');
  return isExecutable(lnd) && isExecutable(lncli) ? { lnd, lncli } : undefined;
}

/** Finds lnd, or builds it from its Go module: about 7 minutes on 2 cores. @throws Error that names what is missing. */
export async function ensureLnd(progress: Progress): Promise<LndPrograms> {
  return findLnd() ?? (await locked('lnd', async () => findLnd() ?? (await build(progress))));
}

async function build(progress: Progress): Promise<LndPrograms> {
  const go = onPath('go') ?? (isExecutable('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined);
  if (go === undefined)
    throw new Error('lnd is not installed: put lnd and lncli on the PATH, or install Go 1.21 or newer and run this again');
  const target = join(cacheDir(), `lnd-${lndVersion()}`);
  const work = `${target}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  progress(`lnd: building ${lndVersion()} with ${go}; the first time takes some minutes`);
  const packages = ['lnd', 'lncli'].map((name) => `${MODULE}/cmd/${name}`);
  await runCommand(go, ['build', '-trimpath', '-buildvcs=false', '-mod=readonly', '-tags', TAGS, '-o', `${work}/`, ...packages], {
    cwd: MODULE_DIR,
    env: { GOWORK: 'off' },
    progress,
  });
  rmSync(target, { recursive: true, force: true });
  renameSync(work, target);
  const programs = findLnd();
  if (programs === undefined) throw new Error(`lnd is not in ${target}`);
  progress(`lnd: ${(await runCommand(programs.lnd, ['--version'])).trim()}`);
  return programs;
}
