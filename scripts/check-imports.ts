/**
 * Holds the import rules of `.dependency-cruiser.json`, and proves first that they can fail: a throw-away tree that breaks
 * every rule must have every one reported, so that a parser that sees nothing is found out.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cruise, type IConfiguration, type ICruiseOptions, type ICruiseResult, type IViolation } from 'dependency-cruiser';

const ROOT = resolve(import.meta.dirname, '..');
const CONFIG = JSON.parse(readFileSync(join(ROOT, '.dependency-cruiser.json'), 'utf8')) as IConfiguration;

/** Rule → files that break it, each the only one that may. `bait` files break nothing. */
const CANARY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bait: {
    // The other half of the cycle below, which is reported once.
    'src/core/cycle-b.ts': "import type { A } from './cycle-a.ts';\nexport type B = A;",
    'src/core/bait.ts': 'export interface Bait { readonly bait: true }\nexport const bait = 1;',
    'src/adapters/lnd/bait.ts': 'export const bait = 1;',
    'src/transport/http/bait.ts': 'export const bait = 1;',
    'src/storage/bait.ts': 'export const bait = 1;',
    'src/app/bait.ts': 'export const bait = 1;',
    'src/bin/bait.ts': "export { bait } from '../app/bait.ts';",
    'src/feed/good.ts': "import 'node:fs';\nimport 'zod';\nimport type { Bait } from '../core/bait.ts';\nexport type Good = Bait;",
    'test/bait.ts': 'export const bait = 1;',
  },
  'no-cycles': {
    'src/core/cycle-a.ts': "import type { B } from './cycle-b.ts';\nexport type A = B;",
  },
  resolvable: { 'src/core/gone.ts': "import './nowhere.ts';" },
  'core-alone': {
    'src/core/types-of-app.ts': "import type { bait } from '../storage/bait.ts';\nexport type T = typeof bait;",
    'src/core/package.ts': "export { z } from 'zod';",
    'src/core/later.ts': "export const later = () => import('../storage/bait.ts');",
  },
  'core-node': { 'src/core/node.ts': "import 'node:fs';" },
  'adapter-core-and-shared': {
    'src/adapters/cln/sibling.ts': "export * from '../lnd/bait.ts';",
    'src/adapters/cln/registry.ts': "import '../registry.ts';",
    'src/adapters/shared/sibling.ts': "import '../lnd/bait.ts';",
  },
  'registry-adapters-only': { 'src/adapters/registry.ts': "import '../storage/bait.ts';" },
  'transport-core-only': { 'src/transport/websocket/sibling.ts': "import '../http/bait.ts';" },
  'room-core-only': {
    'src/kdb/storage.ts': "import '../storage/bait.ts';",
    'src/client/transport.ts': "import '../transport/http/bait.ts';",
  },
  'feed-core-and-kdb': { 'src/feed/storage.ts': "import '../storage/bait.ts';" },
  'listener-core-and-shared': { 'src/listener/node.ts': "import '../adapters/lnd/bait.ts';" },
  'app-from-bin-only': { 'src/core/app.ts': "import '../app/bait.ts';", 'src/feed/app.ts': "import '../app/bait.ts';" },
  'bin-from-nowhere': { 'src/app/bin.ts': "import '../bin/bait.ts';" },
  'inversify-in-app': { 'src/bin/container.ts': "import 'inversify';" },
  'src-without-tests': { 'src/feed/test.ts': "import '../../test/bait.ts';" },
  'src-declared-packages': { 'src/feed/tool.ts': "import 'vitest';" },
};

async function violationsIn(baseDir: string): Promise<{ readonly violations: readonly IViolation[]; readonly modules: number }> {
  const options: ICruiseOptions = {
    ...CONFIG.options,
    baseDir,
    validate: true,
    preserveSymlinks: true,
    ruleSet: { forbidden: CONFIG.forbidden ?? [] },
  };
  const { output } = await cruise(['src'], options, CONFIG.options?.enhancedResolveOptions);
  const result = output as ICruiseResult;
  return { violations: result.summary.violations, modules: result.summary.totalCruised };
}

/** What the canary shows the rules to miss; empty where they hold. */
async function missed(): Promise<readonly string[]> {
  const dir = mkdtempSync(join(ROOT, 'node_modules', '.import-canary-'));
  try {
    for (const files of Object.values(CANARY)) {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, name)), { recursive: true });
        writeFileSync(join(dir, name), `${text}\n`);
      }
    }
    writeFileSync(join(dir, 'package.json'), readFileSync(join(ROOT, 'package.json')));
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const { violations } = await violationsIn(dir);
    const fired = new Set(violations.map(({ rule, from }) => `${rule.name} ${from}`));
    const wanted = Object.entries(CANARY).flatMap(([rule, files]) =>
      rule === 'bait' ? [] : Object.keys(files).map((file) => `${rule} ${file}`),
    );
    const untested = (CONFIG.forbidden ?? [])
      .filter(({ name }) => name === undefined || !(name in CANARY))
      .map(({ name }) => `${name}: no file breaks it`);
    const innocent = violations
      .filter(({ from }) => from in (CANARY['bait'] ?? {}))
      .map(({ rule, from }) => `${rule.name} reported for ${from}, which breaks nothing`);
    return [...untested, ...innocent, ...wanted.filter((pair) => !fired.has(pair)).map((pair) => `not reported: ${pair}`)];
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const blind = await missed();
for (const line of blind) console.error(`canary: ${line}`);
const { violations, modules } = await violationsIn(ROOT);
for (const { rule, from, to, cycle } of violations) {
  const path = cycle === undefined ? to : cycle.map(({ name }) => name).join(' → ');
  const comment = CONFIG.forbidden?.find(({ name }) => name === rule.name)?.comment ?? '';
  console.error(`${rule.name}: ${from} → ${path}\n  ${comment}`);
}
if (modules === 0) console.error('no modules found');
console.log(`import rules: ${modules} modules, ${violations.length} violations, canary ${blind.length === 0 ? 'alive' : 'dead'}`);
process.exitCode = blind.length === 0 && violations.length === 0 && modules > 0 ? 0 : 1;
