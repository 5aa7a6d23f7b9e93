import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheDir, locked, onPath } from '../../regtest/native/cache.ts';
import { runCommand } from '../../regtest/native/run-command.ts';

type Progress = (line: string) => void;

/** How to start a peer's server. */
export interface PeerProgram {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** As it names itself. */
  readonly version: string;
}

interface DebianPeer {
  readonly program: string;
  /** What it needs beside what every Debian machine has. */
  readonly packages: readonly string[];
}

const DEBIAN: Readonly<Record<'nats' | 'redis', DebianPeer>> = {
  nats: { program: 'nats-server', packages: ['nats-server'] },
  redis: { program: 'redis-server', packages: ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'] },
};

const SOCKET_IO = '4.8.4';

/**
 * A server from `PATH`, or Debian's package of it, fetched with `apt-get download` and unpacked into the cache folder: nothing is
 * installed on the machine, and no service is started. @throws Error that says what to do.
 */
export async function ensureDebianPeer(name: 'nats' | 'redis', progress: Progress): Promise<PeerProgram> {
  const { program, packages } = DEBIAN[name];
  const path = onPath(program);
  if (path !== undefined) return await started(path, {});
  const root = join(cacheDir(), 'bench-peers', name);
  if (!existsSync(root)) {
    await locked('bench-peers', async () => {
      if (!existsSync(root)) await unpack(program, packages, root, progress);
    });
  }
  const libraries = globSync(join(root, 'usr/lib/*-linux-gnu*')).join(delimiter);
  const unpacked = globSync(join(root, 'usr/{bin,sbin}', program))[0];
  if (unpacked === undefined) throw new Error(`Debian's package has no ${program}: remove ${root} and run this again`);
  return await started(unpacked, libraries === '' ? {} : { LD_LIBRARY_PATH: libraries });
}

/** socket.io of a fixed version, from npm, in the cache folder: where its package is. */
export async function ensureSocketIo(progress: Progress): Promise<{ readonly path: string; readonly version: string }> {
  const dir = join(cacheDir(), 'bench-peers', `socket.io-${SOCKET_IO}`);
  const path = join(dir, 'node_modules', 'socket.io');
  const answer = { path, version: SOCKET_IO };
  if (existsSync(path)) return answer;
  return await locked('bench-peers', async () => {
    if (existsSync(path)) return answer;
    progress(`socket.io ${SOCKET_IO}: installing from npm`);
    const work = `${dir}.new`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    await runCommand('npm', [
      'install',
      '--prefix',
      work,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `socket.io@${SOCKET_IO}`,
    ]);
    rmSync(dir, { recursive: true, force: true });
    renameSync(work, dir);
    return answer;
  });
}

async function unpack(program: string, packages: readonly string[], root: string, progress: Progress): Promise<void> {
  if (onPath('apt-get') === undefined || onPath('dpkg-deb') === undefined) {
    throw new Error(`${program} is not installed: put it on the PATH (it is fetched by itself on Debian only)`);
  }
  progress(`${program}: fetching Debian's packages ${packages.join(' ')}`);
  const work = `${root}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'root'), { recursive: true });
  const fetch = () => runCommand('apt-get', ['-q', 'download', ...packages], { cwd: work });
  try {
    await fetch();
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    await runCommand('apt-get', ['-q', 'update']);
    await fetch();
  }
  for (const name of readdirSync(work)) {
    if (name.endsWith('.deb')) await runCommand('dpkg-deb', ['-x', join(work, name), join(work, 'root')]);
  }
  renameSync(join(work, 'root'), root);
  rmSync(work, { recursive: true, force: true });
}

async function started(command: string, env: Readonly<Record<string, string>>): Promise<PeerProgram> {
  const said = await runCommand(command, ['--version'], { env });
  return { command, env, version: said.trim().split('\n')[0] ?? '' };
}
