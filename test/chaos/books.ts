import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND, COMPILED_ONCE } from './program.ts';
import type { PlanRandom } from './random.ts';

/** The server's files, at rest. */
export interface Books {
  /** The config that names them. */
  readonly config: string;
  /** Names the same files elsewhere. */
  readonly configOf: (folder: string) => string;
  /** Where they are. */
  readonly folder: string;
  /** Where a copy of them may be spoilt. */
  readonly scratch: string;
}

/** One byte is flipped at each of so many places of the ledger, and of the journal. */
const FLIPS = 4;

/**
 * Runs `ledger verify` and `journal verify`, as an operator would: they must be clean, and not so after one byte of a copy was
 * flipped, wherever that is.
 * @returns what is wrong, in words.
 */
export async function verifyBooks({ config, configOf, folder, scratch }: Books, random: PlanRandom): Promise<readonly string[]> {
  const words: string[] = [];
  for (const store of ['ledger', 'journal'] as const) {
    const { code, said } = await verify(store, config);
    if (code !== 0) words.push(`${store} verify ended with ${code}: ${said}`);
  }
  if (words.length > 0) return words;
  for (const store of ['ledger', 'journal'] as const) {
    for (let flip = 0; flip < FLIPS; flip += 1) {
      cpSync(folder, scratch, { recursive: true, filter: (path) => !path.startsWith(join(folder, 'buyers')) });
      const place = flipOneBit(store === 'ledger' ? [join(scratch, 'ledger.db')] : segmentsOf(join(scratch, 'journal')), random);
      const { code } = await verify(store, configOf(scratch));
      if (code !== 1) words.push(`${store} verify ended with ${code} though a bit was flipped at ${place}`);
      rmSync(scratch, { recursive: true });
    }
  }
  return words;
}

function segmentsOf(journal: string): readonly string[] {
  return readdirSync(journal)
    .filter((name) => name.endsWith('.journal'))
    .map((name) => join(journal, name));
}

function flipOneBit(files: readonly string[], random: PlanRandom): string {
  const file = files[random.below(files.length)] ?? '';
  const bytes = readFileSync(file);
  const at = random.below(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
  writeFileSync(file, bytes);
  return `${file}:${at}`;
}

async function verify(store: 'ledger' | 'journal', config: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, [COMMAND, store, 'verify', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...COMPILED_ONCE },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  return { code, said: said.trim() };
}
