import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Packages of very many small modules; the others bring files of their own, or hardly count. */
const INLINED = /^(?:kysely|zod|yaml|commander|ws)(?:\/|$)/;

/**
 * The command as it stands, in a few files instead of several hundred: it starts in half of the time, and a run starts it thousands of
 * times. Gone with the process.
 * @returns the script.
 */
export async function bundleCommand(): Promise<string> {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  // Within the project, so that the other packages are found.
  const dir = mkdtempSync(join(ROOT, 'dist/chaos-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const bundle = await rolldown({
    input: { tickerplant: join(ROOT, 'src/bin/tickerplant.ts'), worker: join(ROOT, 'src/storage/ledger/worker.ts') },
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !INLINED.test(id),
    logLevel: 'silent',
  });
  await bundle.write({ dir, format: 'esm', chunkFileNames: '[name]-[hash].js' });
  await bundle.close();
  return join(dir, 'tickerplant.js');
}
