import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, locked, onPath } from '../../regtest/native/cache.ts';
import { runCommand } from '../../regtest/native/run-command.ts';

const FLAGS = ['-O3', '-march=native', '-Wall', '-Wno-unused-function', '-Wno-format-truncation'];

/** A program of this folder, compiled once for this machine and kept between runs. @throws Error where there is no C compiler. */
export async function nativeProgram(name: 'sink' | 'publisher' | 'floor'): Promise<string> {
  const compiler = ['cc', 'gcc', 'clang'].map((each) => onPath(each)).find((path) => path !== undefined);
  if (compiler === undefined) throw new Error('a C compiler is needed: put cc on the PATH (Debian: apt-get install gcc libc6-dev)');
  const sources = ['common.h', `${name}.c`].map((file) => join(import.meta.dirname, file));
  const digest = createHash('sha256');
  for (const source of sources) digest.update(readFileSync(source));
  const dir = join(cacheDir(), 'bench');
  const target = join(dir, `${name}-${digest.update(FLAGS.join(' ')).digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  return await locked('bench-native', async () => {
    if (existsSync(target)) return target;
    mkdirSync(dir, { recursive: true });
    await runCommand(compiler, [...FLAGS, '-o', `${target}.new`, ...sources.filter((source) => source.endsWith('.c'))]);
    renameSync(`${target}.new`, target);
    return target;
  });
}
